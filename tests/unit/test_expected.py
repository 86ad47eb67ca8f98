"""Sources that are expected with others: what is recorded, and what status makes of it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from imsobs.cli.tables import telemetry_table
from imsobs.compile import read_spec
from imsobs.model import Model, resolve
from imsobs.model.expected import cause, expectations
from imsobs.outputs import collector
from imsobs.outputs.stack import native
from imsobs.runtime.expected import Expected, Vector, expected
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.status import Telemetry
from imsobs.spec.load import load
from imsobs.spec.parse import parse
from imsobs.yamlio import dump

ROOT = Path(__file__).resolve().parents[2]
BY = "sum by (service_name, deployment_environment_name)"
PRODUCTION = {"service_name": "ims-core", "deployment_environment_name": "production"}
STAGING = {"service_name": "ims-core", "deployment_environment_name": "staging"}


def compiled(folder: Path, overlay: dict[str, Any]) -> Model:
    path = folder / "overlay.yaml"
    path.write_text(dump(overlay))
    found = read_spec([ROOT / "spec/ims.yaml", path])
    assert found.model is not None, found.lines()
    return found.model


def rules(model: Model) -> dict[str, str]:
    return {r.name: " ".join(r.expr.split()) for r in model.records if r.group == "expected"}


def only(**given: dict[str, Any]) -> dict[str, Any]:
    """Return the overlay in which these metrics are expected, and no others."""
    own = read_spec([ROOT / "spec/ims.yaml"]).model
    assert own is not None
    none: dict[str, Any] = {
        name: {"expected_with": None} for name in expectations(own.spec) if name not in given
    }
    return {"metrics": none | {name: {"expected_with": with_} for name, with_ in given.items()}}


def test_health_routes_cause_nothing_and_other_labels_are_added_up(tmp_path: Path) -> None:
    given = {"metric": "ims_requests_total", "hint": "Is it logged?"}
    found = rules(compiled(tmp_path, only(ims_policy_evaluations_total=given)))
    requests = f'{BY} (increase(ims_requests_total{{route!~"/health.*"}}[1h] anchored))'
    policies = f"{BY} (increase(ims_policy_evaluations_total[1h] anchored))"
    which = '"metric", "ims_policy_evaluations_total", "", ""'
    assert found == {
        "ims_expected_causes": f"label_replace( {requests}, {which} )",
        "ims_expected_seen": f"label_replace( {policies}, {which} ) or ims_expected_causes * 0",
    }


def test_a_histogram_is_counted_by_what_it_observed(tmp_path: Path) -> None:
    given = {
        "metric": "ims_request_duration_seconds",
        "where": {"route": "/v1/generate"},
        "minus": {"metric": "ims_cache_entry_age_seconds", "where": {"cache": "response"}},
        "within": "30m",
        "hint": "Is it logged?",
    }
    found = rules(compiled(tmp_path, only(ims_policy_duration_seconds=given)))
    asked = (
        f'{BY} (increase(ims_request_duration_seconds_count{{route="/v1/generate"}}[30m] anchored))'
    )
    found_in_cache = (
        f'{BY} (increase(ims_cache_entry_age_seconds_count{{cache="response"}}[30m] anchored))'
    )
    assert (
        f"clamp_min({asked} - ({found_in_cache} or {asked} * 0), 0)" in found["ims_expected_causes"]
    )
    assert (
        f"{BY} (increase(ims_policy_duration_seconds_count[30m] anchored))"
        in found["ims_expected_seen"]
    )


def test_a_gauge_is_seen_when_it_is_there_whatever_it_shows(tmp_path: Path) -> None:
    given = {"metric": "ims_requests_total", "hint": "Does the SDK send metrics?"}
    found = rules(compiled(tmp_path, only(ims_process_threads=given)))
    by = BY.replace("sum", "count")
    seen = f"{by} (present_over_time(ims_process_threads[1h]))"
    assert seen in found["ims_expected_seen"]


def resolved(namespace: str, *, keep: bool) -> Model:
    """Return the model of the spec under another namespace, with or without expectations."""
    document, _ = load([ROOT / "spec/ims.yaml"])
    document.data["service"]["namespace"] = namespace
    for metric in document.data["metrics"].values():
        if not keep:
            metric.pop("expected_with", None)
    spec, problems = parse(document.data)
    assert spec is not None, problems
    return resolve(spec)


def test_the_metrics_are_named_by_the_namespace() -> None:
    model = resolved("my-shop", keep=True)
    assert list(rules(model)) == ["my_shop_expected_causes", "my_shop_expected_seen"]
    assert rules(model)["my_shop_expected_seen"].endswith("or my_shop_expected_causes * 0")
    assert model.metrics["my_shop_expected_seen"].labels.keys() == {
        "service_name",
        "deployment_environment_name",
        "metric",
    }
    plan = native.plan(model, collector.plan(model))
    assert next(iter(plan)).sections["expected"]["seen"] == "my_shop_expected_seen"


def test_where_nothing_is_expected_nothing_is_recorded() -> None:
    model = resolved("ims", keep=False)
    assert rules(model) == {}
    assert "ims_expected_causes" not in model.metrics
    assert "expected" not in next(iter(native.plan(model, collector.plan(model)))).sections


def test_its_names_are_not_free(tmp_path: Path) -> None:
    path = tmp_path / "overlay.yaml"
    gauge = {"type": "gauge", "description": "x", "rule": "vector(1)"}
    path.write_text(dump({"metrics": {"ims_expected_seen": gauge}}))
    lines = read_spec([ROOT / "spec/ims.yaml", path]).lines()
    assert any("ims_expected_seen" in line and "[metric/derived-name]" in line for line in lines)


def test_the_cause_is_written_as_one_asks_for_it() -> None:
    model = read_spec([ROOT / "spec/ims.yaml"]).model
    assert model is not None
    given = expectations(model.spec)["ims_model_calls_total"]
    assert cause(given, model.spec) == (
        'ims_requests_total{method="POST", route="/v1/generate", status_class="2xx"}'
        ' - ims_cache_hits_total{cache="response"}'
    )


def row(labels: dict[str, str], metric: str, value: str) -> dict[str, Any]:
    return {"metric": {**labels, "metric": metric}, "value": [0, value]}


CALLS, SELECTIONS = "ims_model_calls_total", "ims_model_selections_total"
ANSWERS: dict[str, Vector] = {
    "ims_expected_causes": [
        row(PRODUCTION, CALLS, "57"),
        row(STAGING, CALLS, "8"),
        row(PRODUCTION, SELECTIONS, "0"),
        # Of an older spec.
        row(PRODUCTION, "ims_gone_total", "9"),
    ],
    "ims_expected_seen": [row(STAGING, CALLS, "7"), row(PRODUCTION, SELECTIONS, "0")],
}


def test_status_tells_both_numbers_of_what_never_came() -> None:
    found = expected(load_plan(ROOT), ANSWERS.get)
    assert found is not None
    counted = [(e.environment, e.metric, e.causes, e.seen, e.missing) for e in found]
    assert counted == [
        ("production", CALLS, 57, 0, True),
        ("production", SELECTIONS, 0, 0, False),
        ("staging", CALLS, 8, 7, False),
    ]
    console = Console(width=400, file=StringIO())
    console.print(telemetry_table(Telemetry(expected=found)))
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert "expected sources" in text
    assert "1 of 2 seen" in text
    assert (
        "0 of ims_model_calls_total from ims-core in production, beside 57 of"
        ' ims_requests_total{method="POST", route="/v1/generate", status_class="2xx"}'
        ' - ims_cache_hits_total{cache="response"} in 1h.'
        " Is the vendor's client library instrumented?"
    ) in text
    assert "staging" not in text


@pytest.mark.parametrize("answered", ["ims_expected_causes", "ims_expected_seen", ""])
def test_a_prometheus_that_does_not_answer_says_nothing_of_it(answered: str) -> None:
    assert expected(load_plan(ROOT), {answered: []}.get) is None


@pytest.mark.parametrize(("found", "said"), [(None, "-"), ([], "none yet")])
def test_no_traffic_and_no_answer_are_told_apart(found: list[Expected] | None, said: str) -> None:
    console = Console(width=100, file=StringIO())
    console.print(telemetry_table(Telemetry(expected=found)))
    assert isinstance(console.file, StringIO)
    line = next(row for row in console.file.getvalue().splitlines() if "expected" in row)
    assert line.split()[2:] == said.split()
