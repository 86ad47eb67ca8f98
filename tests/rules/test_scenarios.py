"""What happens over hours, told to the rendered rules by promtool: who is woken, and who is not.

Each file below scenarios/ is a test of promtool, and may be run by hand as well:
``promtool test rules tests/rules/scenarios/*.yaml``.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imsobs.runtime.build.binaries import resolve_binary

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))


@pytest.mark.native
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(scenario: Path) -> None:
    promtool = str(resolve_binary("promtool", ROOT))
    done = subprocess.run(
        [promtool, "test", "rules", str(scenario)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
