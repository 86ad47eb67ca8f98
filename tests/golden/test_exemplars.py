"""ims_kept_request_duration_seconds: exact for the kept traces, with exemplars of theirs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from golden import otlp, series
from golden.collector import Collector
from golden.stores import trace_ids

pytestmark = pytest.mark.native
METRIC = "ims_kept_request_duration_seconds"
_EXEMPLAR = re.compile(r'# \{[^}]*trace_id="([0-9a-f]{32})"[^}]*\} ([0-9.e+-]+)')
OVERLAY = {
    "service": {"names": ["exemplars"]},
    # Errors only, so that some traces are not kept.
    "sampling": {"decision_wait": "2s", "slow": "1s", "rate": 0.0},
    "scrape": {"interval": "2s", "timeout": "1s"},
}


def request(duration: float, status: str) -> dict[str, object]:
    attributes = {"http.request.method": "POST", "http.route": "/v1/generate"}
    return {"kind": "server", "duration": duration, "status": status, "attributes": attributes}


def test_exemplars_lead_to_kept_traces(start_collector: Callable[..., Collector]) -> None:
    collector = start_collector(OVERLAY)
    spans = [request(0.2, "error"), request(0.3, "error"), request(0.4, "unset")]
    # What is not a request is not measured, kept or not.
    spans.append({"kind": "client", "status": "error", "duration": 0.2})
    collector.send("traces", otlp.traces("exemplars", spans))
    deadline = time.monotonic() + 20
    lines: list[str] = []
    while not (lines := [x for x in exposition(collector) if "trace_id" in x]):
        assert time.monotonic() < deadline, "no exemplar"
        time.sleep(0.2)
    found = {match.groups() for line in lines if (match := _EXEMPLAR.search(line))}
    assert {float(value) for _, value in found} == {0.2, 0.3}
    assert {trace for trace, _ in found} <= set(trace_ids(collector))

    rows = series.of_service(collector.series(), "exemplars")
    metric = collector.model.metrics[METRIC]
    expected = series.expected(
        metric,
        {'route="/v1/generate"': {"count": 2, "sum": 0.5, "buckets": {0.25: 1, 0.5: 1}}},
        "exemplars",
    )
    names = [name for name, entry in collector.model.series.items() if entry.metric == METRIC]
    assert not series.differences(expected, rows, names)


def exposition(collector: Collector) -> list[str]:
    """Return the OpenMetrics lines of the metric's buckets."""
    text = collector.scrape_text(accept="application/openmetrics-text; version=1.0.0")
    return [line for line in text.splitlines() if line.startswith(f"{METRIC}_bucket")]
