"""Bucket bounds: the label ``le`` that the rules select is the one that Prometheus has."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from golden import otlp, series
from golden.collector import ROOT, Collector
from golden.prometheus import Prometheus
from golden.stores import wait_until

from imsobs.model.conventions import bucket_bound
from imsobs.runtime.build.binaries import resolve_binary

pytestmark = pytest.mark.native
SERVICE = "bounds"
# Every power of ten that a bound could be, and what lies between.
DERIVED = [10.0**power for power in range(-9, 24)] + [2.5e23, 1e24, 1e25, 1e100, 1e300]
_NUMBERS = random.Random(20261126)  # noqa: S311 - the same bounds in every run
SDK = sorted(
    {
        *(10.0**power * digit for power in range(-12, 25) for digit in (1, 1.5, 2.55, 9.99)),
        *(float(_NUMBERS.randrange(1, 10**9)) for _ in range(100)),
        *(_NUMBERS.uniform(0, 10 ** _NUMBERS.randrange(-6, 18)) for _ in range(200)),
        999_999.0, 1_000_000.0, 1_000_001.0, 123_456_789.0, 1 / 3, 2.0**53, 5e-324,
    }
)  # fmt: skip
OVERLAY = {
    "service": {"names": [SERVICE]},
    "buckets": {"internal": DERIVED},
    "collector": {"max_series": 1_000_000},
}


def test_prometheus_has_the_bounds_that_the_rules_select(
    start_collector: Callable[..., Collector], tmp_path: Path
) -> None:
    collector = start_collector(OVERLAY)
    event = {"event": "policy_evaluated", "policy": "pii", "decision": "allow"}
    lookup = {"event": "cache_lookup", "cache": "response", "result": "hit"}
    records = [{"attributes": {**given, "duration_seconds": 0.1}} for given in (event, lookup)]
    collector.send("logs", otlp.logs(SERVICE, records))
    point = {
        "attributes": {"http.request.method": "POST"},
        "bounds": SDK,
        "counts": [1] * (len(SDK) + 1),
        "sum": 1.0,
    }
    size = {"name": "http.server.request.body.size", "type": "histogram", "points": [point]}
    collector.send("metrics", otlp.metrics(SERVICE, [size]))
    binary = resolve_binary("prometheus", ROOT)
    prometheus = Prometheus(binary, tmp_path, [collector], ("metrics", "processes")).start()
    try:
        for metric, bounds in (
            ("ims_policy_duration_seconds", DERIVED),
            ("ims_cache_lookup_duration_seconds", DERIVED),
            ("ims_request_size_bytes", SDK),
        ):
            query = f"{metric}_bucket"
            wait_until(lambda query=query: bool(prometheus.query(query)), f"no {query}")  # type: ignore[misc]
            found = {row["metric"]["le"] for row in prometheus.query(query)}
            assert found == {*map(bucket_bound, bounds), "+Inf"}
            text = series.parse(collector.scrape_text("processes" if bounds is SDK else "metrics"))
            in_text = {dict(labels)["le"] for labels in text[query]}
            assert in_text == {*map(series.exposed, bounds), "+Inf"}
    finally:
        prometheus.close()
    catalogue = collector.model.series["ims_policy_duration_seconds_bucket"].labels["le"]
    assert catalogue == (*map(bucket_bound, DERIVED), "+Inf")
