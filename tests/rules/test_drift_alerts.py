"""The alerts of the pack drift over runs that come, find something, stop, and are forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from mistakes import SPEC
from promtool import check

from imsobs import write
from imsobs.compile import read_spec, render_model

pytestmark = pytest.mark.native
LABELS = '{service_name="orders",deployment_environment_name="production"}'
FOUND = f"shop_configuration_differences_total{LABELS}"
RUNS = f"shop_configuration_checks_total{LABELS}"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    spec = yaml.safe_load(SPEC.read_text())
    spec["use"] = ["drift"]
    spec["alerting"]["groups"]["drift"] = {"team": "web"}
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    compiled = read_spec([folder / "spec.yaml"])
    assert compiled.model is not None, compiled.lines()
    write.apply(folder, write.changes(folder, render_model(compiled.model)))
    return folder / "alerts/rules/alerting.yaml"


def firing(alert: str, at: str, fires: bool) -> dict[str, object]:
    expression = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {"expr": expression, "eval_time": at, "exp_samples": samples}


# Samples every minute, a run every ten.
@pytest.mark.parametrize(
    ("found", "moments"),
    [
        # One run in the middle of a deployment.
        ("0x30 2x120", {"31m": False, "45m": False, "50m": False, "90m": False}),
        # Two in a row, and then none.
        ("0x30 2x10 4x120", {"44m": False, "48m": True, "55m": True, "65m": False}),
        # Nothing ever: a fresh stack, or one without drift.
        ("0x150", {"60m": False, "140m": False}),
    ],
)
def test_drift_fires_on_two_runs_in_a_row(
    rules: Path, tmp_path: Path, found: str, moments: dict[str, bool]
) -> None:
    questions = [firing("ConfigurationDrift", at, fires) for at, fires in moments.items()]
    check(tmp_path, {FOUND: found}, questions, [rules], interval="1m")


@pytest.mark.parametrize(
    ("runs", "moments"),
    [
        # They stop at 30m.
        ("1x10 2x10 3x180", {"60m": False, "70m": False, "90m": True, "170m": True}),
        # The Collector is restarted at 30m and forgets the counter; the next run is its first.
        ("1x10 2x10 3x10 _x8 1x180", {"45m": False, "80m": False}),
        # It is restarted, and no run comes any more.
        ("1x10 2x10 3x10 _x180", {"60m": False, "100m": True, "170m": True}),
        # None ever came: nobody scheduled them.
        ("_x180", {"30m": False, "170m": False}),
    ],
)
def test_runs_that_stop_are_missed(
    rules: Path, tmp_path: Path, runs: str, moments: dict[str, bool]
) -> None:
    questions = [firing("ConfigurationUnchecked", at, fires) for at, fires in moments.items()]
    check(tmp_path, {RUNS: runs}, questions, [rules], interval="1m")
