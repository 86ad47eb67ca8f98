"""Rules, alerts and objectives of a small spec, value by value."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml
from small_specs import PARTS, model_of

from imsobs.model import Model
from imsobs.model.alerts import condition, filled_in, threshold_text, used_labels
from imsobs.model.ratios import expression
from imsobs.model.rules import example_labels, number
from imsobs.model.slo_alerts import _another, _whole
from imsobs.model.slos import events_of_few, good_share, is_raw, windows
from imsobs.outputs.prometheus import rules
from imsobs.pages import render
from imsobs.spec.schema.alerts import Alert, AlertTest
from imsobs.spec.schema.drills import Drill
from imsobs.spec.schema.queries import RatioOf
from imsobs.spec.schema.slos import Slo

BY = "sum by (service_name, deployment_environment_name)"
OWN = """
buckets: {wait: [0.25, 1]}
labels: {route: {description: Route., attributes: [http.route], values: [/a, /health],
  apart: [/health]}}
metrics:
  shop_wait_seconds: {description: Time., span: page_view, value: duration, buckets: wait}
  shop_asked_total: {description: Asked., span: page_view, labels: [route]}
  shop_failed_ratio: {description: Failed., interval: slow, group: other,
    ratio: {part: shop_pages_total, where: {outcome: error}}}
rules:
  service:shop_asked:rate10m:
    {description: Asked., group: mine, interval: slow, expr: "sum by (service_name,
    deployment_environment_name) (rate(shop_asked_total{route!=\\"/health\\"}[10m]))"}
  service:shop_wide:ratio:
    {description: Of routes., group: mine, by: [route], ratio: {part: shop_asked_total,
    where: {route: /a}}}
  service:shop_kept:ratio:
    {description: Of all., group: mine, ratio: {part: shop_asked_total, of: shop_pages_total}}
alerting: {fast: 20s, slow: 3m, groups: {mine: {team: me, dashboard: pages}}}
alerts:
  ManyPages: &alert
    severity: warning
    group: mine
    expr: "service:shop_pages:rate5m"
    threshold: 5
    for: 3m
    keep_firing_for: 4m
    labels: {own: x}
    summary: "{{ $who }} has {{ $amount }}"
    description: "More than {{ $threshold }}."
    runbook:
      meaning: Many.
      impact: None.
      queries: {Pages: "service:shop_pages:rate5m"}
      causes: [A campaign.]
      mitigation: [Wait.]
  AtOnce: {<<: *alert, for: 0s, keep_firing_for: null, threshold: 6, team: me}
  NoLonger: {<<: *alert, enabled: false}
slos:
  pages: {told_by: [ManyPages]}
  waits:
    description: Pages that are fast.
    total: shop_wait_seconds
    below: 0.25
    objective: 0.95
    window: 7d
    team: me
    dashboard: pages
    min_failures: 7
    runbook:
      meaning: Pages are slow.
      impact: Users notice.
      queries: {Pages: "service:shop_pages:rate5m"}
      causes: [A bug.]
      mitigation: [Mend it.]
  asked:
    description: Asked.
    total: shop_asked_total
    bad: {route: [/a, other]}
    objective: 0.95
    window: 7d
    team: me
    dashboard: pages
    runbook:
      meaning: Asked.
      impact: Users notice.
      queries: {Pages: "service:shop_pages:rate5m"}
      causes: [A bug.]
      mitigation: [Mend it.]
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("spec"), PARTS["an objective and a band"], OWN)


@pytest.fixture(scope="module")
def files(small: Model) -> dict[str, dict[str, dict[str, Any]]]:
    """Rule file -> group -> the group."""
    found = {}
    for path, content in render(rules.plan(small)).items():
        groups = yaml.safe_load(content)["groups"]
        found[path] = {group["name"]: group for group in groups}
        assert len(found[path]) == len(groups)
    return found


def recorded(files: dict[str, dict[str, dict[str, Any]]], file: str, group: str) -> dict[str, str]:
    rules = files[f"alerts/rules/{file}.yaml"][group]["rules"]
    return {rule["record"]: rule["expr"] for rule in rules}


def test_rules_are_in_their_groups_and_evaluated_as_often_as_they_say(
    files: dict[str, dict[str, dict[str, Any]]],
) -> None:
    groups = files["alerts/rules/recording.yaml"]
    assert {name: group["interval"] for name, group in groups.items()} == {
        "service": "20s",
        "mine": "3m",
        "metrics-other": "3m",
        "budget": "20s",
        "anomaly-pages": "20s",
    }
    assert recorded(files, "recording", "service") == {
        "service:shop_pages:rate5m": f"{BY} (rate(shop_pages_total[5m]))"
    }
    pages = f"{BY} (increase(shop_pages_total[5m] anchored))"
    bad = f'{BY} (increase(shop_pages_total{{outcome="error"}}[5m] anchored))'
    assert recorded(files, "recording", "metrics-other") == {
        "shop_failed_ratio": f"(\n    {bad}\n      or {pages} * 0\n  )\n  / ({pages} > 0)"
    }
    assert recorded(files, "recording", "budget") == {
        "shop_series_limit": "vector(1000)",
        "shop_held_traces_limit": "vector(9700)",
    }


def test_values_set_apart_are_left_out_unless_their_label_is_kept(
    files: dict[str, dict[str, dict[str, Any]]],
) -> None:
    found = recorded(files, "recording", "mine")
    asked = f'{BY} (increase(shop_asked_total{{route!~"/health"}}[5m] anchored))'
    pages = f"{BY} (increase(shop_pages_total[5m] anchored))"
    assert found["service:shop_kept:ratio"] == (
        f"(\n    {asked}\n      or {pages} * 0\n  )\n  / ({pages} > 0)"
    )
    by = "sum by (service_name, deployment_environment_name, route)"
    part = f'{by} (increase(shop_asked_total{{route="/a"}}[5m] anchored))'
    wide = f"{by} (increase(shop_asked_total[5m] anchored))"
    assert found["service:shop_wide:ratio"] == (
        f"(\n    {part}\n      or {wide} * 0\n  )\n  / ({wide} > 0)"
    )


def test_an_alert_is_written_with_all_that_it_says(
    files: dict[str, dict[str, dict[str, Any]]],
) -> None:
    group = files["alerts/rules/alerting.yaml"]["mine-alerts"]
    assert group["interval"] == "20s"
    many, at_once = group["rules"]
    who = "{{ $labels.service_name }} in {{ $labels.deployment_environment_name }}"
    chosen = "var-service={{ $labels.service_name }}"
    chosen += "&var-environment={{ $labels.deployment_environment_name }}"
    assert many == {
        "alert": "ManyPages",
        "expr": "service:shop_pages:rate5m > 5",
        "for": "3m",
        "keep_firing_for": "4m",
        "labels": {"own": "x", "severity": "warning", "team": "me", "area": "mine"},
        "annotations": {
            "summary": f"{who} has {{{{ $value | humanize }}}}",
            "description": "More than 5/s.",
            "runbook_url": "http://127.0.0.1/runbooks/many-pages.md",
            "dashboard_url": f"http://127.0.0.1:3000/d/pages?{chosen}",
        },
    }
    assert at_once["expr"] == "service:shop_pages:rate5m > 6"
    assert not {"for", "keep_firing_for"} & at_once.keys()


def test_alerts_that_are_off_are_in_a_file_that_nobody_loads(
    files: dict[str, dict[str, dict[str, Any]]],
) -> None:
    off = files["alerts/disabled/alerting.yaml"]
    names = {group: [rule["alert"] for rule in off[group]["rules"]] for group in off}
    assert names == {"mine-alerts": ["NoLonger"], "anomalies-alerts": ["UnusualPages"]}


def test_a_resolved_alert_knows_its_labels_and_place(small: Model) -> None:
    many = small.alerts["ManyPages"]
    identity = {"service_name", "deployment_environment_name"}
    assert many.carried == identity | {"own", "severity", "team", "area"}
    assert many.fixed_labels == {**many.labels, "alertname": "ManyPages"}
    assert many.labels.keys() == {"own", "severity", "team", "area"}
    assert (many.value, many.op, many.threshold, many.guard) == (
        "service:shop_pages:rate5m",
        ">",
        5,
        None,
    )
    assert (many.team, many.dashboard, many.group, many.file) == (
        "me",
        "pages",
        "mine-alerts",
        "alerting",
    )
    assert (many.for_, many.keep_firing_for, many.severity) == ("3m", "4m", "warning")
    assert many.path == ("alerts", "ManyPages")
    assert small.alerts["SLOPagesBurnFast"].path == ("slos", "pages")
    assert small.alerts["SLOPagesBurnFast"].file == "slo"
    assert small.alerts["UnusualPages"].path == ("anomalies", "pages")
    assert small.alerts["UnusualPages"].file == "alerting"
    assert small.alerts["NoLonger"].why_no_drill == "the alert is off"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"drill": Drill(stop="loki")}, None),
        ({"drill": Drill(stop="loki"), "enabled": False}, "the alert is off"),
        ({"drill": Drill(skip="It cannot."), "enabled": False}, "It cannot."),
        ({"drill": Drill(), "test": None}, "the spec gives none"),
        ({"drill": Drill(), "test": AlertTest()}, "the spec gives none"),
        ({"drill": Drill(), "test": AlertTest(always=True)}, None),
    ],
)
def test_why_an_alert_has_no_drill(small: Model, changes: dict[str, Any], why: str | None) -> None:
    alert = dataclasses.replace(small.alerts["ManyPages"], **changes)
    assert alert.why_no_drill == why


def alert(expr: str, guard: str | None = None, op: str = ">", unit: str = "count") -> Alert:
    return Alert.model_validate(
        {
            "severity": "info",
            "group": "mine",
            "expr": expr,
            "op": op,
            "threshold": 0.5,
            "unit": unit,
            "guard": guard,
            "summary": "S",
            "description": "D",
        }
    )


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        (alert("a / b"), "a / b > 0.5"),
        (alert("a + b", op="<="), "a + b <= 0.5"),
        (alert("a or b"), "(a or b) > 0.5"),
        (alert("a and b"), "(a and b) > 0.5"),
        (alert("a unless b"), "(a unless b) > 0.5"),
        (alert("a == b"), "(a == b) > 0.5"),
        (alert("a != b"), "(a != b) > 0.5"),
        (alert("a > b"), "(a > b) > 0.5"),
        (alert("a >= b"), "(a >= b) > 0.5"),
        (alert("a < b"), "(a < b) > 0.5"),
        (alert("a <= b"), "(a <= b) > 0.5"),
        (alert("sum(a)", "sum(b) > 1"), "sum(a) > 0.5\nand sum(b) > 1"),
        (alert("sum(a)", "sum(b) or sum(c)"), "sum(a) > 0.5\nand (sum(b) or sum(c))"),
        (
            alert("sum by (x, y) (a)", "sum by (x) (b) > 1"),
            "sum by (x, y) (a) > 0.5\nand on (x) sum by (x) (b) > 1",
        ),
        (
            alert("sum by (x, y, z) (a)", "sum by (y, x, w) (b)"),
            "sum by (x, y, z) (a) > 0.5\nand on (x, y) sum by (y, x, w) (b)",
        ),
    ],
)
def test_a_condition_binds_as_it_is_meant(given: Alert, whole: str) -> None:
    assert condition(given, {}) == whole


@pytest.mark.parametrize(
    ("threshold", "unit", "text"),
    [
        (0.05, "ratio", "5%"),
        (0.123, "ratio", "12.3%"),
        (600, "seconds", "10m 0s"),
        (100, "usd", "$100"),
        (2.5, "per_second", "2.5/s"),
        (7, "count", "7"),
    ],
)
def test_a_threshold_is_told_in_its_unit(threshold: float, unit: str, text: str) -> None:
    assert threshold_text(threshold, unit) == text
    given = alert("a", unit=unit).model_copy(update={"threshold": threshold})
    assert filled_in("{{ $threshold }} and {{$threshold}}", given) == f"{text} and {text}"


def test_labels_that_a_text_uses_are_told_once() -> None:
    assert used_labels("{{ $labels.a }} {{ $labels.b_1 }} {{ $labels.a }}") == ["a", "b_1"]


def test_an_alert_chooses_on_its_dashboard_by_the_labels_that_it_has(small: Model) -> None:
    from imsobs.model.alerts import _dashboard_url, _runbook_url

    assert _dashboard_url(small.spec, "d", frozenset()) == "http://127.0.0.1:3000/d/d"
    assert _dashboard_url(small.spec, "d", frozenset({"model", "vendor", "own"})) == (
        "http://127.0.0.1:3000/d/d?var-vendor={{ $labels.vendor }}&var-model={{ $labels.model }}"
    )
    nowhere = {"runbooks": None, "dashboards": None}
    alerting = small.spec.alerting.model_copy(update=nowhere)
    spec = small.spec.model_copy(update={"alerting": alerting})
    assert _runbook_url("SomeAlert", spec) == "docs/runbooks/some-alert.md"
    grafana = spec.stack.grafana
    port = 0 if grafana is None else grafana.ports.http
    assert _dashboard_url(spec, "d", frozenset()) == f"http://127.0.0.1:{port}/d/d"
    without = spec.stack.model_copy(update={"grafana": None})
    spec = spec.model_copy(update={"stack": without})
    assert _dashboard_url(spec, "d", frozenset({"model"})) == "dashboards/d.json"


def test_numbers_and_examples(small: Model) -> None:
    assert [number(value) for value in (5.0, 0.1, 1e-9, 1 / 3)] == [
        "5",
        "0.1",
        "1e-09",
        "0.333333333333",
    ]
    assert example_labels(small.spec) == {
        "service_name": "orders-api",
        "deployment_environment_name": "production",
    }


def test_a_ratio_of_two_counters_counts_where_either_is_missing() -> None:
    given = RatioOf(part="hits", of=["hits", "misses"], over="7m", among={"kind": "own"})
    hits, misses = (
        f'{BY} (increase({name}{{kind="own"}}[7m] anchored))' for name in ("hits", "misses")
    )
    assert expression(given, []) == (
        f"(\n    {hits}\n      or {misses} * 0\n  )\n"
        f"  / (({hits} + {misses}\n      or {hits}\n      or {misses}) > 0)"
    )


def slo(**more: Any) -> Slo:
    return Slo.model_validate(
        {
            "description": "D.",
            "total": "x_total",
            "bad": {"a": "b"},
            "objective": 0.999,
            "window": "30d",
            "min_failures": 5,
            "team": "me",
            "dashboard": "d",
            "burn": [
                {
                    "name": "Burns",
                    "factor": 2,
                    "long": "2h",
                    "short": "10m",
                    "severity": "info",
                    "for": "5m",
                }
            ],
            "breach": {"name": "Broken", "severity": "info", "for": "5m"},
            "runbook": {"meaning": "M", "impact": "I", "causes": ["C"], "mitigation": ["M"]},
        }
        | more
    )


def test_few_events_are_those_of_which_the_least_failures_are_the_share() -> None:
    assert good_share(slo()) == 0.001
    # 5 of 5000 are the share; of 347 14.4 times the share: 5 / 0.0144 = 347.2.
    assert events_of_few(slo(), 1) == 5000
    assert events_of_few(slo(), 14.4) == 347
    assert windows(slo()) == ["5m", "10m", "2h", "30d"]


@pytest.mark.parametrize(("window", "raw"), [("5m", True), ("6h", True), ("7h", False)])
def test_long_windows_are_summed_from_short_ones(window: str, raw: bool) -> None:
    assert is_raw(window) is raw


def test_events_and_bad_ones_are_counted_in_every_window(
    files: dict[str, dict[str, dict[str, Any]]],
) -> None:
    slo_file = files["alerts/rules/slo.yaml"]
    assert (slo_file["slo-pages"]["interval"], slo_file["slo-pages-long"]["interval"]) == (
        "20s",
        "3m",
    )
    want = {"slo:pages:objective": "vector(0.99)"}
    for window in ("5m", "30m", "1h", "6h"):
        total = f"{BY} (increase(shop_pages_total[{window}] anchored))"
        bad = f'{BY} (increase(shop_pages_total{{outcome="error"}}[{window}] anchored))'
        want |= {
            f"slo:pages:events{window}": total,
            f"slo:pages:bad_events{window}": f"{bad}\n  or {total} * 0",
            f"slo:pages:error_ratio{window}": (
                f"slo:pages:bad_events{window} / (slo:pages:events{window} > 0)"
            ),
        }
    assert recorded(files, "slo", "slo-pages") == want
    long = {}
    for window in ("3d", "30d"):
        long |= {
            f"slo:pages:events{window}": f"sum_over_time(slo:pages:events5m[{window}:5m])",
            f"slo:pages:bad_events{window}": f"sum_over_time(slo:pages:bad_events5m[{window}:5m])",
            f"slo:pages:error_ratio{window}": (
                f"slo:pages:bad_events{window} / (slo:pages:events{window} > 0)"
            ),
        }
    long["slo:pages:error_budget_remaining"] = "1 - slo:pages:error_ratio30d / 0.01"
    assert recorded(files, "slo", "slo-pages-long") == long


def test_what_is_slow_is_what_no_bucket_up_to_the_limit_counted(
    files: dict[str, dict[str, dict[str, Any]]],
) -> None:
    found = recorded(files, "slo", "slo-waits")
    total = f"{BY} (increase(shop_wait_seconds_count[5m] anchored))"
    good = f'{BY} (increase(shop_wait_seconds_bucket{{le="0.25"}}[5m] anchored))'
    assert found["slo:waits:events5m"] == total
    assert found["slo:waits:bad_events5m"] == f"{total} - {good}"
    apart = recorded(files, "slo", "slo-asked")["slo:asked:events5m"]
    assert apart == f'{BY} (increase(shop_asked_total{{route!~"/health"}}[5m] anchored))'


def test_burn_alerts_need_two_windows_a_few_failures_and_nobody_told(
    files: dict[str, dict[str, dict[str, Any]]], small: Model
) -> None:
    group = files["alerts/rules/slo.yaml"]["slo-pages-alerts"]
    found = {rule["alert"]: rule for rule in group["rules"]}
    on = "service_name, deployment_environment_name"

    def burn(long: str, short: str, limit: str) -> str:
        told = f'ALERTS{{alertname=~"ManyPages", alertstate="firing"}}[{short}]'
        return (
            f"slo:pages:error_ratio{long} > {limit}\nand (slo:pages:error_ratio{short} > {limit}"
            f" and slo:pages:bad_events{long} >= 5"
            f" unless on ({on}) max by ({on}) (max_over_time({told})) > 0)"
        )

    # Of 1 % that may be bad 14.4, 6 times and once as many, by the SRE workbook's chapter 5.
    assert {name: (rule["expr"], rule["for"]) for name, rule in found.items()} == {
        "SLOPagesBurnFast": (burn("1h", "5m", "0.144"), "90s"),
        "SLOPagesBurnMedium": (burn("6h", "30m", "0.06"), "15m"),
        "SLOPagesBurnSlow": (burn("3d", "6h", "0.01"), "1h"),
        "SLOPagesBreach": (
            "1 - slo:pages:error_ratio30d < 0.99\nand slo:pages:bad_events30d >= 5",
            "5m",
        ),
    }
    assert {rule["labels"]["slo"] for rule in found.values()} == {"pages"}
    assert {rule["labels"]["area"] for rule in found.values()} == {"slo-pages"}
    severities = [rule["labels"]["severity"] for rule in found.values()]
    assert severities == ["critical", "critical", "warning", "critical"]
    fast = small.alerts["SLOPagesBurnFast"]
    assert (fast.unit, fast.dashboard, fast.team) == ("ratio", "pages", "me")
    assert (small.alerts["SLOPagesBreach"].unit, small.alerts["SLOPagesBreach"].op) == (
        "ratio",
        "<",
    )


def test_burn_alerts_tell_speed_and_time_left(
    files: dict[str, dict[str, dict[str, Any]]],
) -> None:
    fast, *_, breach = files["alerts/rules/slo.yaml"]["slo-pages-alerts"]["rules"]
    text = fast["annotations"]["description"]
    assert "over the last 1h, and more than 14.4% over the last 5m." in text
    # 1 % of 30 days are 25920 s; at a share v bad, they last 25920 / v.
    assert "budget of 30d lasts {{ with query (printf `vector(25920 / %v)` $value) }}" in text
    left = "slo:pages:error_budget_remaining{service_name=%q,deployment_environment_name=%q}"
    own = "$labels.service_name $labels.deployment_environment_name"
    assert f"{{{{ with query (printf `{left} * 25920 / %v > 0` {own} $value) }}}}" in text
    assert "`vector(%v / 0.01)` $value" in fast["annotations"]["summary"]
    assert "the objective is 99%. Pages that are answered." in breach["annotations"]["description"]


@pytest.mark.parametrize(
    ("name", "interval", "value", "series"),
    [
        # 144 of 1000 are the limit; a tenth more, rounded up, fires. An hour in 72 is no minute.
        (
            "SLOPagesBurnFast",
            "60s",
            0.159,
            {"pages{success": (856, 841), "pages{error": (144, 159)},
        ),
        (
            "SLOPagesBurnMedium",
            "300s",
            0.066,
            {"pages{success": (940, 934), "pages{error": (60, 66)},
        ),
        (
            "SLOPagesBurnSlow",
            "3600s",
            0.011,
            {
                "slo:pages:events5m": (1000, 1000),
                "slo:pages:bad_events5m": (10, 11),
                "slo:pages:error_ratio6h": (0.01, 0.011),
            },
        ),
        (
            "SLOPagesBreach",
            "36000s",
            0.989,
            {"slo:pages:events5m": (1000, 1000), "slo:pages:bad_events5m": (10, 11)},
        ),
        # Of a histogram: what fell into the bucket, and all. 14.4 times 5 % are 720 of 1000.
        ("SLOWaitsBurnFast", "60s", 0.792, {"bucket": (280, 208), "count": (1000, 1000)}),
    ],
)
def test_an_objectives_alert_is_tested_at_its_limit(
    name: str, interval: str, value: float, series: dict[str, tuple[float, float]], small: Model
) -> None:
    own = 'service_name="orders-api", deployment_environment_name="production"'
    names = {
        "pages{success": f'shop_pages_total{{{own}, outcome="success"}}',
        "pages{error": f'shop_pages_total{{{own}, outcome="error"}}',
        "bucket": f'shop_wait_seconds_bucket{{{own}, le="0.25"}}',
        "count": f"shop_wait_seconds_count{{{own}}}",
    }
    test = small.alerts[name].test
    assert test is not None
    assert (test.interval, test.value) == (interval, value)
    assert {key: (step.quiet, step.fires) for key, step in test.series.items()} == {
        names.get(key, f"{key}{{{own}}}"): steps for key, steps in series.items()
    }
    assert test.labels == example_labels(small.spec)


def test_at_least_so_many_failures_are_tested_and_a_value_beside_the_bad_ones(
    small: Model,
) -> None:
    # 5 % of 1000 are 50 bad ones, above the least. Of the routes /a and other are bad.
    test = small.alerts["SLOAskedBurnFast"].test
    assert test is not None
    routes = [name.rpartition("route=")[2] for name in test.series]
    assert routes == ['"/health"}', '"/a"}']
    assert _another("route", ["/a", "/health", "other", "unmatched", "unknown"], small.spec) == (
        "other"
    )
    assert _another("gone", ["x"], small.spec) == "other"


def test_so_many_events_that_a_share_is_whole() -> None:
    assert _whole(0.01, 5) == (1000, 10)
    assert _whole(0.01, 10) == (1000, 10)
    assert _whole(0.01, 11) == (2000, 20)
    assert _whole(0.0144, 5) == (10_000, 144)
    assert _whole(0.00001, 3) == (300_000, 3)
