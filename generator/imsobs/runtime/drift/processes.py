"""Processes and containers: arguments, binaries, images and files as they were started with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from imsobs import artifacts, yamlio
from imsobs.problems import KeyPath
from imsobs.runtime.build.binaries import Binary
from imsobs.runtime.docker import compose_foresee
from imsobs.runtime.drift.compare import Difference, differences, shown, unfit
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.changes import changed_files
from imsobs.runtime.process.daemon import ProcessState
from imsobs.runtime.process.launch import Launch, prepare
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.process.record import Entry, recorded_binary

_LOKI_SECTIONS: dict[str, KeyPath] = {"limits_config": ("retention", "logs")}


def expected(plan: Plan, layout: Layout, record: dict[str, Entry]) -> dict[str, Launch]:
    """Return how the plan would start what runs, each from the binary that it was started from."""
    binaries = {}
    for name, entry in record.items():
        path = recorded_binary(entry)
        if name in plan.processes and path is not None:
            component = plan.processes[name].component
            binaries[component] = Binary(component, path, entry.version, "running")
    return prepare(plan, layout, binaries, record)


def native(
    plan: Plan, layout: Layout, record: dict[str, Entry], states: dict[str, ProcessState]
) -> Iterator[Difference]:
    """Yield processes that run, or were started, otherwise than the plan says."""
    launches = expected(plan, layout, record)
    for name, state in states.items():
        spec = ("stack", name)
        if name not in plan.processes:
            yield Difference(name, "process", "", "one", ())
            continue
        if not state.up:
            yield Difference(name, "process", "one", "", spec)
            continue
        launch, known = launches.get(name), record.get(name)
        if launch is None or known is None:
            yield Difference(
                name, "binary", plan.components[name].version, "one that is gone", spec
            )
            continue
        version = plan.components[plan.processes[name].component].version
        if unfit(version, known.version):
            yield Difference(name, "version", version, known.version, spec)
        yield from _running(name, launch, state.pid, spec)
        for file in changed_files(launch.entry.files, known.files):
            yield Difference(name, file, "another content", "the one it has read", spec)


def _running(name: str, launch: Launch, pid: int, spec: KeyPath) -> Iterator[Difference]:
    """Yield what the system tells of a process: its arguments and its binary."""
    try:
        process = psutil.Process(pid)
        arguments, binary = process.cmdline()[1:], Path(f"/proc/{pid}/exe")
        digest = _digest(binary if binary.exists() else Path(process.exe()))
    except (psutil.Error, OSError):
        return
    if arguments != launch.args:
        wanted = [text for text in launch.args if text not in arguments]
        found = [text for text in arguments if text not in launch.args]
        yield Difference(name, "arguments", shown(" ".join(wanted)), shown(" ".join(found)), spec)
    if digest != launch.entry.parts["binary"]:
        yield Difference(name, "binary", launch.entry.parts["binary"][:12], digest[:12], spec)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def containers(layout: Layout) -> Iterator[Difference]:
    """Yield services whose container was made from another definition, image or file."""
    for change in compose_foresee(layout):
        if change.action == "start":
            yield Difference(change.name, "container", "one", "", ("stack", change.name))
        elif change.action == "restart":
            yield Difference(
                change.name, "container", "another definition, image or configuration",
                "the one it was made from", ("stack", change.name),
            )  # fmt: skip


def loki(client: httpx.Client, base: str, root: Path) -> Iterator[Difference]:
    """Yield settings of Loki that are not those of its file; variables are not compared."""
    try:
        answer = client.get(f"{base}/config")
        answer.raise_for_status()
        running = yamlio.parse(answer.text)
    except (httpx.HTTPError, ValueError):
        yield Difference("loki", "API", "an answer", "none", ("stack", "loki"))
        return
    rendered = yamlio.parse((root / artifacts.LOKI).read_text(encoding="utf-8"))
    for path, wanted, found in differences(rendered, running):
        if wanted is None or "${" in str(wanted):
            continue
        subject = ".".join(map(str, path))
        spec = _LOKI_SECTIONS.get(str(path[0]), ("stack", "loki"))
        yield Difference("loki", subject, shown(wanted), shown(found), spec)
