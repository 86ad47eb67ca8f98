"""The native stack as a whole: start what changed, stop everything, hold it for a test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from imsobs import private
from imsobs.errors import ImsobsError
from imsobs.runtime import secrets as stack_secrets
from imsobs.runtime.build.binaries import Binary, resolve
from imsobs.runtime.build.compile import file_lock
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import Layout, layout_for
from imsobs.runtime.process.daemon import Supervisor, SupervisorGone, end_leftovers, leftovers
from imsobs.runtime.process.launch import Launch, prepare, write_launches
from imsobs.runtime.process.plan import Plan, load_plan
from imsobs.runtime.process.ports import require_free
from imsobs.runtime.process.ready import wait_until_ready
from imsobs.runtime.progress import Progress, Silent

_STOP_MARGIN_SECONDS = 10.0
_RELOAD_SECONDS = 30.0


@dataclass(frozen=True)
class Outcome:
    """What ``up`` did: process names by what happened, and optional components not here."""

    started: tuple[str, ...]
    restarted: tuple[str, ...]
    reloaded: tuple[str, ...]
    unchanged: tuple[str, ...]
    absent: tuple[str, ...]


def resolve_all(plan: Plan, root: Path, progress: Progress) -> dict[str, Binary]:
    """Return every binary that a process of the plan needs, building what is missing."""
    wanted = dict.fromkeys(process.component for process in plan.processes.values())
    found = {name: resolve(plan, root, name, progress) for name in wanted}
    return {name: binary for name, binary in found.items() if binary is not None}


def read_record(layout: Layout) -> dict[str, dict[str, str]]:
    """Return process -> {program, files, version} of its last start or reload."""
    try:
        data = json.loads(layout.record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _note_in_record(layout: Layout, name: str, launch: Launch | None) -> None:
    """Record what a process runs with now; None while that is not known."""
    record = read_record(layout)
    record.pop(name, None)
    if launch is not None:
        record[name] = {
            "program": launch.program,
            "files": launch.files,
            "version": launch.version,
        }
    private.write(layout.record, json.dumps(record, indent=2, sort_keys=True) + "\n")


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


def _apply(
    supervisor: Supervisor, layout: Layout, launches: Mapping[str, Launch]
) -> tuple[list[str], list[str], list[str]]:
    """Start, restart or reload what differs from the record; return the names of each."""
    record = read_record(layout)
    states = supervisor.processes()
    started: list[str] = []
    restarted: list[str] = []
    reloaded: list[str] = []
    for name, launch in launches.items():
        known = record.get(name, {})
        runs = states[name].up
        if runs and known.get("program") == launch.program:
            if known.get("files") == launch.files:
                continue
            if launch.process.reload is not None:
                _reload(supervisor, launch)
                _note_in_record(layout, name, launch)
                reloaded.append(name)
                continue
        _note_in_record(layout, name, None)
        (restarted if runs else started).append(name)
        supervisor.stop_process(name)
    for name in (*started, *restarted):
        require_free(name, launches[name].process.ports)
    for name, launch in launches.items():
        if name in started or name in restarted:
            supervisor.start_process(name)
            _note_in_record(layout, name, launch)
    return started, restarted, reloaded


def up(plan: Plan, layout: Layout, progress: Progress) -> Outcome:
    """Bring the stack up and wait until it is ready; do only what is not done yet.

    Raises ImsobsError: a binary that cannot be had, a taken port, a crashed process, a
    refused configuration, or a process that is not ready in time. What already runs is
    left running then.
    """
    binaries = resolve_all(plan, layout.root, progress)
    launches = prepare(plan, layout, binaries)
    layout.make()
    if "grafana" in binaries:
        stack_secrets.prepare(layout.root)
    supervisor = Supervisor(layout)
    with file_lock(layout.run / "lock", progress, "waiting for another imsobs up or down"):
        write_launches(layout, launches)
        if supervisor.alive():
            supervisor.sync()
        else:
            if end_leftovers(layout, _STOP_MARGIN_SECONDS):
                progress.note("ended processes that a lost supervisor had left behind")
            for name, launch in launches.items():
                require_free(name, launch.process.ports)
            supervisor.start()
        started, restarted, reloaded = _apply(supervisor, layout, launches)
        wait_until_ready(supervisor, layout, launches, progress)
    touched = {*started, *restarted, *reloaded}
    needed = [process.component for process in plan.processes.values()]
    return Outcome(
        tuple(started),
        tuple(restarted),
        tuple(reloaded),
        tuple(name for name in launches if name not in touched),
        tuple(name for name in dict.fromkeys(needed) if name not in binaries),
    )


def down(layout: Layout, progress: Progress, *, purge: Plan | None = None) -> bool:
    """Stop everything and wait; tell whether anything ran.

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
    telling = progress or Silent()
    try:
        up(plan, layout, telling)
        yield RunningStack(plan, layout)
    finally:
        down(layout, telling)
