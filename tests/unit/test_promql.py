"""PromQL resolved against a small catalogue: names, labels, values, and what comes out."""

from __future__ import annotations

import pytest

from imsobs import promql
from imsobs.model.metrics import Kind
from imsobs.promql import labels as promql_labels
from imsobs.promql import modifiers
from imsobs.promql.series import Allowed, Series

STATUS: Allowed = ("2xx", "5xx", "other")
COMMON: dict[str, Allowed] = {"service_name": None, "job": None, "instance": None}


def series(name: str, metric: str, kind: Kind, **labels: Allowed) -> Series:
    return Series(name, metric, kind, {**COMMON, **labels})


CATALOGUE = {
    entry.name: entry
    for entry in (
        series("hits_total", "hits_total", "counter", status=STATUS),
        series("depth", "depth", "gauge", queue=("default", "batch")),
        series("wait_seconds_bucket", "wait_seconds", "histogram", le=("1.0", "+Inf")),
        series("wait_seconds_sum", "wait_seconds", "histogram"),
        series("wait_seconds_count", "wait_seconds", "histogram"),
        Series("up", "up", "gauge", {"job": None, "instance": None}),
    )
}


@pytest.mark.parametrize(
    "expression",
    [
        "depth",
        'hits_total{status="5xx"}',
        'hits_total{status=~"5..|other"}',
        'hits_total{status!="2xx"}',
        'hits_total{status=""}',
        'hits_total{service_name="$service", status=~"$status"}',
        "sum by (status) (rate(hits_total[$__rate_interval]))",
        "sum by (status) (rate(hits_total[${__range}]))",
        "histogram_quantile(0.9, sum by (le) (rate(wait_seconds_bucket[5m])))",
        'sum(depth) / on () group_left () count(up{job="x"})',
        "depth unless on (job) up",
        'label_replace(up, "host", "$1", "instance", "(.*):.*")',
        'sum by (host) (label_replace(up, "host", "$1", "instance", "(.*):.*"))',
        "topk(3, sum by (queue) (depth))",
        "max_over_time(sum(depth)[10m:1m])",
        'ALERTS{alertname="X"}',
        '{__name__="depth"}',
        "1 + 1",
        "vector(1)",
        "absent(up)",
        "-depth",
        "depth offset 5m",
        "sum(increase(hits_total[5m] anchored))",
        "increase(hits_total[$__range] anchored) / increase(hits_total[${__range}]anchored)",
        "sum by (queue) (max_over_time(increase(hits_total[5m] ANCHORED)[1h:5m]) or depth)",
        "increase(hits_total[1h] offset 1d anchored) - increase(hits_total[1h] anchored offset 1d)",
        "increase(hits_total[1h] @ end() anchored) > 0 # anchored",
        """increase(hits_total{service_name="a]5m] anchored"}[5m]
          anchored)""",
    ],
)
def test_sound_expressions(expression: str) -> None:
    assert promql_labels.findings(expression, CATALOGUE) == []


@pytest.mark.parametrize(
    ("expression", "check", "message"),
    [
        ("sum(", "promql/syntax", "does not parse"),
        ("", "promql/syntax", "does not parse"),
        ("rate(hits_total)", "promql/syntax", "does not parse"),
        ("hit_total", "promql/unknown-metric", 'did you mean "hits_total"?'),
        ("wait_seconds", "promql/unknown-metric", "it is a histogram: use wait_seconds_bucket"),
        ('depth{queu="batch"}', "promql/unknown-label", 'did you mean "queue"?'),
        ('depth{queue="large"}', "promql/unknown-label-value", "available: batch, default"),
        ('depth{queue=~"lar.*"}', "promql/unknown-label-value", 'never is "lar.*"'),
        ('depth{queue!="large"}', "promql/unknown-label-value", 'never is "large"'),
        ('{queue="batch"}', "promql/unnamed-selector", "must name a metric"),
        ("sum by (vendor) (depth)", "promql/unknown-grouping-label", "vendor"),
        ("sum by (queue) (sum by (job) (depth))", "promql/unknown-grouping-label", "queue"),
        ("depth * on (queue) up", "promql/unknown-grouping-label", "queue"),
    ],
)
def test_faults_say_what_there_is(expression: str, check: str, message: str) -> None:
    (found, *_) = promql_labels.findings(expression, CATALOGUE)
    assert found.check == check
    assert message in found.message


def test_every_fault_of_an_expression_at_once() -> None:
    found = promql_labels.findings('gone + depth{queue="x", vendor="y"}', CATALOGUE)
    assert sorted(finding.check for finding in found) == [
        "promql/unknown-label",
        "promql/unknown-label-value",
        "promql/unknown-metric",
    ]


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ("depth", {*COMMON, "queue"}),
        ("sum(depth)", set()),
        ("sum by (queue) (depth)", {"queue"}),
        ("sum without (queue, job, instance) (depth)", {"service_name"}),
        ("topk(2, depth)", {*COMMON, "queue"}),
        ("rate(hits_total[5m])", {*COMMON, "status"}),
        ("histogram_quantile(0.9, rate(wait_seconds_bucket[5m]))", {*COMMON}),
        ("sum by (queue) (depth) / sum by (queue) (depth)", {"queue"}),
        ("sum by (queue) (depth) / on (queue) depth", {"queue"}),
        ("depth / on (job) group_left (version) up", {*COMMON, "queue", "version"}),
        ("depth and on (job) up", {*COMMON, "queue"}),
        ("sum by (queue) (depth) or sum by (job) (up)", {"queue", "job"}),
        ("2 * sum by (queue) (depth)", {"queue"}),
        ("sum by (queue) (depth) > 3", {"queue"}),
        ("vector(1)", set()),
        ("scalar(sum(depth))", set()),
        ('absent(depth{queue="batch"})', {"queue"}),
        ('absent_over_time(depth{queue="batch"}[5m])', {"queue"}),
        ('absent(depth{queue!="batch"})', set()),
        ('absent(depth{queue="batch", job="a", queue!="x"})', {"job"}),
        ('absent(sum(depth{queue="batch"}))', set()),
        ('count_values("value", depth)', {"value"}),
        ('count_values without (queue) ("value", depth)', {*COMMON, "value"}),
    ],
)
def test_labels_that_come_out(expression: str, labels: set[str]) -> None:
    assert promql_labels.output_labels(promql.parse(expression), CATALOGUE) == labels


def test_names_of_an_expression() -> None:
    expression = 'sum(rate(hits_total[5m])) / sum(up) > 0 or {__name__="depth"}'
    assert promql.metric_names(expression) == ["depth", "hits_total", "up"]


def test_range_modifiers_are_read_and_leave_positions_as_they_are() -> None:
    expression = (
        "increase(a[5m] anchored) + rate(b{x='[1m] anchored'}[1m]) + c[5m:1m] # [2m] anchored"
    )
    plain = modifiers.plain(expression)
    assert plain.modifiers == ("anchored", "")
    assert len(plain.text) == len(expression)
    assert plain.text.index("rate(") == expression.index("rate(")
    assert plain.text.count("anchored") == 2


def test_every_range_is_known_with_what_reads_it() -> None:
    expression = (
        "topk(scalar(count(changes(a[1m]))), increase(b[5m] anchored))"
        " or sum_over_time(rate(c[2m] smoothed)[1h:5m])"
    )
    uses = [
        (use.function, use.selector.prettify(), use.modifier)
        for use in promql.range_uses(expression)
    ]
    assert uses == [
        ("changes", "a[1m]", ""),
        ("increase", "b[5m]", "anchored"),
        ("rate", "c[2m]", "smoothed"),
    ]
