"""What a spec leaves to be derived is filled in, and what it says is kept."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from imsobs import checks
from imsobs.model import resolve
from imsobs.spec.expand import expand
from imsobs.spec.load import load
from imsobs.spec.parse import parse

ROOT = Path(__file__).resolve().parents[2]


def expanded(section: str, **data: Any) -> Any:
    """Return a section of the expanded data; the data given must not have changed."""
    before = copy.deepcopy(data)
    after = expand(data)[section]
    assert data == before
    return after


def test_labels_of_an_event_are_fields() -> None:
    event = {"labels": ["queue", "exit_code"], "fields": {"exit_code": {"type": "integer"}}}
    (entry,) = expanded("events", events={"job_done": event}).values()
    assert entry["fields"] == {
        "queue": {"label": "queue"},
        "exit_code": {"label": "exit_code", "type": "integer"},
    }


@pytest.mark.parametrize(
    ("name", "given", "type_", "value"),
    [
        ("x_jobs_total", {"event": "job"}, "counter", None),
        ("x_job_wait_seconds", {"event": "job", "buckets": "b"}, "histogram", "wait_seconds"),
        ("x_job_depth", {"event": "job", "fold": "max"}, "gauge", "depth"),
        # The longest field that the name ends with, not the first.
        ("x_job_max_depth", {"event": "job", "fold": "max"}, "gauge", "max_depth"),
        ("x_job_lasted", {"event": "job", "buckets": "b"}, "histogram", None),
        # A label is no measurement, even where it is a number.
        ("x_job_exit_code", {"event": "job", "fold": "max"}, "gauge", None),
        ("x_call_duration_seconds", {"span": "call", "buckets": "b"}, "histogram", "duration"),
        ("x_call_tokens", {"span": "call", "buckets": "b"}, "histogram", None),
        ("x_up", {"probe": "status"}, "gauge", None),
        ("x_jobs_total", {"type": "gauge", "value": "cost"}, "gauge", "cost"),
    ],
)
def test_a_metric_is_what_its_name_says(
    name: str, given: dict[str, Any], type_: str, value: str | None
) -> None:
    number = {"type": "number"}
    fields = {"wait_seconds": number, "depth": number, "max_depth": number}
    fields["exit_code"] = {"type": "integer", "label": "exit_code"}
    metric = expanded("metrics", metrics={name: given}, events={"job": {"fields": fields}})[name]
    assert (metric["type"], metric.get("value")) == (type_, value)


def test_a_source_sets_the_labels_of_its_metrics() -> None:
    labels = {
        "route": {"attributes": ["http.route"]},
        "word": {"intrinsic": "span.name"},
        "queue": {"values": ["a"]},
    }
    metrics = {
        "a_total": {"span": ["web", "socket"], "labels": ["route", "queue"]},
        "b_total": {"span": "web", "when": {"word": "GET", "outcome": "error"}},
        "c_total": {"span": "said", "labels": ["route"]},
    }
    sources = {"web": {}, "socket": {}, "said": {"labels": [], "outcome": False}}
    assert expanded("sources", labels=labels, metrics=metrics, sources=sources) == {
        "web": {"labels": ["route", "word"], "outcome": True},
        "socket": {"labels": ["route"]},
        "said": {"labels": [], "outcome": False},
    }


def test_a_tier_is_so_many_times_the_price() -> None:
    price = {
        "input": 0.75,
        "output": 3.75,
        "above": {1000: {"input": 1.1, "output": 5, "cached_read": 0.3}},
        "tiers": {"priority": 1.8, "batch": {"input": 1, "output": 2}},
    }
    (found,) = expanded("prices", prices={"acme": {"one": [price]}})["acme"]["one"]
    assert found["tiers"] == {
        "priority": {
            "input": 1.35,
            "output": 6.75,
            "above": {1000: {"input": 1.98, "output": 9.0, "cached_read": 0.54}},
        },
        "batch": {"input": 1, "output": 2},
    }


def test_a_price_has_the_source_of_its_vendor_unless_it_names_one() -> None:
    sources = {"acme": {"source": "https://acme.example", "checked": "2026-01-02"}}
    prices = {"acme": {"one": [{}], "two": [{"source": "a letter"}]}, "other": {"x": [{}]}}
    assert expanded("prices", price_sources=sources, prices=prices) == {
        "acme": {"one": [sources["acme"]], "two": [{**sources["acme"], "source": "a letter"}]},
        "other": {"x": [{}]},
    }


@pytest.mark.parametrize(
    ("label", "prices", "expected"),
    [
        (
            {"patterns": {"one": "^one$"}},
            {"two": [{"snapshots": ["two", "two-1.5"]}]},
            {"patterns": {"one": "^one$", "two": r"^(two|two-1\.5)$"}},
        ),
        (
            {"patterns": {"one": "^one$", "*": ".*"}},
            {"two": [{"snapshots": ["v2(b)"]}]},
            {"patterns": {"one": "^one$", "two": r"^v2\(b\)$", "*": ".*"}},
        ),
        # A price without snapshots, beside one that has some, is for the bare name.
        (
            {"values": ["one"]},
            {"two": [{"snapshots": ["two-b"]}, {}, {"snapshots": ["two-b"]}]},
            {"values": {"one": ["one"], "two": ["two-b", "two"]}},
        ),
        (
            {"values": {"one": ["uno"]}},
            {"two": [{"snapshots": ["due"]}]},
            {"values": {"one": ["uno"], "two": ["due"]}},
        ),
        # What the label says wins; a name without snapshots may be misspelt; no label, no value.
        ({"patterns": {"one": "^uno$"}}, {"one": [{"snapshots": ["one"]}]}, None),
        ({"patterns": {"one": "^one$"}}, {"onne": [{"input": 1}]}, None),
        ({"values_of": "other"}, {"two": [{"snapshots": ["two"]}]}, None),
    ],
)
def test_a_price_that_names_its_snapshots_declares_its_model(
    label: dict[str, Any], prices: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    found = expanded("labels", labels={"model": label}, prices={"acme": prices})
    assert found == {"model": expected or label}
    # The first pattern that matches wins.
    assert [*found["model"].get("patterns", {})] == [*(expected or label).get("patterns", {})]


def test_an_expected_alert_has_the_labels_that_it_has_in_the_spec() -> None:
    given = {
        "alerting": {"groups": {"cost": {"team": "models"}}},
        "alerts": {
            "Dear": {"group": "cost", "severity": "warning", "labels": {"kind": "money"}},
            "Owned": {"group": "cost", "severity": "info", "team": "trust"},
        },
        "routing": {
            "expect": {
                "own": {"labels": {"alertname": "Dear"}, "beside": {"alertname": "Owned"}},
                "given": {"labels": {"alertname": "Dear", "team": "other", "vendor": "openai"}},
                "unknown": {"labels": {"alertname": "Handmade", "severity": "warning"}},
            }
        },
    }
    dear = {"kind": "money", "alertname": "Dear", "severity": "warning", "area": "cost"}
    owned = {"alertname": "Owned", "severity": "info", "team": "trust", "area": "cost"}
    assert expand(given)["routing"]["expect"] == {
        "own": {"labels": {**dear, "team": "models"}, "beside": owned},
        "given": {"labels": {**dear, "team": "other", "vendor": "openai"}},
        "unknown": {"labels": {"alertname": "Handmade", "severity": "warning"}},
    }
    assert "severity" not in given["routing"]["expect"]["own"]["labels"]


@pytest.mark.parametrize("wrong", [None, 7, "text", [], {"x": None}, {"x": {"fields": 3}}])
@pytest.mark.parametrize("section", ["events", "metrics", "sources", "prices", "labels", "routing"])
def test_misshapen_data_passes(section: str, wrong: Any) -> None:
    given = {"events": {"e": {}}, "metrics": {"m": {"span": "s"}}, "sources": {"s": {}}}
    assert set(expand({**given, section: wrong})) == {*given, section, "receivers", "routing"}


def test_an_objective_has_the_alerts_of_a_catalogue() -> None:
    slos = {"slow_jobs": {"severity": "warning", "breach": {"severity": "info"}}, "named": {}}
    slow, named = expanded("slos", slos=slos).values()
    assert [(b["name"], b["factor"], b["long"], b["severity"]) for b in slow["burn"]] == [
        ("SLOSlowJobsBurnFast", 14.4, "1h", "warning"),
        ("SLOSlowJobsBurnMedium", 6, "6h", "warning"),
        ("SLOSlowJobsBurnSlow", 1, "3d", "info"),
    ]
    assert slow["breach"] == {"name": "SLOSlowJobsBreach", "severity": "info", "for": "5m"}
    assert [b["severity"] for b in named["burn"]] == ["critical", "critical", "warning"]
    assert named["breach"]["severity"] == "critical"


def test_alerts_of_an_objective_that_are_written_stay() -> None:
    burn = [{"name": "Mine", "factor": 3}]
    (slo,) = expanded("slos", slos={"mine": {"burn": burn, "breach": {"name": "Over"}}}).values()
    assert slo["burn"] == burn
    assert slo["breach"]["name"] == "Over"


def test_a_dashboard_shows_every_objective_and_band() -> None:
    slos = {
        "latency": {"objective": 0.95, "description": "In 2 s."},
        "fresh_data": {"window": "7d"},
    }
    own = {"Budget over time": {"Latency budget": {"fold": "max"}, "Fresh data budget": None}}
    rows = expanded(
        "dashboards",
        slos=slos,
        anomalies={"cost": {"of": "service:x_cost_usd:rate5m", "description": "Cost."}},
        dashboards={"d": {"objectives": True, "rows": {**own, "More": {"P": {}}}}},
    )["d"]["rows"]
    assert {row: list(panels) for row, panels in rows.items()} == {
        "Are the promises kept": [
            "Latency budget left",
            "Fresh data budget left",
            "Latency bad events 30d",
            "Fresh data bad events 7d",
        ],
        "Budget over time": ["Latency budget"],
        "Speed of burning": ["Latency burn rate", "Fresh data burn rate"],
        "Is it usual": ["Cost and its band"],
        "More": ["P"],
    }
    assert rows["Budget over time"]["Latency budget"]["fold"] == "max"
    bad = rows["Are the promises kept"]["Latency bad events 30d"]
    assert (bad["value"], bad["thresholds"]) == ("slo:latency:error_ratio30d", {"critical": 0.05})
    burning = rows["Speed of burning"]["Latency burn rate"]
    assert list(burning["promql"]) == ["5m", "30m", "1h", "6h", "3d"]
    assert burning["thresholds"] == {"critical": 14.4, "warning": 6}
    assert rows["Is it usual"]["Cost and its band"]["promql"]["upper"].endswith(") * 3600")


@pytest.mark.parametrize("count", [1, 3, 5])
def test_any_number_of_objectives_fills_the_lines_of_a_dashboard(count: int) -> None:
    document, _ = load([ROOT / "spec" / "ims.yaml"])
    slo = document.data["slos"]["availability"]
    slos = {f"promise_{index}": slo for index in range(count)}
    spec, _ = parse({**document.data, "slos": slos})
    assert spec is not None
    found = [p for p in checks.run(resolve(spec)) if p.path[:2] == ("dashboards", "ims-slos")]
    assert found == []
