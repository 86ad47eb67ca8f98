"""Growth: what more than one Collector costs, and what a change of their number moves.

Senders with known totals send as fast as they are answered: to the single Collector, and to so
many processes of `derive` before two of `sample` and one of `current`, each held to one core. What
is counted and stored must be what was sent. CPU seconds hardly depend on what else the machine
does; spans per second do, and end where the cores do, which processes and senders share.

The ring of `load_balancing` and a day under Kubernetes' autoscaler are simulated; the ring is held
against the exporter itself by `tests/scale`.

    python -m bench.scale.growth
    python -m bench.scale.growth --quick
"""

from __future__ import annotations

import argparse
import functools
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.harness import alternate, cpu_seconds, measured, memory_mib, say, spread
from bench.project import components
from bench.report import Goal, Page, Table, write
from bench.scale import cluster as clusters
from bench.scale.cluster import KEEP_ALL, Cluster
from bench.scale.known import RECORDS, SPANS, Crowd
from bench.scale.node import Node
from bench.scale.ring import Day, Moved, day, moved
from imsobs.outputs import collector as output
from imsobs.outputs.collector.roles import CURRENT, DERIVE, SAMPLE
from imsobs.pages import render_page

SINGLE = "single"
COUNTS = (1, 2, 3)
OWNERS = (2, 3, 10, 30, 100, 300, 600)
_EXPORT = 50
_SETTLE_SECONDS = 60.0
# Spans and records of a request.
_ITEMS = SPANS + RECORDS
# A look-up of names and the time for which requests get spans after their first.
_SEEN_SECONDS, _OPEN_SECONDS = 5.0, 10.0


@dataclass(frozen=True)
class Grown:
    """One run. cpu: role -> microseconds for each span or record; memory: role -> MiB, most."""

    name: str
    requests: int
    per_second: float
    cpu: dict[str, float]
    memory: dict[str, float]
    counted: int
    stored: int

    @property
    def exact(self) -> bool:
        """Whether all was counted and stored."""
        return self.counted == self.stored == self.requests


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.growth", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--traces", type=int, default=200_000, help="of the simulation")
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    if given.quick:
        given.requests, given.rounds, given.traces = 2000, 1, 20_000
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        runs = alternate(
            {
                name: functools.partial(_measure, Path(folder), name, given.requests)
                for name in (SINGLE, *map(str, COUNTS))
            },
            given.rounds,
        )
        ids = [os.urandom(16) for _ in range(given.traces)]
        rings = [moved(owners, ids) for owners in OWNERS]
        days = [day(most, _SEEN_SECONDS, _OPEN_SECONDS) for most in (10, 100)]
    write(_page(given, [*runs.values()], rings, days), run, given.out)


def _measure(scratch: Path, name: str, requests: int) -> Grown:
    with clusters.running(Path(tempfile.mkdtemp(dir=scratch)), KEEP_ALL) as cluster:
        if name == SINGLE:
            cluster.start()
            taking = [_single(cluster).start()]
            roles = {SINGLE: taking}
        else:
            cluster.start(**{DERIVE: int(name), SAMPLE: 2, CURRENT: 1})
            taking = [cluster.node(DERIVE, n) for n in range(int(name))]
            sampling = [cluster.node(SAMPLE, n) for n in range(2)]
            roles = {DERIVE: taking, SAMPLE: sampling, CURRENT: [cluster.node(CURRENT)]}
        every = {role: [node.pid for node in nodes] for role, nodes in roles.items()}
        before = {role: sum(map(cpu_seconds, pids)) for role, pids in every.items()}
        targets, began = [node.address for node in taking], time.monotonic()
        Crowd(targets, requests, export=_EXPORT).start().wait()
        seconds = time.monotonic() - began
        counted, stored = _settled(cluster, taking, requests)
        found = Grown(
            name,
            requests,
            requests * _ITEMS / seconds,
            {
                role: (sum(map(cpu_seconds, pids)) - before[role]) / requests / _ITEMS * 1e6
                for role, pids in every.items()
            },
            {role: max(map(memory_mib, pids)) for role, pids in every.items()},
            counted,
            stored,
        )
    say(f"  {found}")
    return found


def _single(cluster: Cluster) -> Node:
    """Return the single Collector, in a process as the roles are."""
    like = cluster.node(DERIVE)
    file = cluster.folder / "single.yaml"
    file.write_bytes(render_page(output.plan(cluster.model).config))
    command: list[str | Path] = [cluster.binary, f"--config={file}"]
    cluster.nodes[SINGLE] = Node(like.address, command, like.folder, like.ready, like.env)
    return cluster.nodes[SINGLE]


def _settled(cluster: Cluster, taking: list[Node], wanted: int) -> tuple[int, int]:
    """Return the requests that were counted, and those whose traces are stored whole."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        totals = (node.total(cluster.ports.metrics, "ims_requests_total{") for node in taking)
        counted = round(sum(totals))
        stored = sum(len(spans) == SPANS for spans in cluster.stored_spans().values())
        if counted == stored == wanted or time.monotonic() > deadline:
            return counted, stored
        time.sleep(1)


def _page(
    given: argparse.Namespace, runs: list[list[Grown]], rings: list[Moved], days: list[Day]
) -> Page:
    costs = Table(
        "Cost",
        [
            "Collectors",
            "spans and records per second",
            "CPU for each, µs",
            "of which",
            "most memory",
        ],
        note="Items: spans and log records. CPU of all processes together. Memory: the largest"
        " process of a role, MiB.",
    )
    for of_one in runs:
        name = of_one[0].name
        roles = of_one[0].cpu
        costs.rows.append(
            [
                "the single one" if name == SINGLE else f"{name} derive, 2 sample, 1 current",
                spread([r.per_second for r in of_one]).show(0),
                spread([sum(r.cpu.values()) for r in of_one]).show(1),
                ", ".join(
                    f"{role} {spread([r.cpu[role] for r in of_one]).median:.1f}" for role in roles
                ),
                ", ".join(
                    f"{role} {spread([r.memory[role] for r in of_one]).median:.0f}"
                    for role in roles
                ),
            ]
        )
    ring = Table(
        "The ring, simulated",
        ["owners", "moved by one more", "by one less", "share of an owner, of an even one"],
        [
            [
                str(m.owners),
                f"{m.added:.2%}",
                f"{m.removed:.2%}",
                f"{m.least:.2f} to {m.most:.2f}",
            ]
            for m in rings
        ],
        "An even share moves when one of N comes or goes: 1/N. The ring has 131 071 places and 200"
        " for each owner: beyond some hundreds it is full, more moves, and 655 is its end.",
    )
    scaled = Table(
        "A day under the autoscaler, simulated",
        ["replicas of sample", "changes", "traces that had two owners"],
        [[f"{d.fewest} to {d.most}", str(d.changes), f"{d.split:.3%}"] for d in days],
        f"Traffic a third at night, 10 % noise. A trace has two owners when it is open"
        f" ({_OPEN_SECONDS:.0f} s) while a change is learnt of ({_SEEN_SECONDS:.0f} s).",
    )
    every = [run for of_one in runs for run in of_one]
    exact = sum(run.exact for run in every)
    single, one = (
        spread([sum(r.cpu.values()) for r in of_one]).median for of_one in (runs[0], runs[1])
    )
    of_hundred = max(max(m.added, m.removed) for m in rings if m.owners == 100)
    goals = [
        Goal(
            "every run counts and stores what was sent",
            f"{exact} of {len(every)}",
            exact == len(every),
        ),
        Goal(
            "the roles together cost less than half more CPU than the single Collector",
            f"{one / single - 1:+.0%}",
            one < 1.5 * single,
        ),
        Goal(
            "of 100 owners one more or less moves at most 2 % of the traces",
            f"{of_hundred:.2%}",
            of_hundred <= 0.02,
        ),
    ]
    data: dict[str, Any] = {
        "runs": [[asdict(run) for run in of_one] for of_one in runs],
        "ring": [asdict(m) for m in rings],
        "days": [asdict(d) for d in days],
    }
    settings = {"requests": given.requests, "rounds": given.rounds, "traces": given.traces}
    return Page(
        "growth",
        "Benchmark: growth",
        __doc__ or "",
        components("otelcol"),
        [costs, ring, scaled],
        goals,
        data,
        settings,
    )


if __name__ == "__main__":
    main()
