"""The fire drill for real: telemetry in, notification out, resolved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from alertmanager import ROOT

from imsobs.compile import read_spec, render_model
from imsobs.write import apply, changes

FIVE = (
    "CriticalErrorRate",
    "FrequentRateLimiting",
    "HighCostDrift",
    "DatabaseUnhealthy",
    "ServiceDown",
)


@pytest.mark.native
@pytest.mark.timeout(420)
def test_five_alerts_are_delivered_and_resolve(tmp_path: Path) -> None:
    spec = tmp_path / "spec/ims.yaml"
    spec.parent.mkdir()
    spec.write_bytes((ROOT / "spec/ims.yaml").read_bytes())
    compiled = read_spec([spec])
    assert compiled.model is not None
    apply(tmp_path, changes(tmp_path, render_model(compiled.model)))
    command = [
        sys.executable,
        "-m",
        "imsobs",
        "drill",
        *FIVE,
        "--root",
        str(tmp_path),
        "--format",
        "json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["alert"]: row for row in json.loads(done.stdout)["alerts"]}
    assert set(rows) == set(FIVE)
    assert all(row["outcome"] == "done" for row in rows.values()), rows
    assert rows["ServiceDown"]["delivered_to"] == "on-call"
    assert rows["HighCostDrift"]["delivered_to"] == "models"
    assert all(row["resolved_after_seconds"] > 0 for row in rows.values())
