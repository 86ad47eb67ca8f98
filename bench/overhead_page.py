"""The page of `bench.overhead`: tables and goals from the samples.

What a scenario adds is taken within each round, against the bare service of the same round:
the machine's speed changes in the course of a run.
"""

from __future__ import annotations

from typing import Any

from bench import parts
from bench.harness import Spread, spread
from bench.project import packages
from bench.report import Goal, Page, Table
from bench.service import REQUESTS

# Those that run with the rendered `app/`, changed or not.
SETTINGS = ("rendered", "lean")
SCENARIOS = ("bare", "defaults", *SETTINGS, "plan", "plan, all")
# One request after the other: what it costs. At the planned rate: what a caller notices.
SATURATED = ("in-process", "uvicorn")
PACED = "planned rate"
PACED_SCENARIOS = ("bare", "defaults", *SETTINGS, "plan, all")
_LATENCIES = ("mean", "p50", "p99", "p999")
_PARTS_COLUMNS = ("CPU", "event loop", "p99")
# Kind of request -> figure -> microseconds.
Sample = dict[str, dict[str, float]]
Samples = dict[str, list[Sample]]


def page(about: str, samples: Samples, settings: dict[str, Any]) -> Page:
    """Return the page. about: the benchmark's docstring; samples: of scenarios' ways and parts."""
    return Page(
        "overhead",
        "Benchmark: overhead in the service",
        about,
        packages(
            "opentelemetry-sdk",
            "opentelemetry-instrumentation-fastapi",
            "fastapi",
            "uvicorn",
            "prometheus-client",
            "python-json-logger",
        ),
        [
            *(_requests(samples, kind, "in-process") for kind in (*REQUESTS, "record")),
            *(_requests(samples, kind, "uvicorn") for kind in REQUESTS),
            *(_paced(samples, kind) for kind in REQUESTS),
            _per_second(samples),
            _parts(samples),
        ],
        [*ratio_goals(samples), *_latency_goals(samples)],
        dict(samples),
        settings,
    )


def _spread(samples: Samples, name: str, kind: str, figure: str) -> Spread:
    return spread([sample[kind][figure] for sample in samples[name]])


def _added(samples: Samples, scenario: str, way: str, kind: str, figure: str) -> Spread:
    pairs = zip(samples[f"{scenario}/{way}"], samples[f"bare/{way}"], strict=True)
    return spread([sample[kind][figure] - bare[kind][figure] for sample, bare in pairs])


def _requests(samples: Samples, kind: str, way: str) -> Table:
    digits = 1 if kind == "record" else 0
    table = Table(
        f"`{kind}`, {way}: microseconds",
        ["scenario", "CPU", "added CPU", "mean", "p50", "p99", "p99.9"],
    )
    for scenario in SCENARIOS:
        added = _added(samples, scenario, way, kind, "cpu").show(digits)
        cpu, *others = (
            _spread(samples, f"{scenario}/{way}", kind, figure).show(digits)
            for figure in ("cpu", *_LATENCIES)
        )
        table.rows.append([scenario, cpu, "-" if scenario == "bare" else added, *others])
    return table


def _paced(samples: Samples, kind: str) -> Table:
    """Return the latencies at the planned rate. p99.9 would be a single request's."""
    figures = _LATENCIES[:-1]
    table = Table(
        f"`{kind}`, uvicorn, at the planned rate: microseconds",
        ["scenario", *figures, "added mean", "added p99"],
    )
    for scenario in PACED_SCENARIOS:
        cells = [
            _spread(samples, f"{scenario}/{PACED}", kind, figure).show(0) for figure in figures
        ]
        added = [
            "-" if scenario == "bare" else _added(samples, scenario, PACED, kind, figure).show(0)
            for figure in ("mean", "p99")
        ]
        table.rows.append([scenario, *cells, *added])
    return table


def _per_second(samples: Samples) -> Table:
    """Return how many requests a core answers in a second when it does nothing else."""
    columns = [(kind, way) for way in SATURATED for kind in REQUESTS]
    table = Table(
        "Requests per second and core",
        ["scenario", *(f"`{kind}`, {way}" for kind, way in columns)],
        note="A second's CPU by that of a request, all threads of the service's process.",
    )
    for scenario in SCENARIOS:
        cells = []
        for kind, way in columns:
            taken = [sample[kind]["cpu"] for sample in samples[f"{scenario}/{way}"]]
            cells.append(spread([1e6 / microseconds for microseconds in taken]).show(0))
        table.rows.append([scenario, *cells])
    return table


def _parts(samples: Samples) -> Table:
    """Return what the rendered settings cost when one thing is changed."""
    kinds = ("cached", "generate")
    table = Table(
        "Where it goes: the rendered settings with one thing changed, in-process, microseconds",
        ["changed", *(f"`{kind}`: {what}" for kind in kinds for what in _PARTS_COLUMNS)],
        note="Event loop: CPU of the thread that answers requests; the rest is the export's.",
    )
    for part in parts.PARTS:
        cells = [
            _spread(samples, part, kind, figure).show(0)
            for kind in kinds
            for figure in ("cpu", "cpu_main", "p99")
        ]
        table.rows.append([part, *cells])
    return table


# Ours, the other, what of it, in which ways, at most which share of what the other adds.
_WAYS = (*SATURATED, PACED)
_RATIOS = (
    ("rendered", "defaults", "cpu", SATURATED, 0.45),
    ("rendered", "defaults", "mean", _WAYS, 0.6),
    ("rendered", "defaults", "p99", _WAYS, 0.6),
    ("lean", "plan, all", "cpu", SATURATED, 1.0),
    ("lean", "plan, all", "mean", _WAYS, 1.0),
    ("lean", "plan, all", "p99", _WAYS, 1.0),
)
_FIGURES = {"cpu": "CPU", "mean": "mean", "p99": "p99"}
_OTHERS = {
    "defaults": "the defaults add",
    "plan, all": "the plan's approach adds for the same information",
}


def ratio_goals(samples: Samples) -> list[Goal]:
    """Return the goals that compare two scenarios, each by what it adds to the bare service."""
    goals = []
    for ours, other, figure, ways, limit in _RATIOS:
        shares = {
            f"{kind} {way}": _share(samples, ours, other, way, kind, figure)
            for way in ways
            for kind in REQUESTS
        }
        told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        text = f"{ours}: at most {limit:.0%} of the {_FIGURES[figure]} that {_OTHERS[other]}"
        goals.append(Goal(text, told, max(shares.values()) <= limit))
    return goals


def _share(samples: Samples, ours: str, other: str, way: str, kind: str, figure: str) -> float:
    """Return ours by the other. The other adds nothing: infinite, unless ours adds nothing too."""
    mine, theirs = (_added(samples, name, way, kind, figure).median for name in (ours, other))
    if theirs > 0:
        return mine / theirs
    return 0.0 if mine <= 0 else float("inf")


def _latency_goals(samples: Samples) -> list[Goal]:
    goals = []
    for figure, limit, ways, text in (
        ("p99", 3000.0, (PACED,), "p99 added under 3 ms at the planned rate"),
        ("p99", 3000.0, SATURATED, "p99 added under 3 ms, one request after the other"),
        ("mean", 250.0, (PACED,), "mean added under 0.25 ms on an idle core"),
    ):
        added = {
            f"{kind} {way}": _added(samples, "rendered", way, kind, figure).median
            for way in ways
            for kind in REQUESTS
        }
        told = ", ".join(f"{name} {value / 1000:.2f} ms" for name, value in added.items())
        goals.append(Goal(text, told, max(added.values()) < limit))
    return goals
