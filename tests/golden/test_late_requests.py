"""Requests that take long: their traces are whole when they fail, and leave memory when not.

A trace is held until ``decision_wait`` after its request has ended, at most for
``longest_request``: here 1 and 8 seconds, so that 4 seconds are long and within the bound.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from golden import otlp, series
from golden.collector import Collector
from golden.stores import wait_until, whole_lines

from imsobs.model.sampling import SPAN_BYTES, SPANS_PER_TRACE
from imsobs.outputs.collector.settings import runtime

pytestmark = [pytest.mark.native, pytest.mark.timeout(120)]
LONG, BOUND = 4, 8
SAMPLING = {"rate": 0.0, "slow": "3s", "decision_wait": "1s", "longest_request": "8s"}
AT = 1_795_000_000
_numbers = random.Random(20261126)  # noqa: S311 - the same ids in every run
Span = dict[str, Any]


def request(**given: Any) -> Span:
    """Return the span of a request, without a parent unless one is given."""
    return {"kind": "server", "name": "POST", "at": AT, "duration": 0.5, **given}


def child(**given: Any) -> Span:
    """Return a span within a request, which has not come yet."""
    return {"kind": "client", "name": "GET", "at": AT, "duration": 0.001, "parent": 7, **given}


@dataclass
class Trace:
    """A trace that comes in parts. parts: second -> the spans that come then."""

    parts: dict[int, list[Span]]
    kept: int
    id: str = field(default_factory=lambda: f"{_numbers.getrandbits(128):032x}")

    def spans(self, second: int) -> list[Span]:
        """Return what comes in a second."""
        return [{"trace": self.id, **given} for given in self.parts.get(second, [])]


FAILED = {"status": "error"}
# Called by somebody who sends a traceparent and reports elsewhere.
CALLED = {"parent": 0xABCDEF}
KINDS: dict[str, tuple[dict[int, list[Span]], int]] = {
    "fails after long": ({0: [child()], LONG: [request(duration=2, **FAILED)]}, 2),
    "its child knows no parent": (
        {0: [{k: v for k, v in child().items() if k != "parent"}], LONG: [request(**FAILED)]},
        2,
    ),
    "is slow": ({0: [child()], LONG: [request(duration=LONG)]}, 2),
    "one child fails, the request does not": (
        {0: [child(**FAILED), child()], 2: [child()], LONG: [request(duration=2)]},
        4,
    ),
    "was called and fails": ({0: [child()], LONG: [request(duration=2, **CALLED, **FAILED)]}, 2),
    "is a message and fails": (
        {0: [child()], LONG: [request(kind="consumer", **CALLED, **FAILED)]},
        2,
    ),
    "has an inner span that fails after it": (
        {0: [child(), request()], 1: [child(kind="internal", **FAILED)]},
        3,
    ),
    "fails at once": ({0: [child(), request(**FAILED)], LONG: [child()]}, 3),
    "fails in the background": ({0: [child(kind="producer")], LONG: [child(**FAILED)]}, 2),
    # What ends well and soon is not kept, whoever called; nor what no request ever ends.
    "ends well": ({0: [child(), request()]}, 0),
    "was called and ends well": ({0: [child(), request(**CALLED)]}, 0),
    "never ends": ({0: [child(), child(kind="internal")]}, 0),
    # Beyond the bound there is the end of it.
    "fails after too long": (
        {0: [child()], BOUND + 3: [child(), request(duration=2, **FAILED)]},
        2,
    ),
}
TIMES = {"fails after long": 200, "ends well": 50}


@dataclass
class Outcome:
    """What was sent and what is stored; held: traces in memory by second."""

    traces: dict[str, list[Trace]]
    stored: dict[str, list[Span]]
    held: dict[int, float]


def held(collector: Collector) -> float:
    """Return how many undecided traces are in memory."""
    rows = series.parse(collector.scrape_text("telemetry"))
    return sum(rows["otelcol_processor_tail_sampling_sampling_traces_on_memory"].values())


def stored_spans(collector: Collector) -> dict[str, list[Span]]:
    """Return trace id -> stored spans, as OTLP/JSON has them."""
    found: dict[str, list[Span]] = {}
    for line in whole_lines(collector.stored_traces).splitlines():
        for group in json.loads(line)["resourceSpans"]:
            for scope in group["scopeSpans"]:
                for span in scope["spans"]:
                    found.setdefault(span["traceId"], []).append(span)
    return found


def play(collector: Collector, traces: dict[str, list[Trace]]) -> Outcome:
    """Send every part in its second, and wait for what must be stored."""
    start, held_at = time.monotonic(), {}
    for second in range(BOUND + 4):
        time.sleep(max(0.0, start + second - time.monotonic()))
        spans = [s for group in traces.values() for trace in group for s in trace.spans(second)]
        if second:
            held_at[second] = held(collector)
        if spans:
            collector.send("traces", otlp.traces("late", spans))
    wanted = sum(trace.kept for group in traces.values() for trace in group)

    def all_stored() -> bool:
        return sum(map(len, stored_spans(collector).values())) >= wanted

    wait_until(all_stored, "not stored", 10, quiet=True)
    return Outcome(traces, stored_spans(collector), held_at)


@pytest.fixture(scope="module")
def outcome(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    overlay = {"service": {"names": ["late"]}, "sampling": SAMPLING}
    collector = Collector(otelcol, tmp_path_factory.mktemp("late"), overlay).start()
    traces = {
        kind: [Trace(parts, kept) for _ in range(TIMES.get(kind, 5))]
        for kind, (parts, kept) in KINDS.items()
    }
    yield play(collector, traces)
    collector.close()


@pytest.mark.parametrize("kind", KINDS)
def test_so_many_spans_are_kept(kind: str, outcome: Outcome) -> None:
    found = [len(outcome.stored.get(trace.id, [])) for trace in outcome.traces[kind]]
    assert found == [trace.kept for trace in outcome.traces[kind]]


@pytest.mark.parametrize("kind", KINDS)
def test_kept_spans_have_the_parents_that_they_came_with(kind: str, outcome: Outcome) -> None:
    for trace in outcome.traces[kind]:
        sent = [span for second in trace.parts for span in trace.spans(second)]
        wanted = sorted(f"{s['parent']:016x}" if "parent" in s else "" for s in sent)
        found = sorted(s.get("parentSpanId", "") for s in outcome.stored.get(trace.id, []))
        assert found in (wanted, wanted[: trace.kept], [])
        assert not any("imsobs." in str(s) for s in outcome.stored.get(trace.id, []))


def test_what_has_ended_leaves_memory_and_the_rest_at_the_bound(outcome: Outcome) -> None:
    traces = outcome.traces
    # Kept traces are not held; what ended well is not held for long.
    waiting = [
        kind
        for kind, (parts, _) in KINDS.items()
        if kind not in ("ends well", "was called and ends well", "fails at once")
        and not any(span.get("status") == "error" for span in parts[0])
        and not any(span["kind"] == "server" for span in parts[0])
    ]
    assert outcome.held[LONG] == sum(len(traces[kind]) for kind in waiting)
    still = ["never ends", "fails after too long"]
    assert outcome.held[LONG + 2] == sum(len(traces[kind]) for kind in still)
    assert outcome.held[BOUND + 3] == 0


def test_services_that_call_one_another(otelcol: Path, tmp_path: Path) -> None:
    """The inner request ends well, the outer one fails later: the trace ends with the outer."""
    overlay = {"service": {"names": ["late"]}, "sampling": {**SAMPLING, "ends_with": "trace"}}
    collector = Collector(otelcol, tmp_path, overlay).start()
    parts = {0: [child(), request(**CALLED)], LONG: [child(), request(**FAILED)]}
    try:
        found = play(collector, {"": [Trace(parts, 4) for _ in range(20)]})
        assert {len(spans) for spans in found.stored.values()} == {4}
        assert len(found.stored) == 20
        parents = {s.get("parentSpanId", "") for spans in found.stored.values() for s in spans}
        assert parents == {"", f"{7:016x}", f"{0xABCDEF:016x}"}
    finally:
        collector.close()


def test_a_loop_without_end_does_not_fill_the_memory(otelcol: Path, tmp_path: Path) -> None:
    """It is kept from its thousandth span on, with what was held of it."""
    overlay = {"service": {"names": ["late"]}, "sampling": {**SAMPLING, "longest_request": "1h"}}
    collector = Collector(otelcol, tmp_path, overlay).start()
    try:
        for _ in range(11):
            loop = [child(trace=f"{99:032x}") for _ in range(99)]
            collector.send("traces", otlp.traces("late", loop))
        wait_until(lambda: len(stored_spans(collector).get(f"{99:032x}", [])) == 1089, "not kept")
        assert held(collector) == 0
    finally:
        collector.close()


def test_held_traces_take_no_more_memory_than_the_estimate_says(
    otelcol: Path, tmp_path: Path
) -> None:
    """As many traces as there is room for, in a Collector with the rendered runtime settings."""
    overlay = {
        "service": {"names": ["late"]},
        "sampling": {**SAMPLING, "longest_request": "1h", "max_traces": 4000},
    }
    collector = Collector(otelcol, tmp_path, overlay)
    collector.env = runtime(collector.model)
    collector.start()
    assert collector.process is not None
    attributes = {f"attribute.{n}": f"value {n}" for n in range(10)}
    try:
        collector.send("traces", otlp.traces("late", [child(trace=f"{1:032x}")] * 100))
        idle = resident(collector.process.pid)
        # Four times as many as there is room for: the oldest are given up.
        for first in range(0, 16_000, 200):
            spans = [
                child(trace=f"{first + n + 1:032x}", attributes=attributes)
                for n in range(200)
                for _ in range(SPANS_PER_TRACE)
            ]
            collector.send("traces", otlp.traces("late", spans))
        wait_until(lambda: held(collector) == 4000, "not as many as there is room for")
        grown = resident(collector.process.pid) - idle
        # Garbage of the sending included.
        assert grown < 1.5 * 4000 * SPANS_PER_TRACE * SPAN_BYTES
    finally:
        collector.close()


def resident(pid: int) -> int:
    """Return the resident memory of a process, bytes."""
    return psutil.Process(pid).memory_info().rss
