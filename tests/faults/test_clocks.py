"""Clocks that jump: what is dated wrongly is counted, stored, and hurts nobody else."""

from __future__ import annotations

import time

import pytest
from faults.backend import Backend
from faults.conftest import Make, See, eventually, value
from faults.sender import body, logs, trace_id, traces

pytestmark = pytest.mark.faults

_HOUR = 3600.0


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
