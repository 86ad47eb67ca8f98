"""What records are: where they come from, what they read, which labels their series have."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_specs import PARTS, compiled, model_of

from imsobs.model import Model
from imsobs.model.rules import Record, output_labels, record_series, recorded_in
from imsobs.promql.series import Series
from imsobs.spec.schema.drills import Drill, Send

IDENTITY = {"service_name", "deployment_environment_name"}
OWN = """
rules:
  service:shop_ok:ratio:
    {description: Of all., ratio: {part: shop_pages_total, where: {outcome: success}}}
metrics:
  shop_ok_ratio: {description: Of all., ratio: {part: shop_pages_total, where: {outcome: success}}}
  shop_pages_per_second:
    description: Pages.
    allow: {metric/base-unit: A test.}
    labels: [service_name, deployment_environment_name]
    rule: sum by (service_name, deployment_environment_name) (rate(shop_pages_total[5m]))
alerting:
  groups: {mine: {team: me, dashboard: pages}}
  facts:
    by-outcome: {title: By outcome, series: "service:shop_pages:rate5m",
      label: service_name, unit: count}
    again: {title: Again, series: "service:shop_ok:ratio",
      label: service_name, unit: ratio, least: 0.5}
alerts:
  ManyPages: &alert
    severity: warning
    for: 1m
    group: mine
    expr: "service:shop_pages:rate5m"
    threshold: 5
    summary: "{{ $who }} has many"
    description: Many.
    facts: [again]
    drill: {skip: a test}
  Derived:
    severity: warning
    for: 1m
    group: mine
    expr: increase(shop_pages_total{outcome="error"}[5m] anchored)
    threshold: 5
    summary: "{{ $who }} has many"
    description: Many.
"""


def record(name: str, expr: str, *, metric: bool = False) -> Record:
    return Record(name, expr, "D.", "g", "30s", ("rules", name), metric=metric)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("spec"), PARTS["an objective and a band"], OWN)


def test_a_record_knows_the_place_that_asks_for_it(small: Model) -> None:
    found = {one.name: one for one in small.records}
    assert {
        name: (found[name].path, found[name].metric, found[name].group)
        for name in (
            "service:shop_pages:rate5m",
            "service:shop_ok:ratio",
            "shop_ok_ratio",
            "shop_pages_per_second",
            "slo:pages:objective",
        )
    } == {
        "service:shop_pages:rate5m": (
            ("rules", "service:shop_pages:rate5m", "expr"),
            False,
            "service",
        ),
        "service:shop_ok:ratio": (("rules", "service:shop_ok:ratio", "ratio"), False, "service"),
        "shop_ok_ratio": (("metrics", "shop_ok_ratio", "ratio"), True, "metrics-other"),
        "shop_pages_per_second": (
            ("metrics", "shop_pages_per_second", "rule"),
            True,
            "metrics-other",
        ),
        "slo:pages:objective": (("slos", "pages"), False, "slo-pages"),
    }


def test_records_are_read_through_each_other() -> None:
    records = {
        one.name: one
        for one in (record("a", "b + x"), record("b", "c + a"), record("c", "x"), record("d", "{"))
    }
    assert recorded_in("sum(a)", records) == ["a", "b", "c"]
    assert recorded_in("c", records) == ["c"]
    assert recorded_in("d", records) == ["d"]
    assert recorded_in("x", records) == []
    assert recorded_in("{", records) == []


def test_labels_of_a_recorded_series_follow_from_its_expression(small: Model) -> None:
    series = {
        "x": Series("x", "x", "counter", {"route": None, "own": None}, {"route": ("/health",)}),
        "faulty": Series("faulty", "faulty", "gauge", {}, {}, True),
    }
    found = record_series(
        [
            # It reads one that comes later.
            record("first", "sum by (outcome, route) (second)"),
            record("second", "sum by (outcome, own, route) (x)"),
            record("chosen", 'sum by (route) (x{route="/a"})'),
            record("without", "sum by (own) (x)"),
            record("unknown", "gone"),
            record("after", "faulty"),
            record("broken", "sum("),
            record("constant", "vector(1)"),
            record("metric", "x", metric=True),
        ],
        series,
        small.labels,
    )
    assert {name: set(one.labels) for name, one in found.items()} == {
        "first": {"outcome", "route"},
        "second": {"outcome", "own", "route"},
        "chosen": {"route"},
        "without": {"own"},
        "unknown": IDENTITY,
        "after": IDENTITY,
        "broken": IDENTITY,
        "constant": set(),
    }
    assert found["first"].labels["outcome"] == small.labels["outcome"].values
    assert found["second"].labels["own"] is None
    assert {name: one.apart for name, one in found.items() if one.apart} == {
        "first": {"route": ("/health",)},
        "second": {"route": ("/health",)},
    }
    assert {name for name, one in found.items() if one.unsure} == {"unknown", "after", "broken"}
    assert {one.type for one in found.values()} == {"gauge"}
    assert output_labels("sum(", {}) is None


def test_a_drill_is_derived_only_where_the_author_says_nothing_of_it(tmp_path: Path) -> None:
    alerts = """
alerts:
  ManyOrders: &many
    severity: warning
    for: 1m
    group: mine
    expr: "sum by (service_name, deployment_environment_name)
      (increase(shop_orders_total[5m] anchored))"
    threshold: 30
    summary: "{{ $who }} has many"
    description: Many.
  Skipped: {<<: *many, drill: {skip: It cannot.}}
  Without: {<<: *many, drill: {}}
"""
    parts = (PARTS["an objective and a band"], PARTS["events"], OWN, alerts)
    found = model_of(tmp_path, *parts).alerts
    # One more than the threshold, with the field that the event must have.
    order = Send(event="order_placed", count=31, attributes={"items": 1})
    assert found["ManyOrders"].drill == Drill(send=[order])
    assert found["Skipped"].drill == Drill(skip="It cannot.")
    assert found["Without"].drill == Drill()


def test_an_alert_ends_with_the_facts_that_it_names(small: Model) -> None:
    many = small.alerts["ManyPages"]
    assert many.facts.count("{{ with query") == 1
    assert "service:shop_ok:ratio{" in many.facts
    assert "> 0.5`" in many.facts
    assert many.reads == ("service:shop_ok:ratio",)
    assert small.alerts["Derived"].facts == ""
    assert small.alerts["Derived"].reads == ()


def test_a_fact_that_nobody_declared_is_reported_not_raised(tmp_path: Path) -> None:
    unknown = "alerts: {ManyPages: {facts: [again, gone]}}"
    found = compiled(tmp_path, PARTS["an objective and a band"], OWN, unknown).lines()
    assert len(found) == 1
    assert "[alert/unknown-fact]" in found[0]


def test_what_an_author_leaves_out_is_derived_and_what_is_written_stays(small: Model) -> None:
    many, derived = small.alerts["ManyPages"], small.alerts["Derived"]
    assert many.drill.skip == "a test"
    assert many.why_no_drill == "a test"
    assert many.test is not None
    assert derived.test is not None
    assert derived.runbook is not None
    assert "Many." in derived.runbook.meaning
    assert derived.unit == "count"
    assert many.unit == "per_second"
