"""How names of the outside world are read from what is run and documented."""

from __future__ import annotations

from release.registry.__main__ import text
from release.registry.exposition import exposed
from release.registry.series import _table

SCRAPED = """\
# HELP a_total Things.
# TYPE a_total counter
a_total{kind="x",path="a\\"},b=\\"c"} 1
a_total{other=""} 2
# TYPE b_seconds histogram
b_seconds_bucket{le="+Inf",route="/"} 1
b_seconds_sum{route="/"} 1
b_seconds_count{route="/"} 1
# TYPE c gauge
c 1
# TYPE d untyped
"""
DOCUMENTED = """\
### otelcol_sent_spans

Number of spans.

| Unit | Metric Type | Value Type | Monotonic | Stability |
| ---- | ----------- | ---------- | --------- | --------- |
| {span} | Sum | Int | true | Alpha |

### otelcol_memory_rss

| Unit | Metric Type | Value Type | Stability |
| ---- | ----------- | ---------- | --------- |
| By | Gauge | Int | Alpha |

### otelcol_age

| Unit | Metric Type | Value Type | Stability |
| ---- | ----------- | ---------- | --------- |
| s | Histogram | Int | Alpha |

### otelcol_waiting

| Unit | Metric Type | Value Type | Monotonic | Stability |
| ---- | ----------- | ---------- | --------- | --------- |
| {request} | Sum | Int | false | Alpha |
"""


def test_names_types_and_labels_of_the_exposition_format() -> None:
    assert dict(exposed(SCRAPED)) == {
        "a_total": {"type": "counter", "labels": ["kind", "other", "path"]},
        "b_seconds": {"type": "histogram", "labels": ["route"]},
        "c": {"type": "gauge", "labels": []},
        "d": {"type": "gauge", "labels": []},
    }


def test_a_documented_metric_has_the_name_that_prometheus_shows() -> None:
    assert dict(_table(DOCUMENTED)) == {
        "otelcol_sent_spans_total": "counter",
        "otelcol_memory_rss_bytes": "gauge",
        "otelcol_age_seconds": "histogram",
        "otelcol_waiting": "gauge",
    }


def test_a_file_has_one_name_a_line() -> None:
    data = {"sources": {"a": "1"}, "names": {"x": "string", "y": {"labels": ["z"]}}}
    assert text(data).splitlines() == [
        "{",
        ' "sources": {"a": "1"},',
        ' "names": {',
        '  "x": "string",',
        '  "y": {"labels": ["z"]}',
        " }",
        "}",
    ]
