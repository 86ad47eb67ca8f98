"""The Collector is killed, or restarted, in the middle of traffic."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.backend import Backend
from faults.conftest import Make, See, collectors, eventually, otlp_url, value
from faults.sender import Sender, body, trace_id

pytestmark = pytest.mark.faults

# The decision on a trace (2 s here), the sampler's tick and the batch behind it (1 s each),
# and two seconds for a loaded machine.
_IN_MEMORY_SECONDS = 6.0
# An acknowledged record is on disk some milliseconds later, on a loaded machine some more.
_HANDOVER_SECONDS = 0.5
# What the store had taken, but the queue not yet crossed out: a batch waits up to a second.
_CROSSING_OUT_SECONDS = 3.0


@dataclass(frozen=True)
class Killed:
    """What came of it. at: when it was killed (monotonic seconds)."""

    sender: Sender
    at: float
    spans: Counter[str]
    logs: Counter[str]
    counted: float

    def missing(self, kind: str) -> list[float]:
        """Return, of what was acknowledged and is not stored, the seconds before the kill."""
        name, stored = (trace_id, self.spans) if kind == "traces" else (body, self.logs)
        taken = self.sender.taken[kind]
        return sorted(self.at - when for number, when in taken.items() if not stored[name(number)])

    def doubled(self, kind: str) -> list[float]:
        """Return, of what is stored twice, the seconds before the kill."""
        name, stored = (trace_id, self.spans) if kind == "traces" else (body, self.logs)
        taken, unsure = self.sender.taken[kind], self.sender.unsure[kind]
        sure = {number: when for number, when in taken.items() if number not in unsure}
        return sorted(self.at - when for number, when in sure.items() if stored[name(number)] > 1)


@pytest.fixture(scope="module")
def killed(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """Kill a Collector after four seconds of traffic, and start it again a second later."""
    folder = tmp_path_factory.mktemp("killed")
    backend = Backend(otelcol, folder / "backend").start()
    with collectors(otelcol, folder) as make:
        collector = make(backend.environment()).start()
        with Sender(otlp_url(collector), tries=100) as sender:
            time.sleep(4)
            at = time.monotonic()
            collector.stop(signal.SIGKILL)
            time.sleep(1)
            before = sender.sent
            collector.start()
            time.sleep(3)
        last = {trace_id(number) for number in range(sender.sent - 9, sender.sent + 1)}
        eventually(lambda: last <= backend.spans().keys())
        counted = value(collector, "ims_log_records_total")
        # All that was taken since the start, and what was being tried when it came.
        assert counted == sum(when > at for when in sender.taken["logs"].values()), before
        yield Killed(sender, at, backend.spans(), backend.logs(), counted)
    backend.stop()


def test_acknowledged_log_records_survive_a_kill(killed: Killed, see: See) -> None:
    assert len(killed.sender.taken["logs"]) == killed.sender.sent
    missing = killed.missing("logs")
    assert all(age < _HANDOVER_SECONDS for age in missing), missing
    see(f"{len(missing)} of {killed.sender.sent} acknowledged records lost")


def test_only_traces_that_were_not_decided_on_die_with_the_collector(
    killed: Killed, see: See
) -> None:
    missing = killed.missing("traces")
    assert all(-_HANDOVER_SECONDS < age < _IN_MEMORY_SECONDS for age in missing), missing
    assert len(missing) < len(killed.sender.taken["traces"]) / 2
    see(
        f"{len(missing)} of {killed.sender.sent} traces lost, all from the last"
        f" {max(missing, default=0):.1f} s"
    )


def test_a_kill_doubles_at_most_what_was_on_its_way(killed: Killed, see: See) -> None:
    # The stores recognise what they have: a span by its id, a record by time and text.
    for kind in ("logs", "traces"):
        doubled = killed.doubled(kind)
        assert all(age < _CROSSING_OUT_SECONDS + _IN_MEMORY_SECONDS for age in doubled), doubled
        see(f"{len(doubled)} {kind} sent twice to the store")


def test_counters_start_again_at_zero_and_count_on(killed: Killed) -> None:
    assert killed.counted > 0


def test_a_restart_loses_nothing(make_collector: Make, backend: Backend, see: See) -> None:
    collector = make_collector(backend.environment()).start()
    with Sender(otlp_url(collector), tries=100) as sender:
        time.sleep(2)
        collector.stop()
        collector.start()
        time.sleep(2)
    assert len(sender.taken["traces"]) == len(sender.taken["logs"]) == sender.sent
    numbers = range(1, sender.sent + 1)

    def stored() -> bool:
        for kind, name, found in (
            ("traces", trace_id, backend.spans()),
            ("logs", body, backend.logs()),
        ):
            sure = [number for number in numbers if number not in sender.unsure[kind]]
            assert all(found[name(number)] for number in numbers)
            assert all(found[name(number)] == 1 for number in sure)
        return True

    eventually(stored)
    see(f"{sender.sent} traces and {sender.sent} records, none lost or doubled")
