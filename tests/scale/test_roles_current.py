"""What has one owner: gauges and SDK metrics of a process whose every export goes elsewhere."""

from __future__ import annotations

import itertools
import signal
import time
from typing import Any

import httpx
import pytest
from alertmanager import wait_for
from golden import otlp
from scale.conftest import See, Stage

from imsobs.outputs.collector.roles import CURRENT

pytestmark = [pytest.mark.scale, pytest.mark.timeout(180), pytest.mark.usefixtures("roles_binary")]

SERVICE, PROCESS = "ims-core", {"service.instance.id": "instance-1"}
CPU, AGENTS, ALIVE = "ims_process_cpu_seconds_total", "ims_agents_active", "ims_process_alive"
GC = "ims_runtime_gc_collections_total"


class Process:
    """A process of the service, of whose exports every second one goes to the other `derive`."""

    def __init__(self, running: Stage) -> None:
        nodes = (running.derive(0), running.derive(1))
        port = running.cluster.ports.otlp_http
        self._turn = itertools.cycle([f"http://{node.address}:{port}" for node in nodes])
        self.cpu = self.collections = self.agents = 0

    def report(self) -> None:
        """Export what it counts since its start, what it counts since its last export, a gauge."""
        self.cpu, self.agents = self.cpu + 1, self.agents + 1
        self.collections += 3
        cpu, collections = [{"value": float(self.cpu)}], [{"value": 3}]
        given: list[dict[str, Any]] = [
            {"name": "process.cpu.time", "type": "sum", "points": cpu},
            {"name": "cpython.gc.collections", "type": "sum", "points": collections, "delta": True},
        ]
        self._post("metrics", otlp.metrics(SERVICE, given))
        event = {"event": "agent_spawned", "agent_type": "research", "active": self.agents}
        self._post("logs", otlp.logs(SERVICE, [{"attributes": event, "resource": PROCESS}]))

    def _post(self, kind: str, request: dict[str, Any]) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            client.post(f"{next(self._turn)}/v1/{kind}", json=request).raise_for_status()


def _gauge(running: Stage, name: str) -> list[float]:
    """Return the value of each series that Prometheus has now."""
    return [float(row["value"][1]) for row in running.prometheus.query(name)]


def test_a_process_that_moves_with_every_export_is_one(running: Stage, see: See) -> None:
    process, prometheus = Process(running), running.prometheus
    for _ in range(20):
        process.report()
        time.sleep(0.2)
    wait_for(lambda: _gauge(running, CPU) == [process.cpu], 20, "the CPU time")
    wait_for(lambda: _gauge(running, f"{AGENTS}_per_process") == [process.agents], 20, "agents")
    # Rising all the way: a fall would be taken for a restart, and counted again.
    assert prometheus.counted(CPU) == process.cpu
    wait_for(lambda: prometheus.counted(GC) == process.collections, 20, "the deltas")
    assert _gauge(running, ALIVE) == [1]

    current = running.cluster.node(CURRENT)
    current.stop(signal.SIGKILL)
    for _ in range(10):
        process.report()
        time.sleep(0.2)
    current.start()
    wait_for(lambda: _gauge(running, CPU) == [process.cpu], 60, "the CPU time, again")
    wait_for(lambda: _gauge(running, f"{AGENTS}_per_process") == [process.agents], 20, "agents")
    assert prometheus.counted(CPU) == process.cpu
    # Their sum began anew, and what waited was added to it.
    wait_for(lambda: prometheus.counted(GC) == process.collections, 20, "the deltas, again")
    assert len(_gauge(running, ALIVE)) == 1
    see(
        f"30 exports to 2 processes by turns, 10 of them while the owner was away after a kill -9:"
        f" one series each; {process.cpu} s of CPU time, {process.collections} collections (sent as"
        f" deltas) and the last {process.agents} agents, all as sent"
    )
