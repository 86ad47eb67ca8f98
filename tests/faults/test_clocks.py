"""Clocks that jump: what is dated wrongly is counted, stored, and hurts nobody else."""

from __future__ import annotations

import time
from typing import Any

import pytest
from faults import clock
from faults.backend import Backend
from faults.conftest import Make, See, eventually, value
from faults.sender import SERVICE, body, logs, trace_id, traces
from golden import otlp, series
from golden.collector import Collector
from golden.health import HealthServer

from imsobs.model import conventions

pytestmark = pytest.mark.faults

_HOUR = 3600.0
DEPTH = conventions.per_process("ims_queue_depth")
MEMORY = conventions.per_process("ims_process_memory_bytes")


def test_jumping_clocks(make_collector: Make, backend: Backend, see: See) -> None:
    collector = make_collector(backend.environment()).start()
    now = time.time()
    times = {
        "now": now,
        "an hour ago": now - _HOUR,
        "in an hour": now + _HOUR,
        "ten years ago": now - 87_600 * _HOUR,
        "in ten years": now + 87_600 * _HOUR,
        "1970": 0.001,
    }
    number = backwards = 0
    for at in times.values():
        for duration in (0.05, -0.05, -2 * _HOUR):
            number += 1
            one = range(number, number + 1)
            # 1970 has no two hours before it.
            end = max(duration, 0.002 - at)
            backwards += end < 0
            collector.send("traces", traces(one, at=at, duration=end))
            collector.send("logs", logs(one, at=at))
    assert value(collector, "ims_requests_total") == number
    # A duration that cannot be is not observed, and that is counted.
    assert value(collector, "ims_invalid_values_total") == backwards == 10
    assert value(collector, "ims_request_duration_seconds_count") == number - backwards
    assert value(collector, "ims_log_records_total") == number
    total = value(collector, "ims_request_duration_seconds_sum")
    assert total == pytest.approx(0.05 * len(times), abs=0.01)

    def stored() -> bool:
        assert all(backend.spans()[trace_id(n)] == 1 for n in range(1, number + 1))
        assert all(backend.logs()[body(n)] == 1 for n in range(1, number + 1))
        return True

    eventually(stored)
    see(f"{number} spans and records at {len(times)} times, each counted and stored once")
    # The next request is dated rightly, and is one more.
    collector.send("traces", traces(range(number + 1, number + 2)))
    assert value(collector, "ims_requests_total") == number + 1


def _gauges(collector: Collector, *names: str) -> dict[str, float]:
    rows = collector.series()
    return {name: sum(rows.get(name, {}).values()) for name in names}


def _sdk(value: int, at: float) -> dict[str, Any]:
    """Return an export of the SDK's metrics, made at a time (Unix s)."""
    request = otlp.metrics(
        SERVICE,
        [
            {"name": "process.memory.usage", "type": "gauge", "points": [{"value": value}]},
            {"name": "cpython.gc.collections", "type": "sum", "points": [{"value": value}]},
        ],
    )
    for metric in request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
        for point in metric[("gauge" if "gauge" in metric else "sum")]["dataPoints"]:
            point["timeUnixNano"] = str(int(at * 1e9))
    return request


@pytest.mark.skipif(clock.unavailable() != "", reason=clock.unavailable())
def test_the_collectors_clock_is_set(make_collector: Make, backend: Backend, see: See) -> None:
    with HealthServer() as health:
        env = {**backend.environment(), "IMSOBS_SERVICE_URL": health.url}
        collector = make_collector(env, {"collector": {"probe_interval": "1s"}}).start()
        assert collector.process is not None
        wall = clock.Clock(collector.process.pid)
        sent = 0
        for step, ahead in enumerate((0, -3600, -7200, 3600, -60, 0), start=1):
            wall.set(ahead)
            # Old series go on, and a new one begins at every step.
            for _ in range(3):
                collector.send("traces", traces(range(sent + 1, sent + 2), duration=0.25))
                queue = {"event": "job_enqueued", "queue": "batch", "depth": sent}
                collector.send("logs", otlp.logs(SERVICE, [{"attributes": queue}]))
                sent += 1
            other = {"event": "action_executed", "action": f"step {step}", "outcome": "success"}
            collector.send(
                "logs",
                otlp.logs(
                    SERVICE,
                    [{"attributes": {**other, "duration_seconds": 1.0}, "severity": 4 * step - 3}],
                ),
            )
            collector.send("metrics", _sdk(step, time.time()))
            assert value(collector, "ims_requests_total") == sent
            assert value(collector, "ims_request_duration_seconds_sum") == 0.25 * sent
            assert value(collector, "ims_log_records_total") == sent + step
            assert _gauges(collector, DEPTH, MEMORY) == {
                DEPTH: sent - 1,
                MEMORY: step,
            }
            # The probe sees a change of health whatever time it is.
            health.unhealthy = set() if step % 2 else {"service"}
            eventually(lambda: _probed(collector) == step % 2, 30)  # noqa: B023
        telemetry = series.parse(collector.scrape_text("telemetry"))
        points = telemetry["otelcol_deltatocumulative_datapoints_total"]
        assert not [labels for labels in points if dict(labels).get("error")]
    see(f"set {step} times, up to 2 h back: {sent} spans counted, gauges and health followed")


def _probed(collector: Collector) -> float:
    rows = collector.series().get("ims_health_status", {})
    return next((v for labels, v in rows.items() if ("component", "service") in labels), -1.0)


def test_a_senders_clock_is_set_back(make_collector: Make) -> None:
    collector = make_collector({}).start()
    now = time.time()
    for number, at in enumerate((now, now + _HOUR, now - _HOUR, now), start=1):
        collector.send("metrics", _sdk(number, at))
        assert value(collector, MEMORY, "processes") == number
        assert value(collector, "ims_runtime_gc_collections_total", "processes") == number
