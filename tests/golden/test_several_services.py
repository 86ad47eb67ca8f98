"""Several services in one spec: each is probed and counted as itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from golden import otlp
from golden.collector import Collector
from golden.health import HealthServer

pytestmark = pytest.mark.native
SPEC = """
version: 1
use: [http]
service: {namespace: shop, environments: [production]}
collector: {probe_interval: 1s}
services:
  orders-api: {url: "http://127.0.0.1:8000", routes: [/orders]}
  search-api: {url: "http://127.0.0.1:8001", health: /health, routes: [/search]}
  jobs-worker: {}
"""


def health(collector: Collector) -> dict[str, float]:
    rows = collector.series().get("shop_health_status", {})
    return {dict(labels)["service_name"]: value for labels, value in rows.items()}


def test_each_service_is_probed_and_counted_as_itself(otelcol: Path, tmp_path: Path) -> None:
    spec = tmp_path / "shop.yaml"
    spec.write_text(SPEC)
    with HealthServer() as orders:
        env = {
            "IMSOBS_SERVICE_URL": orders.url,
            "IMSOBS_SERVICE_URL_SEARCH_API": "http://127.0.0.1:1",
        }
        exposed = ("metrics", "current", "processes")
        running = Collector(otelcol, tmp_path, {}, env, spec=spec, exposed=exposed).start()
        try:
            for service, route in (("orders-api", "/orders"), ("search-api", "/search")):
                span = {
                    "kind": "server",
                    "attributes": {"http.request.method": "GET", "http.route": route,
                                   "http.response.status_code": 200},
                }  # fmt: skip
                running.send("traces", otlp.traces(service, [span, span]))
            rows = running.series()["shop_requests_total"]
            counted = {
                (dict(labels)["service_name"], dict(labels)["route"]): value
                for labels, value in rows.items()
            }
            assert counted == {("orders-api", "/orders"): 2, ("search-api", "/search"): 2}
            deadline = time.monotonic() + 30
            while (found := health(running)) != {"orders-api": 1, "search-api": 0}:
                assert time.monotonic() < deadline, found
                time.sleep(0.3)
        finally:
            running.close()
