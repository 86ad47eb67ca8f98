"""The native stack as a whole: start what changed, stop everything, hold it for a test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from imsobs.errors import ImsobsError
from imsobs.runtime import secrets as stack_secrets
from imsobs.runtime.build.binaries import Binary, how_to_get, locate
from imsobs.runtime.build.compile import file_lock
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import Layout, layout_for
from imsobs.runtime.process import record
from imsobs.runtime.process.changes import ACTIONS, Change, choose, decide
from imsobs.runtime.process.daemon import Supervisor, SupervisorGone, end_leftovers, leftovers
from imsobs.runtime.process.handover import wait_for_alerts
from imsobs.runtime.process.launch import Launch, prepare, write_launches
from imsobs.runtime.process.page import lay_out
from imsobs.runtime.process.plan import Plan, load_plan
from imsobs.runtime.process.ports import require_free
from imsobs.runtime.process.ready import wait_until_ready
from imsobs.runtime.process.stages import needed, stages
from imsobs.runtime.progress import Progress, Silent

_STOP_MARGIN_SECONDS = 10.0
_RELOAD_SECONDS = 30.0


@dataclass(frozen=True)
class Outcome:
    """What ``up`` did: process names by what happened, and optional components.

    absent: those that are not here. spare: those that are, and that the running stack does not
    have. later: components that are still to be built.
    """

    started: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    reloaded: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    def then(self, after: Outcome) -> Outcome:
        """Return what both did, one after the other."""
        started = self.started + after.started
        return replace(
            after,
            started=started,
            restarted=self.restarted + after.restarted,
            reloaded=self.reloaded + after.reloaded,
            unchanged=tuple(name for name in after.unchanged if name not in started),
        )


def _reload(supervisor: Supervisor, launch: Launch) -> None:
    way = launch.process.reload or ""
    if not way.startswith("http"):
        supervisor.signal(launch.name, way)
        return
    try:
        with loopback_client(_RELOAD_SECONDS) as client:
            answer = client.post(way)
    except httpx.HTTPError as error:
        said = type(error).__name__
    else:
        if answer.is_success:
            return
        said = f"HTTP {answer.status_code} {' '.join(answer.text.split())[:300]}"
    raise ImsobsError(
        f"{launch.name} refused its changed configuration: {said}",
        remedy="it runs on with the previous one; correct the spec, imsobs render, imsobs up",
    )


def _start(supervisor: Supervisor, layout: Layout, launch: Launch) -> None:
    record.note(layout, launch.name, None)
    supervisor.stop_process(launch.name)
    require_free(launch.name, launch.process.ports)
    supervisor.start_process(launch.name)
    record.note(layout, launch.name, launch.entry)


def _apply(
    plan: Plan,
    supervisor: Supervisor,
    layout: Layout,
    launches: Mapping[str, Launch],
    changes: list[Change],
    progress: Progress,
) -> None:
    """Do what was decided: reload, start what does not run, then restart one after another.

    A restart begins when the one before it is ready, so that of two that need each other one
    always runs; before Prometheus, Alertmanager has its alerts again.
    """
    outdated = supervisor.sync()
    names = {action: [c.name for c in changes if c.action == action] for action in ACTIONS}
    for name in names["reload"]:
        _reload(supervisor, launches[name])
        record.note(layout, name, launches[name].entry)
    for name in names["start"]:
        require_free(name, launches[name].process.ports)
    for name in names["start"]:
        if name in outdated:
            supervisor.renew(name)
        _start(supervisor, layout, launches[name])
    if names["restart"]:
        wait_until_ready(supervisor, layout, _of(launches, names["start"]), progress)
    for name in names["restart"]:
        if name == "prometheus" and "alertmanager" in names["restart"]:
            wait_for_alerts(plan, progress)
        if name in outdated:
            supervisor.stop_process(name)
            supervisor.renew(name)
        _start(supervisor, layout, launches[name])
        wait_until_ready(supervisor, layout, _of(launches, [name]), progress)


def _of(launches: Mapping[str, Launch], names: list[str]) -> dict[str, Launch]:
    return {name: launches[name] for name in names}


def _prepared(
    plan: Plan, layout: Layout, found: dict[str, Binary], wanted: Sequence[str]
) -> tuple[dict[str, Launch], list[Change], list[str]]:
    """Return what to launch, what is done with it, and the optional components to spare."""
    known = record.read_record(layout)
    try:
        states = Supervisor(layout).processes()
    except SupervisorGone:
        states = {}
    running = [name for name, state in states.items() if state.up]
    chosen, spare = choose(plan, found, known, running, wanted)
    for name in wanted:
        if name not in chosen:
            raise ImsobsError(
                f"{name} is not here", remedy=how_to_get(name, plan.components[name])
            )  # fmt: skip
    launches = prepare(plan, layout, chosen, known)
    return launches, decide(launches, known, states), spare


def foresee(plan: Plan, layout: Layout, wanted: Sequence[str] = ()) -> list[Change]:
    """Return what ``up`` would do now, without doing it; what is not built yet is left out."""
    found = {name: locate(plan, layout.root, name, Silent()) for name in needed(plan)}
    here = {name: binary for name, binary in found.items() if binary is not None}
    return _prepared(plan, layout, here, wanted)[1]


def up(
    plan: Plan,
    layout: Layout,
    progress: Progress,
    wanted: Sequence[str] = (),
    *,
    first: bool = False,
) -> Outcome:
    """Bring the stack up and wait until it is ready; do only what is not done yet.

    Where binaries are missing, each component starts as soon as its own is built. first: of those
    build only FIRST. wanted: optional components that a running stack is to have from now on.
    What is restarted or stopped is announced first. Raises ImsobsError: a binary that cannot be
    had, a taken port, a crashed process, a refused configuration, or a process that is not ready
    in time. What already runs is left running then.
    """
    outcome = Outcome()
    for binaries in stages(plan, layout, progress, first=first):
        outcome = outcome.then(_bring_up(plan, layout, binaries, progress, wanted))
    return outcome


def _bring_up(
    plan: Plan,
    layout: Layout,
    binaries: dict[str, Binary],
    progress: Progress,
    wanted: Sequence[str],
) -> Outcome:
    layout.make()
    with file_lock(layout.run / "lock", progress, "waiting for another imsobs up or down"):
        launches, changes, spare = _prepared(plan, layout, binaries, wanted)
        if "grafana" in launches:
            stack_secrets.prepare(layout.root, grafana=True)
        supervisor = Supervisor(layout)
        for change in changes:
            if change.action in ("restart", "reload", "stop"):
                progress.note(f"will {change.line}")
        write_launches(layout, launches)
        lay_out(plan, layout, launches, progress)
        if not supervisor.alive():
            if end_leftovers(layout, _STOP_MARGIN_SECONDS):
                progress.note("ended processes that a lost supervisor had left behind")
            for name, launch in launches.items():
                require_free(name, launch.process.ports)
            supervisor.start()
        _apply(plan, supervisor, layout, launches, changes, progress)
        wait_until_ready(supervisor, layout, launches, progress)
    done = {a: tuple(c.name for c in changes if c.action == a) for a in ACTIONS}
    here = {launch.process.component for launch in launches.values()}
    gone = [name for name in needed(plan) if name not in {*here, *spare}]
    return Outcome(
        done["start"],
        done["restart"],
        done["reload"],
        done["none"],
        tuple(name for name in gone if plan.components[name].optional),
        tuple(spare),
        tuple(name for name in gone if not plan.components[name].optional),
    )


def down(layout: Layout, progress: Progress, *, purge: Plan | None = None) -> bool:
    """Stop everything and wait; return whether anything ran.

    purge: the plan whose data folders, and the logs, are deleted too. Raises ImsobsError
    when a process survives even being killed.
    """
    if not layout.run.is_dir() and purge is None:
        return end_leftovers(layout, _STOP_MARGIN_SECONDS) > 0
    layout.make()
    supervisor = Supervisor(layout)
    with file_lock(layout.run / "lock", progress, "waiting for another imsobs up or down"):
        ran = supervisor.alive()
        if ran:
            progress.doing("stopping")
            with suppress(SupervisorGone):
                supervisor.stop_all()
            supervisor.shutdown(_STOP_MARGIN_SECONDS)
        ran = end_leftovers(layout, _STOP_MARGIN_SECONDS) > 0 or ran
        remaining = leftovers(layout)
        if remaining:
            pids = ", ".join(str(process.pid) for process in remaining)
            raise ImsobsError(f"still running: pid {pids}", remedy=f"kill -9 {pids}")
        for stale in (layout.socket, layout.pid_file, layout.record):
            stale.unlink(missing_ok=True)
        if purge is not None:
            _purge(purge, layout)
    return ran


def _purge(plan: Plan, layout: Layout) -> None:
    folders = [layout.logs]
    for process in plan.processes.values():
        folders += [layout.root / layout.fill(folder) for folder in process.dirs]
    for folder in folders:
        if folder.resolve().is_relative_to(layout.state) and folder.resolve() != layout.state:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class RunningStack:
    """A running native stack, for tests and demos."""

    plan: Plan
    layout: Layout

    def port(self, process: str, label: str) -> int:
        """Return a port by process and label."""
        return self.plan.processes[process].ports[label]

    def log(self, process: str) -> str:
        """Return the current log of a process."""
        return self.layout.log_of(process).read_text(encoding="utf-8", errors="replace")


@contextmanager
def running_stack(
    root: Path, state: Path, *, only: tuple[str, ...] = (), progress: Progress | None = None
) -> Iterator[RunningStack]:
    """Start the native stack of a rendered project and stop it afterwards, data kept.

    root: a folder with a rendered stack/ (render with other ports for a second stack
    beside a running one). state: an empty or reused folder. only: names of the processes
    to start. By default those that must be there: an optional one that happens to be on one
    machine would make a test another there.
    """
    plan = load_plan(root)
    chosen = {
        name: process
        for name, process in plan.processes.items()
        if (name in only if only else not plan.components[process.component].optional)
    }
    plan = plan.model_copy(update={"processes": chosen})
    layout = layout_for(root, state)
    reporting = progress or Silent()
    try:
        up(plan, layout, reporting)
        yield RunningStack(plan, layout)
    finally:
        down(layout, reporting)
