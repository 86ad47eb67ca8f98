"""The service does not notice: its Collector is absent, slow, killed, back again."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest
from faults.backend import Link
from faults.conftest import See, collectors, eventually, value
from golden.collector import ROOT, Collector

from gateway.launch import Launch, Running, running
from gateway.traffic import Order, Report, drive

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

_MIB = 1024 * 1024


@dataclass
class Service:
    """The demo service, and the line to its Collector, which is not running at first."""

    where: Running
    collector: Collector
    line: Link
    seed: int = 100

    def drive(self, count: int) -> Report:
        """Send traffic; each call is other traffic."""
        self.seed += 1
        return asyncio.run(self._drive(Order(count=count, seed=self.seed, concurrency=4)))

    async def _drive(self, order: Order) -> Report:
        async with httpx2.AsyncClient(base_url=self.where.gateway_url, timeout=30.0) as client:
            return await drive(client, order)

    def latencies(self, count: int) -> list[float]:
        """Return the seconds of single requests, sorted."""
        found = []
        with httpx2.Client(base_url=self.where.gateway_url, timeout=30.0) as client:
            for _ in range(count):
                begin = time.perf_counter()
                assert client.get("/health").status_code == 200
                found.append(time.perf_counter() - begin)
        return sorted(found)

    def memory(self) -> float:
        """Return the MiB that the gateway's process holds."""
        port = int(self.where.gateway_url.rsplit(":", 1)[1])
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid is not None:
                return float(psutil.Process(connection.pid).memory_info().rss) / _MIB
        raise AssertionError("nobody serves the gateway's port")


@pytest.fixture(scope="module")
def service(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start the demo service under instrumentation, without a Collector."""
    folder = tmp_path_factory.mktemp("service")
    with collectors(otelcol, folder) as make:
        collector: Collector = make({"IMSOBS_JAEGER_ENDPOINT": "127.0.0.1:1"})
        line = Link(collector.ports["otlp_http"])
        launch = Launch(
            root=ROOT, logs=folder / "service", endpoint=f"http://127.0.0.1:{line.port}"
        )
        with running(launch) as where:
            yield Service(where, collector, line)
        line.close()


def p99(latencies: list[float]) -> float:
    """Return the 99th percentile of sorted values."""
    return latencies[int(len(latencies) * 0.99) - 1]


def failed(report: Report) -> dict[tuple[str, str, int], int]:
    """Return the requests that got no answer or one that says the gateway failed."""
    return {key: count for key, count in report.requests.items() if key[2] == 0 or key[2] == 500}


def test_the_service_starts_and_serves_without_a_collector(service: Service, see: See) -> None:
    service.drive(30)
    before = service.memory()
    for _ in range(4):
        assert not failed(service.drive(50))
    more = service.memory() - before
    assert more < 60
    see(f"without: {more:.0f} MiB more memory")


def test_it_connects_by_itself_when_the_collector_comes(service: Service) -> None:
    service.collector.start()

    def seen() -> bool:
        service.drive(5)
        return value(service.collector, "ims_requests_total") > 0

    eventually(seen, 60, every=1.0)


def test_a_killed_collector_fails_no_request(service: Service, see: See) -> None:
    with_it = service.latencies(300)
    service.collector.stop(signal.SIGKILL)
    without_it = service.latencies(300)
    assert not failed(service.drive(50))
    service.collector.start()
    assert not failed(service.drive(20))

    def seen() -> bool:
        service.drive(5)
        return value(service.collector, "ims_requests_total") > 0

    eventually(seen, 60, every=1.0)
    # Bounded, not equal: this machine has other things to do, and the exporter pauses for a second.
    assert p99(without_it) < p99(with_it) + 0.5
    see(f"killed: p99 {p99(with_it) * 1e3:.1f} ms before, {p99(without_it) * 1e3:.1f} ms without")


def test_a_slow_collector_slows_no_request(service: Service, see: See) -> None:
    quick = service.latencies(300)
    before = service.memory()
    service.line.delay = 20.0
    for _ in range(3):
        assert not failed(service.drive(40))
    slow = service.latencies(300)
    service.line.delay = 0.0
    assert p99(slow) < p99(quick) + 0.5
    more = service.memory() - before
    assert more < 60
    see(
        f"20 s slow: p99 {p99(quick) * 1e3:.1f} ms before, {p99(slow) * 1e3:.1f} ms then,"
        f" {more:.0f} MiB more memory"
    )
