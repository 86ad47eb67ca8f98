"""Which binaries are built before which processes start, where they are not here yet."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.runtime.build.binaries import Binary, locate, resolve
from imsobs.runtime.paths import Layout
from imsobs.runtime.process import record
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.progress import Progress

FIRST = ("otelcol", "prometheus")
"""Components that count and show numbers: what a machine without binaries builds first."""


def needed(plan: Plan) -> list[str]:
    """Return the components that a process of the plan runs."""
    return list(dict.fromkeys(process.component for process in plan.processes.values()))


def stages(
    plan: Plan, layout: Layout, progress: Progress, *, first: bool
) -> Iterator[dict[str, Binary]]:
    """Yield what can run, again whenever a binary that was missing has been built.

    FIRST are built first. A running process never waits for its new binary in this way: it would
    be stopped meanwhile, so all are built before anything happens then. first: end after FIRST.
    """
    wanted = needed(plan)
    here = {name: locate(plan, layout.root, name, progress) for name in wanted}
    missing = [name for name in wanted if here[name] is None and not plan.components[name].optional]
    known = record.read_record(layout)
    runs = {plan.processes[name].component for name in known if name in plan.processes}
    missing.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    built = [name for name in missing if not first or name in {*FIRST, *runs}]
    for name in built:
        here[name] = resolve(plan, layout.root, name, progress)
        can_start = all(here[one] is not None for one in FIRST if one in here)
        if can_start and not runs.intersection(one for one in missing if here[one] is None):
            yield {one: binary for one, binary in here.items() if binary is not None}
    if not built:
        yield {one: binary for one, binary in here.items() if binary is not None}
