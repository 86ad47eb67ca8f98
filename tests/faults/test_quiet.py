"""Quiet when all is well: the demo's ordinary traffic fires nothing but the Watchdog.

A real run of six minutes with the rules, times and thresholds as they are, not compressed: rates
over five minutes are whole by then, and counts over longer windows only grow towards what they
stay at. An alert that waits for longer than the run has is seen pending: the traffic is the same
all the time, so one that is pending for half of the run would fire within thirty minutes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import httpx2
import pytest
from native.project import rendered_project

from gateway.launch import Launch, running
from gateway.traffic import Order, drive
from imsobs import yamlio
from imsobs.runtime.drill.compress_time import NEVER, local_routes
from imsobs.runtime.drill.receiver import Inbox, listening
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.faults, pytest.mark.timeout(700)]
MINUTES = 6
# The demo's own.
RATE = 8.0


def names(base: str, expression: str) -> list[str]:
    """Return the names of the alerts that an instant query finds."""
    answer = httpx.get(f"{base}/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", answer
    return sorted(one["metric"]["alertname"] for one in answer["data"]["result"])


def told_here(root: Path, inbox: Inbox) -> None:
    """Let Alertmanager tell a local hook: without secrets it says that nobody can be told."""
    file = root / "alerts/alertmanager.yaml"
    config = yamlio.parse(file.read_text(encoding="utf-8"))
    file.write_text(yamlio.dump(local_routes(config, inbox.url, mutes=NEVER)), encoding="utf-8")


async def traffic(url: str) -> int:
    """Send the demo's ordinary traffic; return the number of requests."""
    async with httpx2.AsyncClient(base_url=url, timeout=60.0) as client:
        order = Order("steady", duration=MINUTES * 60, rate=RATE, seed=3)
        return sum((await drive(client, order)).requests.values())


def test_ordinary_traffic_fires_nothing_but_the_watchdog(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    root = rendered_project(tmp_path / "project", {"service": {"url": f"http://127.0.0.1:{port}"}})
    plan = load_plan(root)
    endpoint = f"http://127.0.0.1:{plan.processes['otelcol'].ports['otlp_http']}"
    launch = Launch(
        root=root, logs=tmp_path / "service", port=port, endpoint=endpoint, ready_seconds=180
    )
    with (
        listening() as inbox,
        # First, for a service that does not answer yet is down.
        running(launch) as service,
    ):
        told_here(root, inbox)
        with running_stack(root, tmp_path / "state") as stack:
            prometheus = f"http://127.0.0.1:{stack.port('prometheus', 'http')}"
            assert asyncio.run(traffic(service.gateway_url)) > MINUTES * 60 * RATE
            window = f"{MINUTES + 2}m"
            firing = 'alertstate="firing", alertname!="Watchdog"'
            fired = names(prometheus, f"last_over_time(ALERTS{{{firing}}}[{window}])")
            assert fired == []
            pending = f'ALERTS{{alertstate="pending"}}[{window}:15s]'
            assert names(prometheus, f"count_over_time({pending}) > {MINUTES * 2}") == []
            watchdog = 'ALERTS{alertname="Watchdog", alertstate="firing"}'
            assert names(prometheus, watchdog) == ["Watchdog"]
