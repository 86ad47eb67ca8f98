"""Thresholds, durations and the numbers in texts of an alert of a small spec, case by case."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from small_specs import PARTS, compiled, model_of

from imsobs.checks.thresholds import beyond_retention, problems
from imsobs.model import Model
from imsobs.model.alert_units import unit_of
from imsobs.problems import Part

OWN = """
buckets: {wait: [0.25, 1]}
metrics:
  shop_wait_seconds: {description: Time., span: page_view, value: duration, buckets: wait}
  shop_memory_bytes: {description: Memory., sdk: process.memory.usage, fold: sum}
  shop_spent_usd_total: {description: Money., span: page_view, value: {attributes: [own.usd]}}
  shop_load_ratio: {description: Load., span: page_view, value: {attributes: [own.load]}, fold: max}
  shop_health_status: {description: 1 when healthy., probe: status, labels: [component]}
attributes: {own.usd: double, own.load: double}
labels: {component: {description: Component., values: [service]}}
service: {health: /health}
alerting: {groups: {mine: {team: me, dashboard: pages}}}
alerts:
  ManyPages:
    severity: warning
    group: mine
    expr: "service:shop_pages:rate5m"
    threshold: 5
    for: 3m
    summary: "{{ $who }} has many"
    description: Many.
    drill: {skip: A test.}
"""
PAGES = "rate(shop_pages_total[5m])"
Told = list[tuple[str, str, str]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    model = model_of(tmp_path_factory.mktemp("spec"), PARTS["an objective and a band"], OWN)
    return kept_for("10d", model)


def kept_for(metrics: str, model: Model) -> Model:
    """Return a model whose metrics are kept for so long."""
    retention = model.spec.retention.model_copy(update={"metrics": metrics})
    spec = model.spec.model_copy(update={"retention": retention})
    return dataclasses.replace(model, spec=spec)


def told(small: Model, texts: dict[str, str] | None = None, **changes: Any) -> Told:
    """Return (key, message, check) of what is wrong with an alert that is changed so."""
    alert = dataclasses.replace(small.alerts["ManyPages"], **changes)
    written = small.spec.alerts["ManyPages"].model_copy(update=texts or {})
    spec = small.spec.model_copy(update={"alerts": {"ManyPages": written}})
    found = problems(alert, dataclasses.replace(small, spec=spec))
    return [(str(problem.path[-1]), problem.message, problem.check) for problem in found]


def test_an_ordinary_alert_has_no_fault(small: Model) -> None:
    assert told(small) == []


RATIO = "shop_load_ratio"
OUTSIDE = "is outside 0 to 1, what a ratio is"
OF_UNIT = "and the unit of this alert is"
NEVER = "-1 is below 0, and the value of this expression never is"
HEALTH = 'shop_health_status{component="service"}'
SPENT = "shop_spent_usd_total - shop_spent_usd_total"
WAITED = "time() - shop_wait_seconds_sum"


@pytest.mark.parametrize(
    ("unit", "value", "threshold", "wrong"),
    [
        ("ratio", RATIO, 0, None),
        ("ratio", RATIO, 1, None),
        ("ratio", RATIO, 5, f"5 {OUTSIDE}; for 5 % write 0.05"),
        ("ratio", RATIO, 100, f"100 {OUTSIDE}; for 100 % write 1"),
        ("ratio", RATIO, 1.5, f"1.5 {OUTSIDE}; for 1.5 % write 0.015"),
        ("ratio", RATIO, 101, f"101 {OUTSIDE}"),
        # A difference of ratios may be below 0, but not that far.
        ("ratio", f"{RATIO} - {RATIO}", -1, None),
        ("ratio", f"{RATIO} - {RATIO}", -1.5, f"-1.5 is below -1, {OF_UNIT} ratio"),
        ("seconds", "shop_wait_seconds_sum", 86400, None),
        ("seconds", WAITED, -1, f"-1 is below 0, {OF_UNIT} seconds"),
        ("usd", SPENT, 0, None),
        ("usd", SPENT, -2, f"-2 is below 0, {OF_UNIT} usd"),
        ("bool", HEALTH, 1, None),
        ("bool", HEALTH, 0, None),
        ("bool", HEALTH, 2, f"2 is neither 0 nor 1, {OF_UNIT} bool"),
        # Nothing is known of what a count may be, but that of counters it is never below 0.
        ("count", "deriv(shop_memory_bytes[5m])", -1e9, None),
        ("per_second", PAGES, 0, None),
        ("per_second", PAGES, -1, NEVER),
        ("per_second", f"-{PAGES}", -1, None),
        ("count", "shop_load_ratio * 3", -1, NEVER),
        ("count", "shop_memory_bytes", -1, None),
    ],
)  # fmt: skip
def test_a_threshold_is_one_that_the_value_can_have(
    small: Model, unit: str, value: str, threshold: float, wrong: str | None
) -> None:
    found = told(small, unit=unit, value=value, threshold=threshold)
    assert found == ([("threshold", wrong, "alert/threshold-range")] if wrong else [])


@pytest.mark.parametrize(
    ("unit", "value", "known"),
    [
        ("ratio", RATIO, None),
        # A quotient may as well be so many times something.
        ("times", f"{PAGES} / {PAGES}", None),
        ("times", "shop_wait_seconds_sum", "seconds"),
        ("count", RATIO, "ratio"),
        ("seconds", RATIO, "ratio"),
        ("count", "shop_wait_seconds_sum", "seconds"),
        ("count", "shop_spent_usd_total", "usd"),
        ("count", "shop_health_status", "bool"),
        # What nothing determines may be called anything.
        ("seconds", "shop_pages_total", None),
        ("usd", PAGES, None),
    ],
)
def test_a_unit_is_that_of_what_is_measured(
    small: Model, unit: str, value: str, known: str | None
) -> None:
    message = f"the value is measured in {known}, by what the expression reads; write {known},"
    found = told(small, unit=unit, value=value, threshold=1)
    assert found == ([("unit", f"{message} or leave unit out", "alert/unit")] if known else [])


@pytest.mark.parametrize(
    ("held", "wrong"), [(None, False), ("9d", False), ("10d", True), ("11d", True)]
)
def test_nothing_holds_for_longer_than_metrics_are_kept(
    small: Model, held: str | None, wrong: bool
) -> None:
    message = f"{held} is no shorter than metrics are kept (retention.metrics: 10d)"
    assert told(small, for_=held) == ([("for", message, "alert/long-for")] if wrong else [])


@pytest.mark.parametrize(
    ("expr", "reaches"),
    [
        ("increase(a[10d])", None),
        ("increase(a[11d])", "11d"),
        ("increase(a[9d] offset 2d)", "11d"),
        ("increase(a[5m]) + sum_over_time(b[2w:1h])", "14d"),
        ("increase(a[241h])", "10d"),
        ("a", None),
        ("increase(", None),
    ],
)
def test_no_range_reaches_back_further_than_metrics_are_kept(
    small: Model, expr: str, reaches: str | None
) -> None:
    found = list(beyond_retention(expr, ("rules", "x", "expr"), small))
    message = f"this reaches {reaches} back, further than metrics are kept (retention.metrics: 10d)"
    assert [(one.message, one.check) for one in found] == (
        [(message, "rule/long-range")] if reaches else []
    )
    assert list(beyond_retention(expr, ("budget", "x"), small)) == []


def test_a_short_retention_tells_ranges_in_their_own_unit(small: Model) -> None:
    short = kept_for("1m", small)
    found = {
        written: next(beyond_retention(f"rate(a[{written}])", ("rules",), short)).message.split()[2]
        for written in ("61s", "90s", "2m", "90m", "2h", "25h", "2d", "3d", "1w")
    }
    assert found == {
        "61s": "61s", "90s": "90s", "2m": "2m", "90m": "90m", "2h": "2h", "25h": "25h",
        "2d": "2d", "3d": "3d", "1w": "7d",
    }  # fmt: skip


TEXT = "alert/text-number"


@pytest.mark.parametrize(
    ("unit", "threshold", "text", "said", "is_"),
    [
        ("ratio", 0.05, "More than 5% fail.", None, ""),
        ("ratio", 0.05, "More than 5 percent fail.", None, ""),
        ("ratio", 0.05, "MORE THAN 6 % fail.", "MORE THAN 6 %", "5%"),
        ("ratio", 0.05, "It exceeds 0.5%.", "exceeds 0.5%", "5%"),
        ("ratio", 0.05, "More than {{ $threshold }}, not below 6%.", None, ""),
        ("ratio", 0.05, "More than 6 pages.", None, ""),
        ("count", 7, "Fewer than 7 are left.", None, ""),
        ("count", 7, "At least 8 are left.", "At least 8", "7"),
        ("count", 7, "Over 8.5 are left.", "Over 8.5", "7"),
        ("count", 7, "Above 8 % of them.", None, ""),
        ("count", 7, "Under 8 minutes.", None, ""),
        ("usd", 7, "More than $7 are spent.", None, ""),
        ("usd", 7, "More than $ 7.5 are spent.", "More than $ 7.5", "$7"),
        ("seconds", 90, "Below 90 s.", None, ""),
        ("seconds", 90, "Over 1.5 minutes.", None, ""),
        ("seconds", 7200, "Over 2 h.", None, ""),
        ("seconds", 7200, "Over 2 min.", "Over 2 min", "2h 0m 0s"),
        ("per_second", 7, "More than 8 of them.", None, ""),
    ],
)  # fmt: skip
def test_a_number_in_a_text_is_the_threshold(
    small: Model, unit: str, threshold: float, text: str, said: str | None, is_: str
) -> None:
    message = f'"{said}", but the threshold is {is_}; write {{{{ $threshold }}}} for the number'
    value = {"ratio": RATIO, "usd": "shop_spent_usd_total", "seconds": "shop_wait_seconds_sum"}
    for key in ("summary", "description"):
        found = told(
            small,
            {key: text},
            unit=unit,
            threshold=threshold,
            value=value.get(unit, "shop_pages_total"),
            for_=None,
        )
        assert found == ([(key, message, TEXT)] if said else [])


@pytest.mark.parametrize(
    ("text", "unit", "wrong"),
    [
        ("It lasts for 3 minutes.", "count", None),
        ("It lasts for more than 3m.", "count", None),
        # As far back as it looks.
        ("The rate for 5 min.", "count", None),
        ("It lasts for 4 minutes.", "count", "for 4 minutes"),
        ("It lasts for over 3 hours.", "count", "for over 3 hours"),
        ("It lasts for 180 s.", "count", None),
        # The number is the value's.
        ("Users wait for 4 minutes.", "seconds", None),
        ("It lasts for long.", "count", None),
    ],
)
def test_a_time_in_a_text_is_how_long_it_holds(
    small: Model, text: str, unit: str, wrong: str | None
) -> None:
    message = f'"{wrong}", but it fires after 3m (for)'
    found = told(small, {"description": text}, unit=unit, value=PAGES)
    assert found == ([("description", message, TEXT)] if wrong else [])
    assert told(small, {"description": text}, unit=unit, value=PAGES, for_=None) == []


def test_the_place_in_a_text_is_that_of_the_number(small: Model) -> None:
    text = "Pages: more than 6 of them, for 4 minutes."
    written = small.spec.alerts["ManyPages"].model_copy(update={"description": text})
    spec = small.spec.model_copy(update={"alerts": {"ManyPages": written}})
    alert = dataclasses.replace(small.alerts["ManyPages"], unit="count")
    found = problems(alert, dataclasses.replace(small, spec=spec))
    assert [one.part for one in found] == [Part(text, text.index("6")), Part(text, text.index("4"))]


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        ("shop_pages_total", "count"),
        ("shop_wait_seconds_sum", "seconds"),
        ("(shop_wait_seconds_count)", "seconds"),
        ("shop_spent_usd_total", "usd"),
        ("shop_load_ratio", "ratio"),
        ("shop_health_status", "bool"),
        ("max by (x) (shop_load_ratio)", "ratio"),
        ("count(shop_load_ratio)", "count"),
        ("stddev(shop_load_ratio)", "count"),
        ("quantile(0.9, shop_load_ratio)", "ratio"),
        ("topk(3, shop_spent_usd_total)", "usd"),
        ("shop_pages_total / shop_pages_total", "ratio"),
        ("shop_spent_usd_total / 2", "count"),
        ("shop_load_ratio * 2", "count"),
        ("shop_load_ratio + shop_pages_total", "ratio"),
        ("shop_load_ratio - shop_pages_total", "ratio"),
        ("shop_load_ratio or shop_pages_total", "ratio"),
        ("shop_spent_usd_total and shop_load_ratio", "usd"),
        ("shop_spent_usd_total unless shop_load_ratio", "usd"),
        ("histogram_quantile(0.9, rate(shop_wait_seconds_bucket[5m]))", "seconds"),
        ("rate(shop_pages_total[5m])", "per_second"),
        ("irate(shop_pages_total[5m])", "per_second"),
        ("deriv(shop_spent_usd_total[5m])", "usd"),
        ("rate(shop_wait_seconds_sum[5m])", "ratio"),
        ("increase(shop_pages_total[5m])", "count"),
        ("max_over_time(shop_wait_seconds_sum[5m])", "seconds"),
        ("clamp_max(shop_load_ratio + shop_load_ratio, 1)", "count"),
        ("vector(1)", "count"),
        ("time()", "count"),
        ("3", "count"),
        ("sum(", "count"),
        # Recorded series, by the words of their names.
        ("service:shop_pages:rate5m", "per_second"),
        ("service:shop_wait_seconds:p99", "seconds"),
        ("service:shop_spent_usd:increase1h", "usd"),
        ("service:shop_wait_seconds:rate5m", "seconds"),
        ("service:shop_pages:ratio_rate5m", "ratio"),
        ("service:shop_hit_ratio:avg", "ratio"),
        ("service:shop_pages:sum", "count"),
        ("unheard_of_seconds", "count"),
    ],
)
def test_the_unit_of_an_expression(small: Model, expr: str, unit: str) -> None:
    assert unit_of(expr, small.metrics) == unit


def test_a_spec_of_a_file_is_told_the_same(tmp_path: Path, small: Model) -> None:
    """The checks of the whole spec ask these."""
    faulty = "alerts: {ManyPages: {threshold: -5, unit: per_second}}"
    lines = compiled(tmp_path, PARTS["an objective and a band"], OWN, faulty).lines()
    assert any("[alert/threshold-range]" in line for line in lines)
