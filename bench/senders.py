"""Senders: from 1 to 20 processes at once, and every series equal to what they sent.

Each sender has a connection of its own and sends requests of spans and of log records in turn:
flat out, or paced as the SDK's exporters are. Every request is answered before the next. What
one round of requests counts is read from a Collector that got it alone; the counters and
histograms (count, sum, each bucket) of many senders must be that times the rounds sent. The
same is done with a Collector that does not put requests in order before it adds them up (ADR
11), to show that this traffic would find the fault.

    python -m bench.senders
    python -m bench.senders --quick
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import catalogues, crowd, otelcol, rounds
from bench.harness import measured, say
from bench.otelcol import Config
from bench.project import components
from bench.report import Goal, Page, Table, write

SENDERS = (1, 2, 4, 8, 12, 16, 20)
# The rendered SDK settings export every 500 ms.
PACES = {"flat out": 0.0, "every 500 ms": 0.5}
_CORES = 2


@dataclass(frozen=True)
class Found:
    """What came of one run. series: compared; wrong: of these, not as they must be."""

    senders: int
    pace: str
    rounds: int
    refused: int
    seconds: float
    sent: int
    counted: float
    series: int
    wrong: int
    without_order: float


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.senders", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000, help="rounds of all senders, flat out")
    parser.add_argument("--seconds", type=int, default=20, help="time of a paced run")
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.seconds = 200, 3
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        page = _benchmark(given, Path(folder))
    write(page, run, given.out)


def _benchmark(given: argparse.Namespace, folder: Path) -> Page:
    spec = catalogues.real()
    # Which traces are kept, and measured with exemplars, would be chance.
    spec["sampling"]["rate"] = 0.0
    whole = otelcol.full(spec)
    once = _totals(whole, folder / "once", senders=1, number=1, pause=0.0)[1]
    found = []
    for pace, pause in PACES.items():
        for senders in SENDERS:
            number = int(given.seconds / pause) if pause else -(-given.rounds // senders)
            name = f"{senders}-{pace.replace(' ', '-')}"
            sent, series = _totals(whole, folder / name, senders, number, pause, once)
            config = otelcol.unordered(whole)
            _, without = _totals(config, folder / f"{name}-unordered", senders, number, pause, once)
            found.append(_found(senders, pace, sent, once, series, without))
            say(f"  {senders} senders, {pace}: {found[-1]}")
    return _page(given, found)


def _totals(
    config: Config,
    folder: Path,
    senders: int,
    number: int,
    pause: float,
    once: crowd.Series | None = None,
) -> tuple[crowd.Outcome, crowd.Series]:
    """Return what a Collector answered, and what it counted."""
    with otelcol.running(config, folder, cores=_CORES) as collector:
        sent = crowd.drive(collector.port, rounds.requests(), senders, number, pause)
        wanted = crowd.times(once or {}, sent.rounds)
        return sent, crowd.settled(collector.metrics, wanted)


def _found(
    senders: int,
    pace: str,
    sent: crowd.Outcome,
    once: crowd.Series,
    series: crowd.Series,
    without: crowd.Series,
) -> Found:
    return Found(
        senders,
        pace,
        sent.rounds,
        sent.refused,
        sent.seconds,
        sent.rounds * (rounds.SPANS + rounds.RECORDS),
        _items(series),
        len(once),
        len(crowd.differing(crowd.times(once, sent.rounds), series)),
        _items(without),
    )


def _items(series: crowd.Series) -> float:
    """Return the spans and log records that were counted."""
    counters = ("ims_requests_total{", "ims_model_calls_total{", "ims_log_records_total{")
    return sum(value for name, value in series.items() if name.startswith(counters))


def _page(given: argparse.Namespace, found: list[Found]) -> Page:
    table = Table(
        "Sent and counted",
        ["senders", "pace", "sent", "counted", "series wrong", "per second", "without an order"],
        [
            [
                str(f.senders),
                f.pace,
                f"{f.sent:,}",
                f"{f.counted:,.0f}",
                f"{f.wrong} of {f.series}",
                f"{f.sent / f.seconds:,.0f}",
                f"{f.without_order:,.0f}",
            ]
            for f in found
        ],
        "Spans and log records. Per second: as many as were sent and answered. Without an order:"
        " what is counted when requests are added up as they come.",
    )
    exact = [f for f in found if f.counted == f.sent and not f.wrong]
    lost = [f for f in found if f.without_order < f.sent]
    goals = [
        Goal(
            "any number of senders: every series equal to what was sent",
            f"{len(exact)} of {len(found)} runs",
            len(exact) == len(found),
        ),
        Goal(
            "the traffic finds the fault where there is no order (of runs with several senders)",
            f"{len(lost)} of {sum(f.senders > 1 for f in found)} runs",
            bool(lost),
        ),
    ]
    return Page(
        "senders",
        "Benchmark: senders",
        __doc__ or "",
        components("otelcol"),
        [table],
        goals,
        {"runs": [asdict(f) for f in found]},
        {"rounds": given.rounds, "seconds": given.seconds, "cores of the Collector": _CORES},
    )


if __name__ == "__main__":
    main()
