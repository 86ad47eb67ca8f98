"""Loki in its container: verifies its file, takes logs by OTLP, keeps labels few."""

from __future__ import annotations

import httpx
from stack.containers import Launcher, Started, eventually
from stack.signals import log_record, new_trace_id

PORT = 3100


def query(client: httpx.Client, loki: Started, expression: str) -> list[dict[str, object]]:
    """Return the streams of a LogQL query over the last hour."""
    url = loki.url(PORT, "/loki/api/v1/query_range")
    answer = client.get(url, params={"query": expression, "since": "1h"})
    answer.raise_for_status()
    return list(answer.json()["data"]["result"])


def test_it_verifies_its_own_file(launch: Launcher) -> None:
    loki = launch("loki", ports=(PORT,))
    flags = ("-config.file=/etc/ims/stack/loki.yaml", "-config.expand-env=true", "-verify-config")
    code, said = loki.run("/usr/bin/loki", *flags)
    assert code == 0, said


def test_health_check_needs_nothing_but_the_binary(launch: Launcher) -> None:
    launch("loki", ports=(PORT,)).wait_healthy(120)


def test_a_record_sent_by_otlp_is_found_by_its_trace(
    launch: Launcher, client: httpx.Client
) -> None:
    loki = launch("loki", ports=(PORT,))
    eventually(lambda: client.get(loki.url(PORT, "/ready")).is_success, 120)
    trace_id = new_trace_id()
    record = log_record(trace_id, "the queue is full")
    client.post(loki.url(PORT, "/otlp/v1/logs"), json=record).raise_for_status()
    expression = f'{{service_name="ims-core"}} | trace_id="{trace_id}"'
    (stream,) = eventually(lambda: query(client, loki, expression))
    assert stream["values"][0][1] == "the queue is full"  # type: ignore[index]
    labels = client.get(loki.url(PORT, "/loki/api/v1/labels")).json()["data"]
    assert set(labels) == {"service_name", "deployment_environment_name"}
