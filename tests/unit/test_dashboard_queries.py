"""From a line of the spec to PromQL."""

from __future__ import annotations

import pytest

from imsobs.model.dashboards.queries import Scope, queries
from imsobs.promql.series import Series
from imsobs.spec.schema.dashboards import Panel, purposes_of

LABELS = dict.fromkeys(["service_name", "vendor", "model", "outcome"])
SERIES = {
    name: Series(name, name, "counter", LABELS) for name in ("calls_total", "other_total")
} | {
    name: Series(name, "seconds", "histogram", {**LABELS, "le": None})
    for name in ("seconds_bucket", "seconds_sum", "seconds_count")
}
SCOPE = Scope(("service", "vendor"), SERIES)
OWN = 'service_name=~"$service", vendor=~"$vendor"'


def made(panel: Panel, show: str = "series") -> list[str]:
    (purpose,) = purposes_of(panel)
    return [q.text for q in queries("Title", panel, purpose, show, SCOPE)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("panel", "show", "expected"),
    [
        (
            Panel(rate="calls_total", by=["model"]),
            "series",
            f"sum by (model) (rate(calls_total{{{OWN}}}[$__rate_interval]))",
        ),
        (
            Panel(rate="calls_total", per="hour"),
            "stat",
            f"sum(rate(calls_total{{{OWN}}}[$__rate_interval])) * 3600",
        ),
        (
            Panel(increase="calls_total", over="24h"),
            "stat",
            f"sum(increase(calls_total{{{OWN}}}[24h] anchored))",
        ),
        (
            Panel(share="calls_total", by=["vendor"]),
            "pie",
            f"sum by (vendor) (increase(calls_total{{{OWN}}}[$__range] anchored))",
        ),
        (
            Panel(top="calls_total", by=["model"], limit=3),
            "bars",
            "sort_desc(topk(3, sum by (model) "
            f"(increase(calls_total{{{OWN}}}[$__range] anchored)) > 0))",
        ),
        (
            Panel(ratio="calls_total", where={"outcome": "error"}),
            "stat",
            "(\n"
            f'    sum(increase(calls_total{{{OWN}, outcome="error"}}[$__rate_interval] anchored))\n'
            f"      or sum(increase(calls_total{{{OWN}}}[$__rate_interval] anchored)) * 0\n"
            "  )\n"
            f"  / (sum(increase(calls_total{{{OWN}}}[$__rate_interval] anchored)) > 0)",
        ),
        (
            Panel(percentiles="seconds", quantiles=[0.95], by=["vendor"]),
            "series",
            "histogram_quantile(0.95, sum by (vendor, le) "
            f"(rate(seconds_bucket{{{OWN}}}[$__rate_interval])))",
        ),
        (
            Panel(heatmap="seconds"),
            "heatmap",
            f"sum by (le) (increase(seconds_bucket{{{OWN}}}[$__rate_interval] anchored))",
        ),
        (
            Panel(rate="calls_total", where={"outcome": ["a.b", "c"]}),
            "series",
            f'sum(rate(calls_total{{{OWN}, outcome=~"a\\\\.b|c"}}[$__rate_interval]))',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "(" not in value else "",
)
def test_expression(panel: Panel, show: str, expected: str) -> None:
    assert made(panel, show) == [expected]


def test_percentiles_have_a_query_each() -> None:
    shown = queries("T", Panel(percentiles="seconds"), "percentiles", "series", SCOPE)
    assert [query.legend for query in shown] == ["p50", "p95", "p99"]


def test_legend_is_the_labels_kept_apart() -> None:
    panel = Panel(rate="calls_total", by=["vendor", "model"])
    (query,) = queries("T", panel, "rate", "series", SCOPE)
    assert query.legend == "{{vendor}} / {{model}}"


def test_one_line_is_called_like_its_panel() -> None:
    (query,) = queries("Calls", Panel(rate="calls_total"), "rate", "series", SCOPE)
    assert query.legend == "Calls"


def test_ratio_of_two_counters_counts_either_alone() -> None:
    panel = Panel(ratio="calls_total", of=["calls_total", "other_total"])
    (text,) = made(panel, "stat")
    assert text.count("other_total") == 3
    assert " + " in text


def test_part_and_whole_of_a_ratio_are_among_the_same_events() -> None:
    panel = Panel(
        ratio="calls_total", where={"outcome": "success"}, among={"outcome": ["success", "error"]}
    )
    (text,) = made(panel, "stat")
    assert text.count('outcome=~"success|error"') == 2
    assert text.count('outcome="success"') == 1
