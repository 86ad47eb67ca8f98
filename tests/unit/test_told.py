"""How soon somebody is told, and how a failed request is found: runbooks and the drill's table."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from small_specs import PARTS, compiled, rendered

from imsobs.errors import ImsobsError
from imsobs.measurements import Measurement, read, write
from imsobs.model import Model
from imsobs.outputs.docs.last_step import last_step, told_within
from imsobs.runtime.drill import times
from imsobs.runtime.drill.queries import answered, silent

GOALS = {"critical": 120, "warning": 300}
# What is slow by nature: a budget is known once an hour, and a burn rate over hours.
SLOW = {
    "BudgetForecastExceeded",
    "SLOAvailabilityBurnFast",
    "SLOAvailabilityBurnMedium",
    "SLOAvailabilityBurnSlow",
    "SLOLatencyBurnMedium",
    "SLOLatencyBurnSlow",
    "SeriesOverBudget",
    "PrometheusStorageProblems",
    "InvalidMetricPoints",
    "ProcessSeriesNearLimit",
}


def test_a_true_condition_is_told_within_the_goals(model: Model) -> None:
    late = {
        name: told_within(alert, model)
        for name, alert in model.alerts.items()
        if alert.enabled and told_within(alert, model) > GOALS.get(alert.severity, 10**9)
    }
    assert set(late) <= SLOW, late


def test_what_is_waited_for_is_added_up(model: Model) -> None:
    # 15 s to the scrape, 5 s to the evaluation, 30 s, and 10 s of the route for critical alerts.
    assert told_within(model.alerts["DatabaseUnhealthy"], model) == 60
    # 30 s of the routes in general.
    assert told_within(model.alerts["HighErrorRate"], model) == 110


def test_the_last_step_names_route_and_service(model: Model) -> None:
    found = last_step(model.alerts["RouteErrorRate"], model)
    assert found["traces"] == "imsobs traces --error --route /v1/generate --since 10m"
    assert "service=ims-core" in found["jaeger"]
    assert "%22http.route%22%3A%22/v1/generate%22" in found["jaeger"]
    expected = '{service_name="ims-core", deployment_environment_name="production"}'
    assert found["logql"] == f"{expected} | severity_number >= 17"
    assert "--route" not in last_step(model.alerts["DatabaseUnhealthy"], model)["traces"]
    assert last_step(model.alerts["TargetDown"], model) == {}


def test_queries_that_fail_or_find_nothing_are_silent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        match request.url.params["query"]:
            case "two":
                result = [{"value": [1, "0"]}, {"value": [1, "1"]}]
            case "nan":
                result = [{"value": [1, "NaN"]}]
            case "none":
                result = []
            case _:
                return httpx.Response(400, json={"status": "error"})
        return httpx.Response(200, json={"data": {"resultType": "vector", "result": result}})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        queries = {"a": "two", "b": "nan", "c": "none", "d": "wrong("}
        found = answered(client, "http://prometheus", queries)
    assert found == {"a": 2, "b": 0, "c": 0, "d": None}
    assert silent(found) == ["b", "c", "d"]


@pytest.mark.parametrize("link", ["notifications.md", "notifications.json", "folder"])
def test_what_was_measured_is_written_over_no_link(
    model: Model, row: dict[str, object], tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("{}")
    root = tmp_path / "project"
    reference = root / "docs/reference"
    reference.parent.mkdir(parents=True)
    if link == "folder":
        reference.symlink_to(outside)
    else:
        reference.mkdir()
        (reference / link).symlink_to(outside / "file")
    with pytest.raises(ImsobsError, match="nothing was written"):
        times.record(root, model, [row])
    assert [file.name for file in outside.iterdir()] == ["file"]
    assert (outside / "file").read_text() == "{}"


@pytest.fixture
def row() -> dict[str, object]:
    return {
        "alert": "ServiceDown",
        "severity": "critical",
        "delivered_to": "on-call",
        "delivered_after_seconds": 71.6,
        "queries": {"Which components": 5, "Memory": 0},
        "date": "2026-11-26",
    }


def test_the_table_keeps_what_was_measured_before(
    model: Model, row: dict[str, object], tmp_path: Path
) -> None:
    slow = {**row, "alert": "HighErrorRate", "severity": "warning", "delivered_after_seconds": 301}
    gone = {**row, "alert": "NoLongerThere"}
    failed = {**row, "alert": "TargetDown", "delivered_after_seconds": None}
    times.record(tmp_path, model, [row, gone, failed])
    text = times.record(tmp_path, model, [slow]).read_text()
    assert "| critical | on-call | 72 s | yes | 1 of 2 (nothing: Memory) | 2026-11-26 |" in text
    assert "| warning | on-call | 301 s | no |" in text
    assert "NoLongerThere" not in text
    # Told of in words, because nothing was measured.
    assert "\n- TargetDown: " in text
    assert "\n- BudgetForecastExceeded: holds for 1h\n" in text
    changes = "what it looks at changes more slowly than the 600 s that a drill waits"
    assert f"\n- BudgetExhausted: {changes}\n" in text
    assert "\n- InfoInhibitor: it notifies nobody\n" in text
    kept = json.loads((tmp_path / "docs/reference/notifications.json").read_text())
    assert sorted(kept) == ["HighErrorRate", "ServiceDown"]


MEASURED = "alerting: {measured: kept/notifications.json}"


def test_a_runbook_shows_what_was_measured(tmp_path: Path) -> None:
    pack = PARTS["the pack pipeline"]
    row = Measurement("TargetDown", "warning", "platform", 173.6, "2026-11-26", {"Targets": 1})
    write(tmp_path / "kept/notifications.json", [row])
    assert read(tmp_path / "kept/notifications.json") == {"TargetDown": row}
    rendered(tmp_path, pack, MEASURED)
    runbooks = tmp_path / "docs/runbooks"
    text = (runbooks / "target-down.md").read_text()
    assert "Measured from the first bad request by the drill of 2026-11-26: 174 s, platform" in text
    text = (runbooks / "telemetry-pipeline-down.md").read_text()
    assert "not measured yet (`imsobs drill --real-time TelemetryPipelineDown`)" in text
    text = (runbooks / "telemetry-refused.md").read_text()
    assert "not measured (below, why there is no drill)" in text


@pytest.mark.parametrize("text", ["[]", "{", '{"TargetDown": {}}', '{"TargetDown": 3}', "\xff"])
def test_a_file_that_no_drill_wrote_is_a_problem_with_its_place(tmp_path: Path, text: str) -> None:
    assert compiled(tmp_path, MEASURED).lines() == []
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/notifications.json").write_bytes(text.encode("latin-1"))
    (line,) = compiled(tmp_path, MEASURED).lines()
    assert line.endswith(
        ": alerting.measured: kept/notifications.json is not what `imsobs drill --real-time`"
        " writes [alert/measured]"
    )
