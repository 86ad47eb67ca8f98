"""Held traces: the memory of what the Collector has not yet decided on.

A trace of which nothing failed yet is held until its request has ended, at most for
`sampling.longest_request`. Recorded traces of the demo service are sent again, so often that
ever more of them are held; nothing of what is asked for is sampled, and none ends. Memory is that
of the Collector's process with the rendered settings of the Go runtime, after it has come to rest.
How much of it is garbage that waits for its collection differs from run to run, so several are
filled. The estimate is that of `imsobs estimate` for as many spans.

    python -m bench.held            # a minute and a half
    python -m bench.held --quick
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from bench import catalogues, otelcol
from bench.harness import measured, memory_mib, say, spread
from bench.otelcol import Config
from bench.project import components
from bench.record import record_demo
from bench.replay import Payload, send, trace_payloads
from bench.report import Goal, Page, Table, write
from imsobs.model.estimate import CONSTANTS
from imsobs.model.sampling import SHARE_OF_MEMORY

_MIB = 1024 * 1024


@dataclass
class Filled:
    """A Collector that was filled: memory in MiB, idle and above that after each step."""

    idle: float
    rows: list[dict[str, float]] = field(default_factory=list)
    refused: int = 0


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.held", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=200, help="scenarios to record")
    parser.add_argument("--rounds", type=int, default=4, help="Collectors that are filled")
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        page = _benchmark(given, Path(folder))
    write(page, run, given.out)


def _benchmark(given: argparse.Namespace, folder: Path) -> Page:
    spec = catalogues.real()
    spec["sampling"] = {"rate": 0.0, "slow": "1h", "longest_request": "2h", "large": 2**31 - 1}
    limit = float(spec["collector"]["memory_limit_mib"])
    estimate = CONSTANTS["span_memory"].value
    full = int(limit * _MIB * SHARE_OF_MEMORY / estimate)
    steps = [full // 4, full] if given.quick else [full // 4, full // 2, full * 3 // 4, full]
    # The room for traces must not end before the memory does.
    spec["sampling"]["max_traces"] = full
    config = otelcol.full(spec)
    say("recording the demo ...")
    recorded = record_demo(folder / "record", 20 if given.quick else given.scenarios)
    payloads = trace_payloads(recorded.all_traces(), _unended)
    size = sum(len(p.body) for p in payloads) / sum(p.items for p in payloads)
    filled = [
        _filled(config, folder / f"held-{number}", payloads, steps)
        for number in range(1 if given.quick else given.rounds)
    ]
    return _page(filled, estimate, limit, size)


def _filled(config: Config, folder: Path, payloads: list[Payload], steps: list[int]) -> Filled:
    """Fill one Collector step by step."""
    with otelcol.running(config, folder, cores=2) as collector:
        # What a first batch of anything costs is not what a held span costs.
        send(collector.port, "traces", payloads, 1000)
        collector.at_rest()
        found = Filled(memory_mib(collector.pid, "VmRSS"))
        sent = 1000
        for step in steps:
            done = send(collector.port, "traces", payloads, step - sent)
            sent, found.refused = sent + done.items, found.refused + done.refused
            collector.at_rest()
            grown = memory_mib(collector.pid, "VmRSS") - found.idle
            found.rows.append({"spans": sent, "grown": grown, "peak": memory_mib(collector.pid)})
            say(f"{sent} spans held: {grown:.0f} MiB")
    return found


def _unended(span: Span, number: int) -> None:
    """Make a span one that does not let its trace go."""
    span.status.code = Status.STATUS_CODE_UNSET
    if span.kind in (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CONSUMER):
        span.kind = Span.SPAN_KIND_INTERNAL


def _page(filled: list[Filled], estimate: float, limit: float, size: float) -> Page:
    idle = max(one.idle for one in filled)
    table = Table(
        "Memory by spans that are held",
        ["spans held", "memory above idle MiB", "bytes per span", "estimate MiB", "peak MiB"],
        note=f"Idle: {idle:.0f} MiB at most. memory_limit_mib is {limit:.0f}; the last row is what"
        " `sampling.max_traces` allows by default. Refused requests are sent again.",
    )
    rows = [
        {name: [row[name] for row in step] for name in step[0]}
        for step in zip(*(one.rows for one in filled), strict=True)
    ]
    for row in rows:
        each = [mib * _MIB / spans for mib, spans in zip(row["grown"], row["spans"], strict=True)]
        table.rows.append(
            [
                f"{median(row['spans']):,.0f}",
                spread(row["grown"]).show(0),
                spread(each).show(0),
                f"{median(row['spans']) * estimate / _MIB:.0f}",
                spread(row["peak"]).show(0),
            ]
        )
    last = rows[-1]
    expected = median(last["spans"]) * estimate / _MIB
    refused = sum(one.refused for one in filled)
    goals = [
        Goal(
            "what the estimate says holds so many traces, in the run that took most",
            f"{max(last['grown']):.0f} MiB of {expected:.0f}",
            max(last["grown"]) <= expected,
        ),
        Goal("nothing is refused while they are held", f"{refused} requests", refused == 0),
    ]
    return Page(
        "held",
        "Benchmark: traces that are held",
        __doc__ or "",
        components("otelcol"),
        [table],
        goals,
        {"rows": rows, "idle": idle, "refused": refused},
        {"bytes per span as sent": round(size), "Collectors filled": len(filled)},
    )


if __name__ == "__main__":
    main()
