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

MARKER = "IMSOBS_PROCESS"


@dataclass(frozen=True)
class Launch:
    """One process, ready to be started.

    script: text of the launch script. program: digest of script and binary; a change
    means restart. files: digest of the files it reads; a change means reload or restart.
    """

    name: str
    process: Process
    script: str
    program: str
    files: str
    version: str


def marker(layout: Layout, name: str) -> str:
    """Return the value of the variable that tells our processes from all others."""
    return f"{name}@{layout.state}"


def _arguments(process: Process, present: Sequence[str]) -> list[str]:
    chosen = list(process.args)
    for component, args in process.args_with.items():
        chosen += args if component in present else []
    for component, args in process.args_without.items():
        chosen += args if component not in present else []
    return chosen


def _script(
    layout: Layout, name: str, process: Process, binary: Path, present: Sequence[str]
) -> str:
    environment = {
        **chosen(BASE, ("HOME",), process.reads),
        "IMSOBS_ROOT": str(layout.root),
        "IMSOBS_STATE": str(layout.state),
        MARKER: marker(layout, name),
        **{key: layout.fill(value) for key, value in process.env.items()},
    }
    settings = [f"{key}={value}" for key, value in environment.items()]
    # Nothing else of the environment: it holds the secrets of whoever ran imsobs up.
    command = ["/usr/bin/env", "-i", *settings, str(binary)]
    command += [layout.fill(arg) for arg in _arguments(process, present)]
    lines = ["#!/bin/sh", f"cd {shlex.quote(str(layout.root))} || exit 1"]
    for folder in process.queues:
        # With every start, also those after a crash.
        check = [sys.executable, "-m", "imsobs.runtime.process.queues", layout.fill(folder)]
        lines.append(shlex.join(check))
    return "\n".join([*lines, f"exec {shlex.join(command)}", ""])


def files_digest(root: Path, names: Sequence[str]) -> str:
    """Digest names and bytes of files and folders; what is missing counts as such."""
    digest = hashlib.sha256()
    for name in sorted(names):
        start = root / name
        members = sorted(start.rglob("*")) if start.is_dir() else [start]
        for path in members:
            if path.is_dir():
                continue
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes() if path.is_file() else b"missing")
            digest.update(b"\0")
    return digest.hexdigest()


def prepare(plan: Plan, layout: Layout, binaries: Mapping[str, Binary]) -> dict[str, Launch]:
    """Return what to launch, in the plan's order; processes without a binary are left out."""
    launches = {}
    for name, process in plan.processes.items():
        binary = binaries.get(process.component)
        if binary is None:
            continue
        script = _script(layout, name, process, binary.path, list(binaries))
        stat = binary.path.stat()
        identity = f"{script}\0{stat.st_size}\0{stat.st_mtime_ns}"
        launches[name] = Launch(
            name,
            process,
            script,
            hashlib.sha256(identity.encode()).hexdigest(),
            files_digest(layout.root, process.files),
            binary.version,
        )
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
    for order, (name, launch) in enumerate(launches.items()):
        sections += [
            f"[program:{name}]",
            f"command=/bin/sh {_ini(shlex.quote(str(script_path(layout, name))))}",
            f"priority={100 + order}",
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
