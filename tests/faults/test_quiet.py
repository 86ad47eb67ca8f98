"""Quiet when all is well: the demo's ordinary traffic fires nothing but the Watchdog.

A real run of six minutes with the rules, times and thresholds as they are, not compressed: rates
over five minutes are whole by then, and counts over longer windows only grow towards what they
stay at. An alert that waits for longer than the run has is seen pending: the traffic is the same
all the time, so one that is pending for half of the run would fire within thirty minutes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from native.project import rendered_project

from gateway.launch import Launch, running
from gateway.traffic import Order, drive
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.faults, pytest.mark.timeout(700)]
MINUTES = 6
# The demo's own.
RATE = 8.0


def query(base: str, expression: str) -> list[dict[str, Any]]:
    """Return the result of an instant query."""
    answer = httpx.get(f"{base}/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", answer
    return list(answer["data"]["result"])


def test_ordinary_traffic_fires_nothing_but_the_watchdog(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    root = rendered_project(tmp_path / "project", {"service": {"url": f"http://127.0.0.1:{port}"}})
    with running_stack(root, tmp_path / "state") as stack:
        prometheus = f"http://127.0.0.1:{stack.port('prometheus', 'http')}"
        endpoint = f"http://127.0.0.1:{stack.port('otelcol', 'otlp_http')}"
        launch = Launch(root=root, logs=tmp_path / "service", port=port, endpoint=endpoint)
        with running(launch) as service:

            async def traffic() -> int:
                async with httpx2.AsyncClient(base_url=service.gateway_url, timeout=60.0) as client:
                    order = Order("steady", duration=MINUTES * 60, rate=RATE, seed=3)
                    return sum((await drive(client, order)).requests.values())

            assert asyncio.run(traffic()) > MINUTES * 60 * RATE
            # Of series with and without a state of their own, the name says all.
            window = f"{MINUTES + 2}m"
            fired = query(
                prometheus,
                f'last_over_time(ALERTS{{alertstate="firing", alertname!="Watchdog"}}[{window}])',
            )
            assert not fired, [one["metric"] for one in fired]
            pending = query(
                prometheus,
                f'count_over_time(ALERTS{{alertstate="pending"}}[{window}:15s]) > {MINUTES * 2}',
            )
            assert not pending, [one["metric"] for one in pending]
            assert query(prometheus, 'ALERTS{alertname="Watchdog", alertstate="firing"}')
