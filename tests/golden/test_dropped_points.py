"""Points of SDK metrics whose number is no measurement: dropped, and seen to be."""

from __future__ import annotations

import pytest
from golden import otlp, series
from golden.collector import Collector

pytestmark = pytest.mark.native


def dropped(collector: Collector) -> float:
    """Return what the alert InvalidMetricPoints looks at."""
    rows = series.parse(collector.scrape_text("telemetry"))
    found = rows.get("otelcol_processor_filter_datapoints_filtered_total", {})
    return sum(
        value for labels, value in found.items() if ("filter", "filter/sdk_numbers") in labels
    )


def test_what_is_dropped_is_counted_apart_from_what_nobody_asked_for(collector: Collector) -> None:
    points = [{"value": value} for value in (3, float("nan"), float("inf"), 1e300)]
    metrics = [
        {"name": "http.server.active_requests", "type": "gauge", "points": points},
        {"name": "nobody.asked.for.this", "type": "gauge", "points": points},
    ]
    before = dropped(collector)
    collector.send("metrics", otlp.metrics("case-dropped-points", metrics))
    assert dropped(collector) - before == 3
