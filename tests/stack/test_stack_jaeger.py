"""Jaeger in its container: takes a trace from the Collector, stores it, finds it."""

from __future__ import annotations

import httpx
from stack.containers import Launcher, eventually
from stack.signals import SERVICE, failed_request, new_trace_id
from testcontainers.core.network import Network

UI, HEALTH, OTLP = 16686, 13134, 4318


def test_its_own_validate_accepts_the_configuration(launch: Launcher) -> None:
    jaeger = launch("jaeger", ports=(UI, HEALTH))
    binary = "/cmd/jaeger/jaeger-linux"
    code, said = jaeger.run(binary, "validate", "--config=/etc/imsobs/stack/jaeger.yaml")
    assert code == 0, said


def test_a_trace_sent_to_the_collector_is_found(
    network: Network, launch: Launcher, client: httpx.Client
) -> None:
    jaeger = launch("jaeger", ports=(UI, HEALTH), network=network)
    otelcol = launch("otelcol", ports=(OTLP, 13133), network=network)
    jaeger.wait_healthy()
    otelcol.wait_healthy()
    trace_id = new_trace_id()
    url = otelcol.url(OTLP, "/v1/traces")
    client.post(url, json=failed_request(trace_id)).raise_for_status()
    found = eventually(
        lambda: client.get(jaeger.url(UI, f"/api/traces/{trace_id}")).json()["data"], 60
    )
    assert found[0]["traceID"] == trace_id
    services = client.get(jaeger.url(UI, "/api/services")).json()["data"]
    assert services == [SERVICE]
