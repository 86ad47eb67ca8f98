"""Spans by the scope that they came from and the source that took them: exact, and bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import otlp
from golden.collector import Collector

pytestmark = pytest.mark.native
METRIC = "ims_received_spans_total"
OVERLAY = {
    "service": {"names": ["scopes", "many"]},
    "scrape": {"interval": "1s", "timeout": "1s"},
}
REQUEST: dict[str, Any] = {
    "kind": "server",
    "scope": "opentelemetry.instrumentation.fastapi",
    "attributes": {"http.request.method": "POST", "http.route": "/v1/generate",
                   "http.response.status_code": 200},
}  # fmt: skip
STATEMENT = {"kind": "client", "attributes": {"db.system.name": "postgresql", "db.operation.name":
             "SELECT", "db.query.text": "SELECT 1"}}  # fmt: skip


@pytest.fixture(scope="module")
def received(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A Collector that flushes every second."""
    running = Collector(otelcol, tmp_path_factory.mktemp("received"), OVERLAY).start()
    yield running
    running.close()


def counted(collector: Collector, service: str) -> dict[tuple[str, str], float]:
    """Return scope and source -> spans of a service."""
    found = {}
    for labels, value in collector.series().get(METRIC, {}).items():
        given = dict(labels)
        if given["service_name"] == service:
            found[given["instrumentation_scope"], given["span_source"]] = value
    return found


def becomes(collector: Collector, service: str, wanted: dict[tuple[str, str], float]) -> None:
    deadline = time.monotonic() + 30
    while (found := counted(collector, service)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def test_each_span_is_counted_once_by_scope_and_source(received: Collector) -> None:
    fastapi = REQUEST["scope"]
    below, above = (f"opentelemetry.instrumentation.{name}" for name in ("asyncpg", "sqlalchemy"))
    odd = "".join(map(chr, (34, 27, 60))) + "b>"
    spans = [
        {**REQUEST, "count": 3},
        # Of the same scope, what no source takes.
        {"kind": "internal", "scope": fastapi, "count": 2},
        {"kind": "internal", "scope": "litellm", "count": 4},
        # One statement that two instrumentations report, of which one is counted.
        {**STATEMENT, "scope": above, "span": 7001},
        {**STATEMENT, "scope": below, "parent": 7001},
        # Names that are none, and a sender's own word for what is marked here.
        {"kind": "internal", "scope": ""},
        {"kind": "internal", "scope": odd},
        {"kind": "internal", "scope": "x" * 101},
        {"kind": "internal", "scope": "mine", "attributes": {"imsobs.scope": "forged",
         "imsobs.taken": "http_request", "imsobs.source": "http_request"}},
    ]  # fmt: skip
    received.send("traces", otlp.traces("scopes", spans))
    wanted = {
        (fastapi, "http_request"): 3,
        (fastapi, "none"): 2,
        ("litellm", "none"): 4,
        (above, "database_query"): 1,
        (below, "database_query"): 1,
        ("unknown", "none"): 1,
        ("other", "none"): 2,
        ("mine", "none"): 1,
    }
    becomes(received, "scopes", wanted)
    received.send("traces", otlp.traces("scopes", [REQUEST]))
    becomes(received, "scopes", {**wanted, (fastapi, "http_request"): 4})


def test_ten_thousand_scopes_are_as_many_series_as_the_limit_says(received: Collector) -> None:
    limit = received.model.labels["instrumentation_scope"].limit
    received.send("traces", otlp.traces("many", [REQUEST]))
    becomes(received, "many", {(REQUEST["scope"], "http_request"): 1})
    for part in range(10):
        spans = [{"kind": "internal", "scope": f"s{part}.{n}"} for n in range(1000)]
        received.send("traces", otlp.traces("many", spans))
    deadline = time.monotonic() + 60
    while sum((found := counted(received, "many")).values()) < 10_001:
        assert time.monotonic() < deadline, sum(found.values())
        time.sleep(0.5)
    assert len(found) == limit + 1
    assert found["other", "other"] == 10_001 - limit
    assert received.model.metrics[METRIC].series_budget == limit + 1
