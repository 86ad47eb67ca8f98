"""Prometheus, Alertmanager and Jaeger are killed or away while the stack runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest
from faults.conftest import AWAY_SECONDS, See, eventually
from faults.sender import logs, trace_id, traces
from native.project import rendered_project

from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.stack import RunningStack, running_stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

_FAST: dict[str, Any] = {
    "scrape": {"interval": "2s", "timeout": "2s"},
    "sampling": {"rate": 1.0, "slow": "1s", "decision_wait": "2s"},
    "collector": {"queue_mib": 2},
    "alerting": {"fast": "2s", "slow": "10s"},
    "alerts": {"TelemetryDropped": {"for": "0s"}},
}


@dataclass
class Live:
    """The running stack. sent: log records that were acknowledged so far."""

    stack: RunningStack
    sent: int = 0

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.stack.layout)
        self.otlp = f"http://127.0.0.1:{self.stack.port('otelcol', 'otlp_http')}"
        self.prometheus = f"http://127.0.0.1:{self.stack.port('prometheus', 'http')}"
        self.alertmanager = f"http://127.0.0.1:{self.stack.port('alertmanager', 'http')}"
        self.jaeger = f"http://127.0.0.1:{self.stack.port('jaeger', 'http')}"

    def send(self, kind: str, request: dict[str, Any]) -> None:
        """Export, and insist on being heard."""
        answer = httpx.post(f"{self.otlp}/v1/{kind}", json=request, timeout=20)
        assert answer.status_code == 200, answer.text

    def send_logs(self, count: int) -> None:
        """Export log records."""
        self.send("logs", logs(range(self.sent + 1, self.sent + count + 1)))
        self.sent += count

    def query(self, expression: str) -> float:
        """Return the one value of an instant query; 0 when there is no series."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression})
        result = answer.raise_for_status().json()["data"]["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else 0.0

    def counted(self, expected: float) -> bool:
        """Return whether Prometheus has seen so many log records in the Collector's life."""
        return self.query("sum(ims_log_records_total)") == expected

    def alerts(self) -> set[str]:
        """Return the names of the alerts that Alertmanager knows of."""
        found = httpx.get(f"{self.alertmanager}/api/v2/alerts").raise_for_status().json()
        return {alert["labels"]["alertname"] for alert in found}

    def kill(self, process: str) -> None:
        """End a process as a crash would; the supervisor starts it again."""
        pid = self.supervisor.processes()[process].pid
        psutil.Process(pid).kill()
        eventually(lambda: self.supervisor.processes()[process].pid not in (0, pid))

    @contextmanager
    def without(self, process: str) -> Iterator[None]:
        """Keep a process away for the time of the context, and wait until it is back."""
        self.supervisor.stop_process(process)
        try:
            yield
        finally:
            self.supervisor.start_process(process)
            eventually(lambda: self.ready(process), 60)

    def ready(self, process: str) -> bool:
        """Return whether a process says that it can work."""
        try:
            url = self.stack.plan.processes[process].ready
            return httpx.get(url, timeout=5).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Start the native stack with short intervals and a small queue."""
    folder = tmp_path_factory.mktemp("stack-faults")
    root = rendered_project(folder / "project", _FAST)
    with running_stack(root, folder / "state") as stack:
        running = Live(stack)
        running.send_logs(7)
        eventually(lambda: running.counted(7))
        yield running


def test_prometheus_killed_replays_what_it_had(live: Live, see: See) -> None:
    history = "sum(count_over_time(ims_log_records_total[1h]))"
    time.sleep(5)
    before = live.query(history)
    at = time.time()
    assert before >= 2
    live.kill("prometheus")
    eventually(lambda: live.ready("prometheus"), 60)
    # Every sample from before the kill is there, but for those of its last moments.
    asked = {"query": history, "time": str(at)}
    answer = httpx.get(f"{live.prometheus}/api/v1/query", params=asked).json()
    replayed = float(answer["data"]["result"][0]["value"][1])
    assert replayed >= before - 1
    see(f"{replayed:.0f} of {before:.0f} samples there again")
    assert live.query("sum(prometheus_tsdb_wal_corruptions_total)") == 0
    # And it goes on: what was counted while it was away is there as well.
    live.send_logs(5)
    eventually(lambda: live.counted(live.sent))


def test_counts_wait_for_prometheus(live: Live, see: See) -> None:
    with live.without("prometheus"):
        for _ in range(12):
            live.send_logs(10)
            time.sleep(5)
    eventually(lambda: live.counted(live.sent))
    see(f"away for a minute: {live.sent} of {live.sent} counted")


def test_alertmanager_away_while_an_alert_fires(live: Live, see: See) -> None:
    with live.without("jaeger"):
        with live.without("alertmanager"):
            firing = 'count(ALERTS{alertname="TelemetryDropped",alertstate="firing"})'

            def fires() -> bool:
                # A rate needs a second look: traffic goes on, as it does.
                fill_trace_queue(live)
                return live.query(firing) >= 1

            eventually(fires, 60, every=2.0)
        # It hears of it as soon as it is there.
        back = time.monotonic()
        eventually(lambda: "TelemetryDropped" in live.alerts(), 90)
        see(f"told {time.monotonic() - back:.0f} s after it was back")
        assert live.query("sum(otelcol_exporter_enqueue_failed_spans_total)") > 0
        full = "max(otelcol_exporter_queue_size / (otelcol_exporter_queue_capacity > 0))"
        assert 0.5 < live.query(full) <= 1.0


def fill_trace_queue(live: Live) -> None:
    """Send 8 MB of traces to a queue of 2 MiB."""
    padding = {"attributes": {"text": "x" * 8_000}, "status": "error"}
    for first in range(10_001, 11_001, 100):
        live.send("traces", traces(range(first, first + 100), **padding))


def test_jaeger_away_with_a_restart_of_the_collector_in_between(live: Live, see: See) -> None:
    # What an earlier outage left waits for the next retry, up to half a minute each time.
    queued = 'sum(otelcol_exporter_queue_size{job="otelcol"})'
    eventually(lambda: live.query(queued) == 0, 180)
    numbers = range(20_001, 20_021)
    with live.without("jaeger"):
        away = time.monotonic()
        live.send("traces", traces(numbers[:10], status="error"))
        time.sleep(AWAY_SECONDS)
        live.kill("otelcol")
        eventually(lambda: live.ready("otelcol"), 60)
        live.send("traces", traces(numbers[10:], status="error"))
        time.sleep(AWAY_SECONDS)
    outage = time.monotonic() - away
    for number in numbers:
        eventually(lambda number=number: spans_in_jaeger(live, number) == 1, 60)
    see(f"Jaeger away for {outage:.0f} s: {len(numbers)} of {len(numbers)} traces there, once")


def test_jaeger_shows_a_span_once_that_came_twice(live: Live) -> None:
    """After a kill the Collector may send again what had arrived."""
    number = 30_001
    request = traces(range(number, number + 1), status="error")
    for _ in range(2):
        live.send("traces", request)
    eventually(lambda: spans_in_jaeger(live, number) >= 1, 60)
    time.sleep(3)
    assert spans_in_jaeger(live, number) == 1


def test_jaeger_killed_keeps_what_it_had(live: Live) -> None:
    number = 40_001
    live.send("traces", traces(range(number, number + 1), status="error"))
    eventually(lambda: spans_in_jaeger(live, number) == 1, 60)
    live.kill("jaeger")
    eventually(lambda: live.ready("jaeger"), 60)
    eventually(lambda: spans_in_jaeger(live, number) == 1, 60)


def spans_in_jaeger(live: Live, number: int) -> int:
    """Return how many spans of a trace Jaeger shows."""
    answer = httpx.get(f"{live.jaeger}/api/traces/{trace_id(number)}", timeout=10)
    if answer.status_code == 404:
        return 0
    return len(answer.raise_for_status().json()["data"][0]["spans"])


def test_a_killed_collector_costs_the_counts_since_the_last_scrape(live: Live) -> None:
    """The counters live in memory: what no scrape has seen dies with them."""
    eventually(lambda: live.ready("otelcol"))
    live.send_logs(1)
    # In this life of the Collector, and all of it scraped.
    time.sleep(5)
    before = live.query("sum(ims_log_records_total)")
    assert before >= 1
    live.kill("otelcol")
    eventually(lambda: live.ready("otelcol"), 60)
    live.send_logs(20)
    # From zero, and to Prometheus an ordinary reset: the sum goes on from where it was.
    eventually(lambda: live.counted(20))
    expression = "sum(increase(ims_log_records_total[30s]))"
    eventually(lambda: live.query(expression) > 0)
