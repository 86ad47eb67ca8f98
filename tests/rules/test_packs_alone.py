"""A pack works for another service: Collector and promtool accept what a small spec renders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from alertmanager import ROOT

from imsobs import write
from imsobs.compile import read_spec, render_model
from imsobs.runtime.build.binaries import resolve_binary

SPECS = sorted((Path(__file__).parent / "packs").glob("*.yaml"))
pytestmark = pytest.mark.native


@pytest.fixture(scope="module", params=SPECS, ids=lambda spec: spec.stem)
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiled = read_spec([request.param])
    assert compiled.model is not None, compiled.lines()
    folder = tmp_path_factory.mktemp("project")
    write.apply(folder, write.changes(folder, render_model(compiled.model)))
    return folder


def test_the_collector_accepts_its_configuration(rendered: Path) -> None:
    command = [resolve_binary("otelcol", ROOT), "validate", "--config", "collector/config.yaml"]
    done = subprocess.run(command, cwd=rendered, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_alert_fires_at_its_boundary(rendered: Path) -> None:
    tests = sorted(path.name for path in (rendered / "alerts/tests").glob("*.yaml"))
    assert {"series-over-budget.yaml", "trace-memory-full.yaml", "watchdog.yaml"} <= set(tests)
    command = [resolve_binary("promtool", ROOT), "test", "rules", *tests]
    folder = rendered / "alerts/tests"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
