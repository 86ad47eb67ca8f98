"""The stores are away, slow, or away for longer than the queue lasts."""

from __future__ import annotations

import signal
import time

import pytest
from faults.backend import Backend, Link, sending_to
from faults.conftest import AWAY_SECONDS, Make, See, eventually, otlp_url, value
from faults.sender import Sender, body, logs, trace_id, traces

pytestmark = pytest.mark.faults

# Longer than any trace waits for its decision, its tick and its batch.
_DECIDED_SECONDS = 5.0
_MIB = 1024 * 1024


def each_once(backend: Backend, numbers: range) -> bool:
    """Return whether each trace and each log record of these numbers is stored once."""
    spans, records = backend.spans(), backend.logs()
    assert sum(trace_id(n) in spans for n in numbers) == len(numbers)
    assert sum(body(n) in records for n in numbers) == len(numbers)
    assert {spans[trace_id(n)] for n in numbers} == {records[body(n)] for n in numbers} == {1}
    return True


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["restart", "kill"])
def test_an_outage_of_the_stores_with_a_restart_in_between(
    make_collector: Make, backend: Backend, how: signal.Signals, see: See
) -> None:
    collector = make_collector(backend.environment()).start()
    with Sender(otlp_url(collector), tries=100) as sender:
        time.sleep(1)
        backend.stop()
        away = time.monotonic()
        time.sleep(2)
    first = sender.sent
    # Longer than a trace waits for its decision: a kill would take it along, which is another
    # test's subject.
    time.sleep(AWAY_SECONDS)
    collector.stop(how)
    collector.start()
    numbers = range(first + 1, first + 201)
    collector.send("traces", traces(numbers))
    collector.send("logs", logs(numbers))
    time.sleep(AWAY_SECONDS)
    backend.start()
    outage = time.monotonic() - away
    everything = range(1, first + 201)
    assert not sender.unsure["traces"]
    assert not sender.unsure["logs"]
    eventually(lambda: each_once(backend, everything), 60)
    # Nor does anything come twice later.
    time.sleep(2)
    assert each_once(backend, everything)
    see(
        f"{how.name}: stores away for {outage:.0f} s, {len(everything)} traces and"
        f" {len(everything)} records each there once"
    )


def test_slow_stores_get_everything_once_and_hold_nobody_up(
    make_collector: Make, backend: Backend, see: See
) -> None:
    # Longer than the Collector's default patience with Jaeger, which would send again.
    lines = [Link(backend.ports[name], delay=7.0) for name in ("grpc", "http")]
    collector = make_collector(sending_to(lines[0].port, lines[1].port)).start()
    slowest = 0.0
    for first in range(1, 1001, 100):
        begin = time.monotonic()
        collector.send("traces", traces(range(first, first + 100)))
        collector.send("logs", logs(range(first, first + 100)))
        slowest = max(slowest, time.monotonic() - begin)
    # Less than a store takes.
    assert slowest < 6.0
    eventually(lambda: each_once(backend, range(1, 1001)), 60)
    time.sleep(8)
    assert each_once(backend, range(1, 1001))
    for line in lines:
        line.close()
    see(f"1000 traces and records each there once; the slowest send took {slowest:.2f} s")


def test_a_full_queue_is_bounded_and_counted_and_the_metrics_stay_exact(
    make_collector: Make, backend: Backend, see: See
) -> None:
    backend.stop()
    collector = make_collector(backend.environment(), {"collector": {"queue_mib": 2}}).start()
    padding = {"attributes": {"text": "x" * 8_000}}
    total = 2_000
    for first in range(1, total + 1, 100):
        numbers = range(first, first + 100)
        # Each takes 0.8 MB: a queue of 2 MiB is full after the first few. The sender is never
        # refused, or it would send again and be counted again.
        collector.send("traces", traces(numbers, status="error", **padding))
        collector.send("logs", logs(numbers, **padding))
    refused = {
        kind: f"otelcol_exporter_enqueue_failed_{kind}_total" for kind in ("spans", "log_records")
    }
    for metric in refused.values():
        eventually(lambda metric=metric: value(collector, metric, "telemetry") > 0)
    time.sleep(_DECIDED_SECONDS)
    assert value(collector, "ims_log_records_total") == total
    files = list((collector.folder / "state" / "queue").iterdir())
    assert len(files) == 2
    # The files grow by doubling, from 16 MiB on by 16 MiB, and keep what they have.
    assert all(file.stat().st_size <= 16 * _MIB for file in files), files
    backend.start()
    lost_spans = value(collector, refused["spans"], "telemetry")
    lost_logs = value(collector, refused["log_records"], "telemetry")

    def drained() -> bool:
        spans, records = backend.spans(), backend.logs()
        assert len(spans) + lost_spans == total
        assert len(records) + lost_logs == total
        assert set(spans.values()) == set(records.values()) == {1}
        return True

    eventually(drained, 60)
    largest = max(file.stat().st_size for file in files) / _MIB
    see(
        f"of {total} each, {lost_spans:.0f} spans and {lost_logs:.0f} records did not fit and were"
        f" counted, the rest is there once; largest queue file {largest:.0f} MiB"
    )
    # There is room again.
    collector.send("logs", logs(range(total + 1, total + 11)))
    eventually(lambda: body(total + 10) in backend.logs())
