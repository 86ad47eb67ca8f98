"""Units, descriptions, thresholds and identities of panels, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_specs import PARTS, model_of

from imsobs.model import Model
from imsobs.model.dashboards import show_of
from imsobs.model.dashboards.queries import Query, Scope, queries
from imsobs.model.dashboards.thresholds import (
    AlertLimit,
    Step,
    alert_limits,
    matching,
    signatures,
    steps,
)
from imsobs.model.dashboards.units import base_metric, unit_of
from imsobs.model.dashboards.wording import description_of
from imsobs.promql.series import Series
from imsobs.spec.schema.alerts import Alert
from imsobs.spec.schema.dashboards import Limits, Panel, purposes_of

METRICS = """
sources: {page: {description: A page., kind: server}}
buckets: {wait: [0.1, 1]}
metrics:
  shop_requests_total: {description: Requests., group: requests, span: page}
  shop_others_total: {description: Others., span: page}
  shop_cpu_seconds_total: {description: CPU., span: page, value: duration, type: counter}
  shop_sent_bytes_total: {description: Sent., span: page, value: {attributes:
    [http.request.body.size]}}
  shop_wait_seconds: {description: Waits., span: page, value: duration, buckets: wait}
  shop_memory_bytes: {description: Memory., sdk: process.memory.usage, fold: sum}
  shop_use_ratio:
    description: Use.
    ratio: {part: shop_others_total, of: shop_requests_total}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("spec"), METRICS)


@pytest.mark.parametrize(
    ("panel", "unit"),
    [
        (Panel(rate="shop_requests_total", unit="s"), "s"),
        (Panel(ratio="shop_requests_total"), "ratio"),
        (Panel(promql="up"), "count"),
        (Panel(rate="shop_unknown_total"), "count"),
        (Panel(rate="shop_requests_total"), "requests_per_second"),
        (Panel(rate="shop_others_total"), "per_second"),
        (Panel(rate="shop_others_total", per="minute"), "per_minute"),
        (Panel(rate="shop_requests_total", per="hour"), "count"),
        (Panel(rate="shop_cpu_seconds_total"), "ratio"),
        (Panel(rate="shop_sent_bytes_total"), "By_per_second"),
        (Panel(increase="shop_requests_total"), "whole"),
        (Panel(share="shop_requests_total"), "whole"),
        (Panel(top="shop_requests_total"), "whole"),
        (Panel(value="shop_requests_total"), "count"),
        (Panel(increase="shop_cpu_seconds_total"), "s"),
        (Panel(increase="shop_sent_bytes_total"), "By"),
        (Panel(percentiles="shop_wait_seconds"), "s"),
        (Panel(value="shop_wait_seconds_sum"), "s"),
        (Panel(value="shop_memory_bytes"), "By"),
        (Panel(value="shop_memory_bytes_per_process"), "By"),
        (Panel(value="shop_use_ratio"), "ratio"),
    ],
)
def test_a_panels_unit_follows_from_its_metric(panel: Panel, unit: str, small: Model) -> None:
    (purpose,) = purposes_of(panel)
    assert unit_of(panel, purpose, small.metrics) == unit


def test_money_and_percentages_have_units_of_their_own(small: Model) -> None:
    metric = small.metrics["shop_others_total"]
    for name, unit, plain, rate in (
        ("shop_usd_total", "USD", "USD", "USD"),
        ("shop_percentage", "", "percent", "per_second"),
        ("shop_ratio", "", "ratio", "ratio"),
    ):
        metrics = {name: replace(metric, name=name, unit=unit)}
        assert unit_of(Panel(value=name), "value", metrics) == plain
        assert unit_of(Panel(rate=name), "rate", metrics) == rate


def test_a_series_belongs_to_its_metric(small: Model) -> None:
    for end in ("", "_bucket", "_sum", "_count"):
        found = base_metric(f"shop_wait_seconds{end}", small.metrics)
        assert found is small.metrics["shop_wait_seconds"]
    assert base_metric("shop_wait", small.metrics) is None


LIMIT = AlertLimit(0, "Many", "warning", 5, False)


@pytest.mark.parametrize(
    ("panel", "text"),
    [
        (Panel(rate="shop_requests_total"), "Requests. Increments per second."),
        (
            Panel(rate="shop_requests_total", per="day", by=["route", "outcome"]),
            "Requests. Increments per day, by route and outcome.",
        ),
        (Panel(increase="shop_requests_total"), "Requests. Sum over the time shown."),
        (Panel(increase="shop_requests_total", over="1h"), "Requests. Sum over the last 1h."),
        (Panel(share="shop_requests_total"), "Requests. Parts of the sum over the time shown."),
        (
            Panel(top="shop_requests_total", limit=3, over="2h"),
            "Requests. The 3 largest over the last 2h.",
        ),
        (Panel(value="shop_memory_bytes"), "Memory. The sum of the current values."),
        (
            Panel(value="shop_memory_bytes", fold="max"),
            "Memory. The largest of the current values.",
        ),
        (
            Panel(value="shop_memory_bytes", fold="min"),
            "Memory. The smallest of the current values.",
        ),
        (Panel(value="shop_memory_bytes", fold="avg"), "Memory. The mean of the current values."),
        (
            Panel(percentiles="shop_wait_seconds", by=["route"]),
            "Waits. Quantiles estimated from its buckets, by route.",
        ),
        (Panel(mean="shop_wait_seconds"), "Waits. Mean."),
        (
            Panel(heatmap="shop_wait_seconds"),
            "Waits. Observations per bucket: the darker, the more.",
        ),
        (
            Panel(ratio="shop_requests_total"),
            "Requests. As a share; nothing is shown while there is nothing to compare with.",
        ),
        (Panel(rate="shop_requests_total", description="Mine."), "Mine."),
        (Panel(promql="up", description="Mine."), "Mine."),
        (Panel(rate="shop_gone_total"), "Increments per second."),
        (
            Panel(promql="up", description="Mine.", may_be_empty="nobody came"),
            "Mine. May be empty: nobody came.",
        ),
    ],
)
def test_a_panel_says_what_it_shows(panel: Panel, text: str, small: Model) -> None:
    (purpose,) = purposes_of(panel)
    assert description_of(panel, purpose, small.metrics, ()) == text


def test_a_panel_says_which_alerts_colour_it(small: Model) -> None:
    panel = Panel(promql="up", description="Mine.")
    for alerts, text in (
        ((LIMIT,), "Mine. Colours change where Many would fire."),
        (
            (LIMIT, replace(LIMIT, alert="Few")),
            "Mine. Colours change where Many and Few would fire.",
        ),
    ):
        assert description_of(panel, "promql", small.metrics, alerts) == text


def alert(expr: str, op: str, threshold: float, severity: str = "warning") -> Alert:
    return Alert.model_validate(
        {
            "severity": severity,
            "group": "g",
            "expr": expr,
            "op": op,
            "threshold": threshold,
            "summary": "S",
            "description": "D",
        }
    )


def test_limits_are_those_of_the_alerts_on_the_same_numbers(small: Model) -> None:
    alerts = {
        "Any": alert("rate(x[5m])", ">", 0),
        "Some": alert("rate(x[1m])", ">=", 0, "critical"),
        "Many": alert("rate(x[5m])", ">", 5, "info"),
        "Not": alert("rate(x[5m])", "==", 5),
        "Low": alert("y", "<", 2),
        "Lower": alert("y", "<=", 0, "critical"),
        "Recorded": alert("kept", ">", 9),
    }
    spec = small.spec.model_copy(update={"alerts": alerts})
    found = alert_limits(spec, {"kept": "sum(rate(z[5m]))"})

    def of(text: str, language: str = "promql") -> list[tuple[str, str, float, bool]]:
        query = Query(language, text, "")  # type: ignore[arg-type]
        limits = matching([query], found)
        return [(limit.alert, limit.severity, limit.value, limit.below) for limit in limits]

    # Just above 0 where 0 itself is fine.
    assert of("sum(rate(x[$__rate_interval]))".replace("$__rate_interval", "2m")) == [
        ("Any", "warning", 1e-9, False),
        ("Some", "critical", 0, False),
        ("Many", "info", 5, False),
    ]
    assert of("y") == [("Low", "warning", 2, True), ("Lower", "critical", 0, True)]
    # A recorded rule stands for what it computes.
    assert of("kept") == of("rate(z[1m])") == [("Recorded", "warning", 9, False)]
    assert of("increase(x[5m])") == of("x") == of("nothing{") == []
    assert of("y", "logql") == []
    # One that is bad when high, and one when low: neither.
    assert matching([Query("promql", "y", ""), Query("promql", "kept", "")], found) == ()


def test_the_same_number_is_of_the_same_metrics_labels_and_kind() -> None:
    def one(text: str) -> object:
        (found,) = signatures(text, {})
        return found

    assert one("rate(x[5m])") == one('sum by (a) (rate(x{le="1",job="j",b=~"$b"}[1m]))')
    assert one("rate(x_bucket[5m])") == one("rate(x[5m])")
    kinds = [
        "x",
        "rate(x[5m])",
        "increase(x[5m])",
        "deriv(x[5m])",
        "rate(x[5m]) / rate(x[5m])",
        'rate(x{a="1"}[5m])',
        'rate(x{a!="1"}[5m])',
        "histogram_quantile(0.5, x)",
        "histogram_quantile(0.9, x)",
        "y",
    ]
    assert len({one(text) for text in kinds}) == len(kinds)
    assert one("rate(increase(x[5m])[5m:])") == one("rate(x[5m])")


def test_recorded_rules_are_written_out_once() -> None:
    rules = {"a": "2 * b", "b": "rate(c[5m])", "loop": "rate(loop[5m])"}
    assert signatures("a", rules) == (signatures("a", {}) | signatures("rate(c[5m])", {}))
    assert signatures("loop", rules) == signatures("loop", {}) | signatures("rate(loop[5m])", {})
    # With another series beside it, it stands for itself.
    assert signatures("a + x", rules) == signatures("a + x", {})


@pytest.mark.parametrize(
    ("given", "alerts", "expected"),
    [
        (None, (), [(None, "ok")]),
        (
            None,
            (LIMIT, AlertLimit(1, "Far", "critical", 9, False)),
            [(None, "ok"), (5, "warning"), (9, "critical")],
        ),
        # The worse of two at the same value; below, each begins at the next lower value.
        (
            None,
            (LIMIT, AlertLimit(1, "Far", "critical", 5, False)),
            [(None, "ok"), (5, "critical")],
        ),
        (
            None,
            (AlertLimit(0, "L", "warning", 5, True), AlertLimit(1, "M", "critical", 2, True)),
            [(None, "critical"), (2, "warning"), (5, "ok")],
        ),
        (Limits(warning=0), (), [(None, "ok"), (0, "warning")]),
        (Limits(critical=3), (LIMIT,), [(None, "ok"), (3, "critical")]),
        (
            Limits(warning=3, critical=1, below=True),
            (),
            [(None, "critical"), (1, "warning"), (3, "ok")],
        ),
    ],
)
def test_steps_rise(
    given: Limits | None, alerts: tuple[AlertLimit, ...], expected: list[tuple[float | None, str]]
) -> None:
    assert steps(given, alerts) == tuple(Step(value, level) for value, level in expected)  # type: ignore[arg-type]


SCOPE = Scope(
    ("service",),
    {
        "x_total": Series(
            "x_total",
            "x_total",
            "counter",
            {"service_name": None, "route": None},
            {"route": ("/a", "/b*")},
        ),
        "w_bucket": Series("w_bucket", "w", "histogram", {"route": None, "le": None}),
    },
)
RATE, ALL = "$__rate_interval", "$__range"


@pytest.mark.parametrize(
    ("panel", "show", "text"),
    [
        (Panel(rate="x_total", per="minute"), "series", f"sum(rate(x_total{{}}[{RATE}])) * 60"),
        (Panel(rate="x_total", per="day"), "table", f"sum(rate(x_total{{}}[{ALL}])) * 86400"),
        (Panel(rate="x_total", over="3m"), "pie", "sum(rate(x_total{}[3m]))"),
        (Panel(increase="x_total"), "stat", f"sum(increase(x_total{{}}[{ALL}] anchored))"),
        (Panel(increase="x_total"), "series", f"sum(increase(x_total{{}}[{ALL}] anchored))"),
        (Panel(value="x_total"), "stat", "sum(x_total{})"),
        (Panel(value="x_total", fold="avg", by=["a", "b"]), "bars", "avg by (a, b) (x_total{})"),
        (
            Panel(value="x_total", by=["route"]),
            "series",
            'sum by (route) (x_total{service_name=~"$service"})',
        ),
        (
            Panel(value="x_total", where={"route": "/a"}),
            "series",
            'sum(x_total{service_name=~"$service", route="/a"})',
        ),
        (
            Panel(mean="w"),
            "series",
            f"sum(rate(w_sum[{RATE}]))\n  / (sum(rate(w_count[{RATE}])) > 0)",
        ),
        (
            Panel(percentiles="w", quantiles=[0.9], by=["route"]),
            "bars",
            f"histogram_quantile(0.9, sum by (route, le) (rate(w_bucket[{ALL}])))",
        ),
        (
            Panel(percentiles="w", quantiles=[0.9], over="1h"),
            "series",
            "histogram_quantile(0.9, sum by (le) (rate(w_bucket[1h])))",
        ),
        (
            Panel(heatmap="w"),
            "heatmap",
            f"sum by (le) (increase(w_bucket[{RATE}] anchored))",
        ),
        (Panel(promql=" up "), "table", "up"),
        (Panel(promql="up"), "series", "up"),
    ],
)
def test_a_query_asks_what_its_purpose_says(panel: Panel, show: str, text: str) -> None:
    (purpose,) = purposes_of(panel)
    (query,) = queries("Title", panel, purpose, show, SCOPE)  # type: ignore[arg-type]
    own = '{service_name=~"$service", route!~"/a|/b.*"}'
    assert query.text == text.replace("{}", own)
    # One number for each series, at the end of what is shown.
    at_once = show in ("bars", "pie", "table") or (purpose, show) == ("increase", "stat")
    assert query.instant is at_once
    assert query.heatmap is (purpose == "heatmap")
    assert query.language == "promql"
    assert query.key == (purpose,)


@pytest.mark.parametrize(
    ("panel", "legends"),
    [
        (Panel(rate="x_total"), ["Title"]),
        (Panel(rate="x_total", by=["a", "b"]), ["{{a}} / {{b}}"]),
        (Panel(rate="x_total", by=["a"], legend="Own"), ["Own"]),
        (Panel(percentiles="w", quantiles=[0.5, 0.999]), ["p50", "p99.9"]),
        (Panel(percentiles="w", quantiles=[0.5], by=["a"]), ["{{a}} p50"]),
        (Panel(heatmap="w", legend="Own"), ["{{le}}"]),
        (Panel(promql={"A": "a", "B": "b"}), ["A", "B"]),
        (Panel(promql="a"), ["Title"]),
        (Panel(promql="a", legend="Own"), ["Own"]),
        (Panel(logs="{}"), [""]),
    ],
)
def test_legends(panel: Panel, legends: list[str]) -> None:
    (purpose,) = purposes_of(panel)
    assert [q.legend for q in queries("Title", panel, purpose, "series", SCOPE)] == legends


def test_queries_that_are_no_promql() -> None:
    def of(panel: Panel) -> list[tuple[str, str, bool, tuple[str | int, ...]]]:
        (purpose,) = purposes_of(panel)
        made = queries("Title", panel, purpose, "table", SCOPE)
        return [(q.language, q.text, q.instant, q.key) for q in made]

    assert of(Panel(logs=" {a=1} ")) == [("logs", "{a=1}", False, ("logs",))]
    assert of(Panel(logql={"n": "x"})) == [("logql", "x", True, ("logql", "n"))]
    assert of(Panel(promql={"n": "x"})) == [("promql", "x", True, ("promql", "n"))]
    found = Panel.model_validate({"traces": {"errors": True, "slower_than": "2s"}})
    assert of(found) == [("traces", "error=true minDuration=2s", True, ("traces",))]
    assert of(Panel.model_validate({"traces": {}}))[0][1] == ""
    assert queries("Title", Panel(promql="x"), "rate", "series", SCOPE) == ()


@pytest.mark.parametrize(
    ("panel", "show"),
    [
        (Panel(rate="x_total"), "series"),
        (Panel(share="x_total"), "pie"),
        (Panel(top="x_total"), "bars"),
        (Panel(heatmap="w"), "heatmap"),
        (Panel(logs="{}"), "logs"),
        (Panel.model_validate({"traces": {}}), "table"),
        (Panel(top="x_total", show="stat"), "stat"),
    ],
)
def test_a_purpose_has_a_way_to_be_shown(panel: Panel, show: str) -> None:
    assert show_of(panel) == show


def test_a_panel_is_resolved_from_its_entry(tmp_path: Path) -> None:
    text = """
dashboards:
  pages:
    rows:
      Traffic:
        Pages: {rate: shop_pages_total, may_be_empty: nobody came}
        Limited: {rate: shop_pages_total, thresholds: {warning: 3}, show: stat}
      More:
        Others: {increase: shop_pages_total}
"""
    model = model_of(tmp_path, PARTS["an objective and a band"], text)
    first, limited, again = model.dashboards["pages"].panels()
    assert first.path == ("dashboards", "pages", "rows", "Traffic", "Pages")
    assert (first.title, first.purpose, first.show, first.unit) == (
        "Pages",
        "rate",
        "series",
        "per_second",
    )
    assert (first.may_be_empty, limited.may_be_empty) == ("nobody came", "")
    assert limited.steps == (Step(None, "ok"), Step(3, "warning"))
    rows = model.dashboards["pages"].rows
    assert [row.title for row in rows] == ["Traffic", "More"]
    ids = [first.id, limited.id, again.id, *(row.header_id for row in rows)]
    assert len(set(ids)) == len(ids)
    assert min(ids) >= 1
