"""The page of the hop's benchmark: what was found, held against the constants of the estimate."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from bench.harness import Spread, spread
from bench.project import components
from bench.report import Goal, Page, Table
from imsobs.model.cluster_constants import CLUSTER_CONSTANTS
from imsobs.model.conventions import SDK_INTERVAL_MS
from imsobs.outputs.collector.roles import CURRENT, DERIVE, SAMPLE

HERE, ONE, THERE = "counted", "and sent to one", "and balanced over two"
_EXPORT_SECONDS = SDK_INTERVAL_MS / 1000
# What is found may be this much more than the estimate has.
_MORE = 1.25
# What costs CPU besides counting a span.
_SHARES = ("hop_span", "sample_span", "derive_value", "current_value")


@dataclass(frozen=True)
class Crossed:
    """Spans of one run. cpu: role -> microseconds for each; arrived: at `sample`.

    scraped: of a scrape for each series, compressed, B; own: the most series that a process exposes
    about itself.
    """

    name: str
    spans: int
    cpu: dict[str, float]
    arrived: int
    scraped: float
    own: int


@dataclass(frozen=True)
class Held:
    """What processes reported. cpu: role -> microseconds for each value that `current` exposes.

    A histogram has a value for each bucket, its sum and its count. memory: of `current` for each
    series, B; scraped: of a scrape for each series, compressed, B; sent: for each value, B.
    """

    processes: int
    series: int
    cpu: dict[str, float]
    memory: float
    scraped: float
    sent: float


def page(
    given: argparse.Namespace, about: str, runs: dict[str, list[Crossed]], held: list[Held]
) -> Page:
    """Return the page; about: the benchmark's docstring.

    runs: how `derive` was configured -> its runs; what hands on most is last.
    """
    *_, most = runs
    spans = Table(
        "Spans",
        ["`derive`", "CPU of `derive` for a span, µs", "CPU of `sample` for a span, µs", "arrived"],
        [
            [
                name,
                _of(found, DERIVE).show(),
                _of(found, SAMPLE).show() if name != HERE else "-",
                ", ".join(f"{one.arrived:,} of {one.spans:,}" for one in found),
            ]
            for name, found in runs.items()
        ],
        f"Sending a span on: {_hop(runs).show()} µs, round by round. A scrape of `derive` has"
        f" {spread([one.scraped for one in runs[most]]).show(0)} B for each series, compressed.",
    )
    owner = Table(
        "One `current`",
        [
            "processes",
            "series",
            "CPU of `derive` for a value, µs",
            "CPU of `current` for a value, µs",
            "values per second and core",
            "memory of a series, B",
            "processes for a core",
        ],
        [
            [
                f"{one.processes:,}",
                f"{one.series:,}",
                f"{one.cpu[DERIVE]:.2f}",
                f"{one.cpu[CURRENT]:.2f}",
                f"{1e6 / one.cpu[CURRENT]:,.0f}",
                f"{one.memory:,.0f}",
                f"{_EXPORT_SECONDS * 1e6 / one.cpu[CURRENT] / (one.series / one.processes):,.0f}",
            ]
            for one in held
        ],
        "One row for each round. Each process reports every 10 s; what the spec has no metric for"
        " is dropped by `derive`.",
    )
    found = {
        "derive_span": _of(runs[HERE], DERIVE).median,
        "hop_span": _hop(runs).median,
        "sample_span": _of(runs[most], SAMPLE).median,
        "derive_value": _of(held, DERIVE).median,
        "current_value": _of(held, CURRENT).median,
        "current_series": spread([one.memory for one in held]).median,
        "value_bytes": spread([one.sent for one in held]).median,
        "pod_series": float(max(one.own for one in runs[most])),
        "scrape_series": max(one.scraped for one in [*runs[most], *held]),
    }
    counted = found["derive_span"]
    goals = [
        Goal(
            "every span arrives",
            f"{sum(one.arrived == one.spans for one in runs[most])} of {len(runs[most])} runs",
            all(one.arrived == one.spans for one in runs[most]),
        ),
        *(_share(name, found[name] / counted) for name in _SHARES),
        *(_size(name, found[name]) for name in found if CLUSTER_CONSTANTS[name].unit != "us"),
    ]
    data = {
        "spans": {name: [asdict(one) for one in found] for name, found in runs.items()},
        "current": [asdict(one) for one in held],
    }
    settings = {
        name: getattr(given, name)
        for name in ("items", "rounds", "scenarios", "processes", "exports")
    }
    return Page(
        "hop",
        "Benchmark: the hop",
        about,
        components("otelcol"),
        [spans, owner],
        goals,
        data,
        settings,
        {
            f"{name}, {role}": [one.cpu[role] for one in found]
            for name, found in [*runs.items(), (CURRENT, held)]
            for role in found[0].cpu
            if (name, role) != (HERE, SAMPLE)
        },
    )


def _of(found: Iterable[Crossed | Held], role: str) -> Spread:
    return spread([one.cpu[role] for one in found])


def _hop(runs: dict[str, list[Crossed]]) -> Spread:
    *_, most = runs
    pairs = zip(runs[HERE], runs[most], strict=True)
    return spread([there.cpu[DERIVE] - here.cpu[DERIVE] for here, there in pairs])


def _share(name: str, found: float) -> Goal:
    """Return whether the estimate has enough: as a share of what counting a span costs.

    Where others use the machine, all of it costs more, as much more.
    """
    estimated = CLUSTER_CONSTANTS[name].value / CLUSTER_CONSTANTS["derive_span"].value
    text = (
        f"`{name}` is at most {estimated:.2f} of `derive_span`, as in the estimate, and a quarter"
    )
    return Goal(text, f"{found:.2f}", found <= estimated * _MORE)


def _size(name: str, found: float) -> Goal:
    constant = CLUSTER_CONSTANTS[name]
    value = f"{constant.value:,.10g} {constant.unit}".rstrip()
    text = f"`{name}` is at most {value}, as in the estimate, and a quarter"
    return Goal(text, f"{found:,.0f}", found <= constant.value * _MORE)
