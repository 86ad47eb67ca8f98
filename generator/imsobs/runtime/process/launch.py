"""Launch scripts and the supervisor's configuration: the plan as files in the state folder."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imsobs import private
from imsobs.runtime.build.binaries import Binary
from imsobs.runtime.environment import BASE, chosen
from imsobs.runtime.paths import STATE_REMEDY, Layout
from imsobs.runtime.process.plan import Plan, Process
from imsobs.runtime.process.record import Entry

MARKER = "IMSOBS_PROCESS"


@dataclass(frozen=True)
class Launch:
    """One process, ready to be started.

    order: its place in the plan. args: of its binary. script: text of the launch script. entry:
    what the record says once it runs: a change of its parts means restart, one of its files
    reload or restart.
    """

    name: str
    process: Process
    order: int
    args: list[str]
    script: str
    entry: Entry

    @property
    def version(self) -> str:
        """The version of its binary."""
        return self.entry.version


def marker(layout: Layout, name: str) -> str:
    """Return the value of the variable that marks the processes of this project."""
    return f"{name}@{layout.state}"


def _arguments(process: Process, present: Sequence[str]) -> list[str]:
    chosen = list(process.args)
    for component, args in process.args_with.items():
        chosen += args if component in present else []
    for component, args in process.args_without.items():
        chosen += args if component not in present else []
    return chosen


def _given(layout: Layout, name: str, process: Process) -> dict[str, str]:
    """Return the variables of a process that the plan and the state folder give it."""
    return {
        **chosen(process.reads),
        "IMSOBS_ROOT": str(layout.root),
        "IMSOBS_STATE": str(layout.state),
        MARKER: marker(layout, name),
        **{key: layout.fill(value) for key, value in process.env.items()},
    }


def _script(layout: Layout, process: Process, given: Mapping[str, str], args: list[str]) -> str:
    environment = {**chosen(BASE, ("HOME",)), **given}
    settings = [f"{key}={value}" for key, value in environment.items()]
    # Nothing else of the environment: it holds the secrets of whoever ran imsobs up.
    command = ["/usr/bin/env", "-i", *settings, *args]
    folder = layout.page_of(process.page) if process.page else layout.root
    lines = ["#!/bin/sh", f"cd {shlex.quote(str(folder))} || exit 1"]
    for queue in process.queues:
        # With every start, also those after a crash.
        check = [sys.executable, "-m", "imsobs.runtime.process.queues", layout.fill(queue)]
        lines.append(shlex.join(check))
    return "\n".join([*lines, f"exec {shlex.join(command)}", ""])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file_digests(root: Path, names: Sequence[str]) -> dict[str, str]:
    """Return file or folder -> digest of its names and bytes; what is missing counts as such."""
    found = {}
    for name in names:
        start = root / name
        digest = hashlib.sha256()
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if path.is_dir():
                continue
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes() if path.is_file() else b"missing")
            digest.update(b"\0")
        found[name] = digest.hexdigest()
    return found


def _entry(
    layout: Layout, binary: Binary, process: Process, given: Mapping[str, str], args: list[str],
    known: Entry | None,
) -> Entry:  # fmt: skip
    stat = binary.path.stat()
    identity = f"{stat.st_size} {stat.st_mtime_ns}"
    if known is not None and (known.path, known.identity) == (str(binary.path), identity):
        content = known.parts.get("binary", "")
    else:
        with binary.path.open("rb") as handle:
            content = hashlib.file_digest(handle, "sha256").hexdigest()
    # Not BASE: another PATH or language of whoever calls up is no reason for a restart. Not
    # where the binary is either: the same bytes are the same program.
    variables = {f"env {key}": _digest(value) for key, value in given.items() if key != MARKER}
    parts = {"binary": content, "arguments": _digest("\0".join(args[1:])), **variables}
    files = file_digests(layout.root, process.files)
    return Entry(binary.version, str(binary.path), identity, parts, files)


def prepare(
    plan: Plan,
    layout: Layout,
    binaries: Mapping[str, Binary],
    record: Mapping[str, Entry] | None = None,
) -> dict[str, Launch]:
    """Return what to launch, in the plan's order; processes without a binary are left out.

    record: what runs now; a binary that is in it is not read again.
    """
    launches = {}
    for order, (name, process) in enumerate(plan.processes.items()):
        binary = binaries.get(process.component)
        if binary is None:
            continue
        arguments = _arguments(process, list(binaries))
        args = [str(binary.path), *(layout.fill(text) for text in arguments)]
        given = _given(layout, name, process)
        entry = _entry(layout, binary, process, given, args, (record or {}).get(name))
        script = _script(layout, process, given, args)
        launches[name] = Launch(name, process, order, args[1:], script, entry)
    return launches


def _ini(value: object) -> str:
    # The supervisor expands %(name)s and cuts a line at " ;".
    return str(value).replace("%", "%%")


def supervisor_config(layout: Layout, launches: Mapping[str, Launch]) -> str:
    """Return supervisord.conf: a private unix socket, rotated logs, automatic restart."""
    sections = [
        "[unix_http_server]",
        f"file={_ini(layout.socket)}",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisord]",
        f"logfile={_ini(layout.log_of('supervisord'))}",
        "logfile_maxbytes=2MB",
        "logfile_backups=1",
        f"pidfile={_ini(layout.pid_file)}",
        f"directory={_ini(layout.state)}",
        f"childlogdir={_ini(layout.logs)}",
        "umask=077",
        *(["user=root"] if os.geteuid() == 0 else []),
    ]
    for name, launch in launches.items():
        sections += [
            f"[program:{name}]",
            f"command=/bin/sh {_ini(shlex.quote(str(script_path(layout, name))))}",
            f"priority={100 + launch.order}",
            "autostart=false",
            "autorestart=true",
            "startsecs=1",
            "startretries=10",
            f"stopwaitsecs={launch.process.stop_seconds}",
            "stopasgroup=true",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={_ini(layout.log_of(name))}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=3",
        ]
    return "\n".join([*sections, ""])


def script_path(layout: Layout, name: str) -> Path:
    """Return where the launch script of a process is."""
    return layout.run / f"{name}.sh"


def write_launches(layout: Layout, launches: Mapping[str, Launch]) -> None:
    """Write launch scripts and supervisord.conf, and make every folder they need."""
    layout.make()
    for name, launch in launches.items():
        private.write(script_path(layout, name), launch.script)
        for folder in launch.process.dirs:
            private.make_below(layout.state, layout.root / layout.fill(folder), STATE_REMEDY)
    private.write(layout.config, supervisor_config(layout, launches))
