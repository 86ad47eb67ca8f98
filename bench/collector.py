"""Collector: what a span and a log record cost, and how that grows.

Traces and logs of the demo service are recorded, and sent again (with fresh trace ids, in
requests of the size that the service's own exporter sends) to a Collector that is given one
core. Cost is the CPU time of the Collector's process from the first request until nothing is
left to do: derivation, counting, sampling after a second, redaction, queue on disk, and
export to a sink (traces) or a file (logs). The sender and the sink are not counted. What was
sent must have come in, been decided on and been stored, by the Collector's own metrics.

    python -m bench.collector            # all; twelve minutes
    python -m bench.collector --quick
    GOGC=100 python -m bench.collector --only stage/full --out /tmp/gogc-100
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import catalogues, otelcol
from bench.harness import Spread, alternate, measured, say, spread
from bench.otelcol import Config, Measure, measure
from bench.project import components
from bench.record import record_demo
from bench.replay import Payload, log_payloads, trace_payloads
from bench.report import Goal, Page, Table, write

METRICS = (15, 60, 120, 240)
COMPARED = (60, 240)
SIGNALS = ("traces", "logs")
ROUTES = (10, 100, 1000)
# Of everything that is rendered, as a multiple of a Collector that passes on what comes in.
GOAL_TIMES = {"traces": 9.0, "logs": 18.0}
# "Nearly flat": four times the metrics, of signals that are not there, cost at most this.
GOAL_GROWTH = 1.2
GOAL_ORDER = 1.1
Case = tuple[Config, str, list[Payload]]


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.collector", description=__doc__)
    parser.add_argument("--items", type=int, default=60_000, help="spans or records a sample")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scenarios", type=int, default=200, help="scenarios to record")
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--only", default="", help="print the cases whose name begins so")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    if given.quick:
        given.items, given.rounds = 6_000, 1
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        page = _benchmark(given, Path(folder))
    if page is not None:
        write(page, run, given.out)


def _benchmark(given: argparse.Namespace, folder: Path) -> Page | None:
    say("recording the demo ...")
    recorded = record_demo(folder / "record", given.scenarios)
    traces, logs = trace_payloads(recorded.all_traces()), log_payloads(recorded.all_logs())
    spec = catalogues.real()
    cases = _cases(spec, traces, logs)
    for count in ROUTES:

        def reroute(span: Any, number: int, count: int = count) -> None:
            for attribute in span.attributes:
                if attribute.key == "http.route":
                    attribute.value.string_value = f"/v1/route-{number % count}"

        # As many spans as show each route at least once.
        whole = recorded.all_traces()
        while sum(len(s.spans) for r in whole.resource_spans for s in r.scope_spans) < 5 * count:
            whole.MergeFrom(recorded.all_traces())
        config = otelcol.derive_only(otelcol.full(catalogues.with_routes(spec, count)))
        cases[f"routes/{count}"] = (config, "traces", trace_payloads(whole, reroute))
    chosen = {name: case for name, case in cases.items() if name.startswith(given.only)}
    samples = alternate(_runs(chosen, folder, given.items), given.rounds)
    if given.only:
        for name, found in samples.items():
            memory = spread([m.memory for m in found]).show(0)
            print(f"{name}: {spread([m.cpu_us for m in found]).show()} us, {memory} MiB")
        return None
    return _page(given, spec, samples, traces, logs)


def _cases(spec: dict[str, Any], traces: list[Payload], logs: list[Payload]) -> dict[str, Case]:
    whole = otelcol.full(spec)
    stages = {
        "pass-through": otelcol.pass_through(whole),
        "store": otelcol.store_only(whole),
        # What it costs that requests are put in order before they are added up: one beside the
        # other, so that what else the machine does falls on both.
        "derive": otelcol.derive_only(whole),
        "derive, no order": otelcol.derive_only(otelcol.unordered(whole)),
        "full": whole,
        "full, no order": otelcol.unordered(whole),
    }
    cases: dict[str, Case] = {}
    own = len(catalogues.derived(spec))
    sent = {"traces": traces, "logs": logs}
    for signal, payloads in sent.items():
        for name, config in stages.items():
            cases[f"stage/{name}/{signal}"] = (config, signal, payloads)
    for kind, grown in (
        ("same", catalogues.of_same_signals),
        ("other", catalogues.of_other_signals),
    ):
        # What is fewer than the spec's own is the same of both kinds.
        counts = [count for count in METRICS if kind == "same" or count > own]
        configs = {n: otelcol.derive_only(otelcol.full(grown(spec, n))) for n in counts}
        for signal, payloads in sent.items():
            for count, config in configs.items():
                cases[f"metrics/{kind}/{count}/{signal}"] = (config, signal, payloads)
    for signal, payloads in sent.items():
        for count in COMPARED:
            config = otelcol.full(catalogues.of_other_signals(spec, count))
            cases[f"whole/{count}/{signal}"] = (config, signal, payloads)
    return cases


def _runs(cases: dict[str, Case], folder: Path, items: int) -> dict[str, Callable[[], Measure]]:
    runs: dict[str, Callable[[], Measure]] = {}
    for name, (config, signal, payloads) in cases.items():
        place = folder / re.sub(r"\W+", "-", name)

        def sample(
            config: Config = config,
            place: Path = place,
            signal: str = signal,
            payloads: list[Payload] = payloads,
        ) -> Measure:
            counted = "prometheus/derived" in config["exporters"]
            # Where an item costs little, more of them are needed to see it.
            number = items if counted else 4 * items
            return measure(config, place, signal, payloads, number, count_series=counted)

        runs[name] = sample
    return runs


def _page(
    given: argparse.Namespace,
    spec: dict[str, Any],
    samples: dict[str, list[Measure]],
    traces: list[Payload],
    logs: list[Payload],
) -> Page:
    cost = {name: spread([m.cpu_us for m in found]) for name, found in samples.items()}
    rate = {name: spread([m.per_core for m in found]) for name, found in samples.items()}
    own = len(catalogues.derived(spec))
    stages = Table(
        f"Stages, {own} derived metrics",
        [
            "pipeline",
            "signal",
            "CPU us per item",
            "items per second and core",
            "peak memory MiB",
            "refused",
        ],
        note="Items are spans or log records. Refused requests are sent again.",
    )
    growth = Table(
        "Growth with the number of derived metrics (derivation alone, CPU us per item)",
        [
            "metrics",
            "spans, same signals",
            "spans, other signals",
            "records, same signals",
            "records, other signals",
            "series",
        ],
        note="Same signals: every span and record feeds that many more metrics. Other signals: the"
        f" metrics above the spec's own {own} belong to spans and events that this traffic does"
        " not have.",
    )
    routes = Table(
        "Growth with label cardinality (derivation alone)",
        ["values of `route`", "series", "CPU us per span", "peak memory MiB"],
    )
    for name, found in samples.items():
        kind, *rest = name.split("/")
        memory = spread([m.memory for m in found])
        refused = sum(m.sent.refused for m in found)
        if kind == "stage":
            row = [rest[0], rest[1], cost[name].show(), rate[name].show(0), memory.show(0)]
            stages.rows.append([*row, str(refused)])
        elif kind == "routes":
            routes.rows.append([rest[0], str(found[0].series), cost[name].show(), memory.show(0)])
    for count in METRICS:
        keys = [
            f"metrics/{kind if count > own else 'same'}/{count}/{signal}"
            for signal in SIGNALS
            for kind in ("same", "other")
        ]
        series = max(samples[key][0].series for key in keys)
        growth.rows.append([str(count), *(cost[key].show() for key in keys), str(series)])
    whole = Table(
        "Growth of everything that is rendered (other signals, CPU us per item)",
        ["metrics", "spans", "records"],
        [
            [str(count), *(cost[f"whole/{count}/{signal}"].show() for signal in SIGNALS)]
            for count in COMPARED
        ],
    )
    goals = [
        *(_multiple_goal(signal, most, samples) for signal, most in GOAL_TIMES.items()),
        _order_goal(samples),
        _growth_goal("everything that is rendered", "whole", samples),
        _growth_goal("derivation alone", "metrics/other", samples),
    ]
    return Page(
        "collector",
        "Benchmark: Collector",
        __doc__ or "",
        components("otelcol"),
        [stages, growth, whole, routes],
        goals,
        {
            name: [{**vars(m), "sent": vars(m.sent)} for m in found]
            for name, found in samples.items()
        },
        {
            "items": given.items,
            "rounds": given.rounds,
            "spans recorded": sum(p.items for p in traces),
            "bytes per span": round(
                sum(len(p.body) for p in traces) / sum(p.items for p in traces)
            ),
            "records recorded": sum(p.items for p in logs),
            "bytes per record": round(sum(len(p.body) for p in logs) / sum(p.items for p in logs)),
        },
        {name: [m.cpu_us for m in found] for name, found in samples.items()},
    )


def _times(samples: dict[str, list[Measure]], one: str, other: str) -> Spread:
    """Return how many times as much the one costs: round by round, measured next to each other."""
    pairs = zip(samples[one], samples[other], strict=True)
    return spread([first.cpu_us / second.cpu_us for first, second in pairs])


def _multiple_goal(signal: str, most: float, samples: dict[str, list[Measure]]) -> Goal:
    times = _times(samples, f"stage/full/{signal}", f"stage/pass-through/{signal}")
    return _times_goal(
        f"everything that is rendered: {signal} cost at most {most:g} times what they cost a"
        " Collector that passes them on",
        {signal: times},
        most,
    )


def _order_goal(samples: dict[str, list[Measure]]) -> Goal:
    more = {
        f"{signal}, {stage}": _times(
            samples, f"stage/{stage}/{signal}", f"stage/{stage}, no order/{signal}"
        )
        for stage in ("derive", "full")
        for signal in SIGNALS
    }
    return _times_goal(
        "that concurrent requests add up exactly costs at most a tenth more than if they did not",
        more,
        GOAL_ORDER,
    )


def _growth_goal(what: str, prefix: str, samples: dict[str, list[Measure]]) -> Goal:
    few, many = COMPARED
    grown = {
        signal: _times(samples, f"{prefix}/{many}/{signal}", f"{prefix}/{few}/{signal}")
        for signal in SIGNALS
    }
    return _times_goal(
        f"{what}: {many} metrics (other signals) cost at most {GOAL_GROWTH:g} times what {few} do",
        grown,
        GOAL_GROWTH,
    )


def _times_goal(text: str, found: dict[str, Spread], most: float) -> Goal:
    found_times = ", ".join(f"{name} {times.show(2)} times" for name, times in found.items())
    return Goal(text, found_times, max(times.median for times in found.values()) <= most)


if __name__ == "__main__":
    main()
