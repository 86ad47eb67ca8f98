"""State of processes: gauges of several are folded, and those of a process go with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import otlp
from golden.collector import ROOT, Collector
from golden.prometheus import EXPOSED, Prometheus
from golden.stores import wait_until

from imsobs.runtime.build.binaries import resolve_binary

pytestmark = pytest.mark.native

SERVICE = "ims-core"
# As short as a spec may have it, and shorter, so that a test need not wait.
SHORTEST, KEEP_GONE = "20s", 3
# Gauges of the project's spec are folded by sum and max; these by the other two.
_ACTIVE = {"type": "gauge", "group": "agents", "event": ["agent_spawned", "agent_finished"]}
FURTHER = {
    name: {**_ACTIVE, "description": "x", "value": "active", "labels": ["agent_type"], "fold": fold}
    for name, fold in (("ims_agents_fewest", "min"), ("ims_agents_latest", "last"))
}
OVERLAY = {
    "collector": {"keep_gone": SHORTEST, "probe_interval": "1s"},
    "scrape": {"interval": "1s", "timeout": "1s"},
    "metrics": FURTHER,
}


class Process:
    """A process of the service, told apart by its id. It lives while it sends the SDK's metrics."""

    def __init__(self, collector: Collector, instance: str | None, version: str = "1.0") -> None:
        self._collector = collector
        self.resource = {"service.instance.id": instance, "service.version": version}
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def event(self, **fields: Any) -> None:
        """Log an event."""
        record = {"attributes": fields, "resource": self.resource}
        self._send("logs", otlp.logs(SERVICE, [record]))

    def agents(self, active: int, agent_type: str = "research") -> None:
        """Say how many agents run."""
        self.event(event="agent_spawned", agent_type=agent_type, active=active)

    def serve(self) -> None:
        """Answer a request."""
        attributes = {
            "http.request.method": "GET",
            "http.route": "/v1/jobs",
            "http.response.status_code": 200,
        }
        span = {"kind": "server", "attributes": attributes, "resource": self.resource}
        self._send("traces", otlp.traces(SERVICE, [span]))

    def metrics(self, memory: int = 100) -> None:
        """Export the SDK's metrics once."""
        points = [{"value": memory}]
        request = otlp.metrics(
            SERVICE, [{"name": "process.memory.usage", "type": "gauge", "points": points}]
        )
        resource = otlp.resource(SERVICE, self.resource)
        request["resourceMetrics"][0]["resource"] = resource
        self._send("metrics", request)

    def live(self) -> Process:
        """Export the SDK's metrics over and over."""
        self._thread.start()
        return self

    def end(self) -> None:
        """Send nothing any more."""
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=30)

    def _live(self) -> None:
        while not self._end.wait(KEEP_GONE / 6):
            self.metrics()

    def _send(self, kind: str, request: dict[str, Any]) -> None:
        with self._lock:
            self._collector.send(kind, request)


class Processes:
    """A Collector, the Prometheus that scrapes it and folds, and the processes that report."""

    def __init__(self, collector: Collector, prometheus: Prometheus) -> None:
        self.collector = collector
        self.prometheus = prometheus
        self.made: list[Process] = []

    def process(self, instance: str | None, version: str = "1.0") -> Process:
        """Return a process that lives until the test ends."""
        self.made.append(Process(self.collector, instance, version).live())
        return self.made[-1]

    def folded(self, query: str) -> float | None:
        """Return the value of a query with at most one series."""
        return self.prometheus.value(query)

    def wait_for(self, query: str, value: float | None, seconds: float = 30) -> None:
        """Wait until a query has a value, or none."""
        deadline = time.monotonic() + seconds
        while (found := self.folded(query)) != value:
            assert time.monotonic() < deadline, f"{query} is {found}, not {value}"
            time.sleep(0.1)


@pytest.fixture
def processes(otelcol: Path, tmp_path: Path) -> Iterator[Processes]:
    """A Collector and a Prometheus for one test."""
    yield from _running(otelcol, tmp_path, OVERLAY)


def _running(otelcol: Path, folder: Path, overlay: dict[str, Any]) -> Iterator[Processes]:
    collector = Collector(otelcol, folder, overlay)
    config, expiration = collector.config.read_text(), "metric_expiration: {}"
    assert expiration.format(SHORTEST) in config
    collector.config.write_text(
        config.replace(expiration.format(SHORTEST), expiration.format(f"{KEEP_GONE}s"))
    )
    collector.start()
    scraped = tuple(port for ports in EXPOSED.values() for port in ports)
    prometheus = Prometheus(
        resolve_binary("prometheus", ROOT), folder, [collector], scraped, folding=True
    ).start()
    running = Processes(collector, prometheus)
    wait_until(lambda: prometheus.value("sum(up)") == len(scraped), "not scraped")
    yield running
    for process in running.made:
        process.end()
    prometheus.close()
    collector.close()


def test_two_replicas_are_folded(processes: Processes) -> None:
    a, b = processes.process("a"), processes.process("b")
    a.agents(3)
    b.agents(5)
    a.event(
        event="agent_finished",
        agent_type="research",
        outcome="success",
        active=2,
        duration_seconds=1.0,
    )
    b.agents(1, "coding")
    a.event(event="queue_state", queue="batch", depth=4, oldest_age_seconds=30.0)
    b.event(event="queue_state", queue="batch", depth=3, oldest_age_seconds=60.0)
    processes.wait_for('ims_agents_active{agent_type="research"}', 7)
    processes.wait_for('ims_agents_active{agent_type="coding"}', 1)
    processes.wait_for('ims_queue_depth{queue="batch"}', 4)
    processes.wait_for('ims_queue_oldest_age_seconds{queue="batch"}', 60)
    processes.wait_for('ims_agents_fewest{agent_type="research"}', 2)
    processes.wait_for('ims_agents_latest{agent_type="research"}', 2)
    b.agents(6)
    processes.wait_for('ims_agents_latest{agent_type="research"}', 6)
    # Gauges of the SDK too, and both are there: the fold, and each process.
    processes.wait_for("ims_process_memory_bytes", 200)
    processes.wait_for('ims_process_memory_bytes_per_process{service_instance_id="a"}', 100)
    processes.wait_for('ims_agents_active_per_process{service_instance_id="b"} > 1', 6)
    series = processes.collector.model.series
    for name in ("ims_agents_active", "ims_agents_active_per_process", "ims_process_memory_bytes"):
        found = {frozenset(row["metric"]) for row in processes.prometheus.query(name)}
        assert found == {frozenset({"__name__", *series[name].labels})}, name


def test_a_process_takes_its_gauges_with_it_and_a_quiet_one_keeps_them(
    processes: Processes,
) -> None:
    quiet, ending = processes.process("quiet", "1.0"), processes.process("ending", "2.0")
    for process, active in ((quiet, 2), (ending, 5)):
        process.agents(active)
        process.serve()
    ending.event(event="queue_state", queue="batch", depth=9, oldest_age_seconds=6000.0)
    processes.wait_for("ims_agents_active", 7)
    processes.wait_for('ims_build_info{version="2.0"}', 1)
    processes.wait_for("ims_queue_oldest_age_seconds", 6000)
    ending.end()
    # A scrape and an evaluation later, and some seconds for a loaded machine.
    processes.wait_for("ims_agents_active", 2, KEEP_GONE + 30)
    assert processes.folded("count(ims_process_alive)") == 1
    for gone in (
        'ims_build_info{version="2.0"}',
        "ims_queue_oldest_age_seconds",
        "ims_queue_depth",
    ):
        processes.wait_for(gone, None)
    # What was counted stays, and so does what a living process said long ago.
    time.sleep(KEEP_GONE)
    assert processes.folded("sum(ims_requests_total)") == 2
    assert processes.folded("sum(ims_agents_spawned_total)") == 2
    assert processes.folded("ims_agents_active") == 2
    assert processes.folded('ims_build_info{version="1.0"}') == 1
    quiet.end()
    processes.wait_for("ims_agents_active", None, KEEP_GONE + 30)
    processes.wait_for("count(ims_process_alive)", None)
    # It is back, with another id.
    processes.process("quiet-again").agents(4)
    processes.wait_for("ims_agents_active", 4)


def test_a_process_without_an_id_is_folded_too(processes: Processes) -> None:
    nameless, odd = processes.process(None), processes.process("no id, but a text")
    processes.process("a").agents(5)
    # These two cannot be told apart: the last one speaks for both.
    nameless.agents(1)
    odd.agents(2)
    processes.wait_for("ims_agents_active", 7)
    assert processes.folded('ims_agents_active_per_process{service_instance_id="other"}') == 2


def test_reports_of_gauges_alone_keep_a_process_alive(processes: Processes) -> None:
    # No metrics of the SDK at all.
    silent = Process(processes.collector, "no-sdk-metrics")
    for active in (1, 2, 3, 4):
        silent.agents(active)
        processes.wait_for("ims_agents_active", active)
        time.sleep(KEEP_GONE / 2)
    processes.wait_for("ims_agents_active", None, KEEP_GONE + 30)


def test_too_many_processes_harm_no_counter(otelcol: Path, tmp_path: Path) -> None:
    overlay = {**OVERLAY, "collector": {**OVERLAY["collector"], "max_processes": 1}}
    for processes in _running(otelcol, tmp_path, overlay):
        steady = processes.process("steady")
        steady.agents(1)
        steady.serve()
        processes.wait_for("ims_agents_active", 1)
        # The state of one process, ten times.
        most = processes.folded('ims_process_series_limit{job="ims-state"}')
        assert most is not None
        # Each starts anew and reports three gauges.
        for number in range(int(most)):
            Process(processes.collector, f"start-{number}").agents(1)
        processes.wait_for('up{job="ims-state"}', 0)
        processes.wait_for("ims_agents_active", None)
        share = 'max by (job) (scrape_samples_scraped{job="ims-state"})'
        over = f"{share} / on (job) (ims_process_series_limit > 0) > bool 1"
        processes.wait_for(over, 1)
        processes.wait_for('sum(up{job="ims-metrics"})', 2)
        processes.wait_for("sum(ims_requests_total)", 1)
        processes.wait_for("sum(ims_agents_spawned_total)", int(most) + 1)
