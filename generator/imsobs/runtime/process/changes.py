"""What ``up`` will do to each process, and why, decided before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.build.binaries import Binary
from imsobs.runtime.process.daemon import ProcessState
from imsobs.runtime.process.launch import Launch
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.process.record import Entry, recorded_binary

Action = Literal["start", "restart", "reload", "stop", "none"]
ACTIONS: tuple[Action, ...] = ("start", "restart", "reload", "stop", "none")


@dataclass(frozen=True)
class Change:
    """What is done to one process. why: in a few words; empty for "none" and a plain start."""

    name: str
    action: Action
    why: str = ""

    @property
    def line(self) -> str:
        """Return ``restart otelcol: its arguments changed``."""
        word = "keep" if self.action == "none" else self.action
        return f"{word} {self.name}" + (f": {self.why}" if self.why else "")


def _of_program(launch: Launch, known: Entry) -> list[str]:
    wanted = launch.entry.parts
    reasons = []
    if wanted["binary"] != known.parts.get("binary"):
        same = launch.version == known.version
        reasons.append(
            "its binary changed" if same else f"{known.version} becomes {launch.version}"
        )
    if wanted["arguments"] != known.parts.get("arguments"):
        reasons.append("its arguments changed")
    variables = sorted(
        part.removeprefix("env ")
        for part in {*wanted, *known.parts}
        if part.startswith("env ") and wanted.get(part) != known.parts.get(part)
    )
    if variables:
        reasons.append(f"{', '.join(variables)} changed in its environment")
    return reasons


def changed_files(wanted: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """Return the files that are not as a process has read them."""
    return sorted(
        name for name in {*wanted, *known} if wanted.get(name) != known.get(name)
    )  # fmt: skip


def _change(launch: Launch, known: Entry | None, runs: bool) -> Change:
    name = launch.name
    if not runs:
        return Change(name, "start")
    if known is None:
        return Change(name, "restart", "what it runs with is not known")
    program = _of_program(launch, known)
    files = changed_files(launch.entry.files, known.files)
    if files:
        program.append(f"{', '.join(files)} changed")
    if not program:
        return Change(name, "none")
    only_files = len(program) == 1 and bool(files)
    reloads = only_files and launch.process.reload is not None
    return Change(name, "reload" if reloads else "restart", "; ".join(program))


def decide(
    launches: Mapping[str, Launch],
    record: Mapping[str, Entry],
    states: Mapping[str, ProcessState],
) -> list[Change]:
    """Return one change per process: those that go, then the others in the plan's order."""
    gone = [
        Change(name, "stop", "it is not in the plan any more, or its binary is gone")
        for name, state in states.items()
        if name not in launches and state.up
    ]
    return gone + [
        _change(launch, record.get(name), name in states and states[name].up)
        for name, launch in launches.items()
    ]


def choose(
    plan: Plan,
    found: Mapping[str, Binary],
    record: Mapping[str, Entry],
    running: Iterable[str],
    wanted: Iterable[str],
) -> tuple[dict[str, Binary], list[str]]:
    """Return the binaries of what is to run, and the optional components that could be added.

    A stack that runs keeps its optional components: one that is found only now is added when it
    is asked for (``wanted``), as others restart with it. One whose binary is no longer found,
    in another shell for instance, runs on from where it was started.
    """
    optional = {name for name, component in plan.components.items() if component.optional}
    processes = {process.component: name for name, process in plan.processes.items()}
    for name in wanted:
        if name not in optional or name not in processes:
            known = ", ".join(sorted(optional & processes.keys())) or "none"
            raise ImsobsError(
                f'no optional component "{name}" in this stack; available: {known}',
                exit_code=ExitCode.INPUT,
            )
    chosen = dict(found)
    up = set(running)
    if not up:
        return chosen, []
    for component in optional & processes.keys():
        entry = record.get(processes[component])
        if component not in chosen and processes[component] in up and entry is not None:
            path = recorded_binary(entry)
            if path is not None:
                chosen[component] = Binary(component, path, entry.version, "running")
    spare = [
        name
        for name in found
        if name in optional and processes[name] not in up and processes[name] not in record
        and name not in set(wanted)
    ]  # fmt: skip
    return {name: one for name, one in chosen.items() if name not in spare}, spare
