"""Find each binary: explicit variable, PATH when its version fits, cache, else build it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imsobs.cache import cache_dir
from imsobs.errors import ExitCode, ImsobsError
from imsobs.project import find_root
from imsobs.runtime.build.compile import build_component, cached_binary, usable
from imsobs.runtime.build.versions import VersionProblem, check_version, show
from imsobs.runtime.process.plan import Plan, load_plan
from imsobs.runtime.progress import Progress, Silent
from imsobs.shipped import Component, PageBuild

Source = Literal["variable", "PATH", "cache", "built", "running"]


@dataclass(frozen=True)
class Binary:
    """A binary that fits. version: what it answered, or what it was built as."""

    name: str
    path: Path
    version: str
    source: Source


def how_to_get(name: str, component: Component) -> str:
    """Return how an optional component that is not here can be had."""
    if isinstance(component.build, PageBuild):
        return f"run imsobs binaries {name}"
    ways = f"put it on PATH or set {component.env}"
    return ways if component.build is None else f"run imsobs binaries {name}, or {ways}"


def _from_variable(name: str, component: Component) -> Binary | None:
    value = os.environ.get(component.env)
    if not value:
        return None
    path = Path(value).expanduser().absolute()
    remedy = f"point {component.env} at {name} {component.version}, or unset it"
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ImsobsError(f"{component.env}={value} is not an executable file", remedy=remedy)
    try:
        found = check_version(path, component.version_args, component.version)
    except VersionProblem as problem:
        raise ImsobsError(f"{component.env}={value} {problem}", remedy=remedy) from None
    return Binary(name, path, show(found) if found else component.version, "variable")


def _from_path(name: str, component: Component, progress: Progress) -> Binary | None:
    for candidate in component.path_names or [name]:
        where = shutil.which(candidate)
        if where is None:
            continue
        try:
            found = check_version(Path(where), component.version_args, component.version)
        except VersionProblem as problem:
            progress.note(f"not using {where}: it {problem}")
            continue
        version = show(found) if found else component.version
        return Binary(name, Path(where).absolute(), version, "PATH")
    return None


def locate(
    plan: Plan, root: Path, name: str, progress: Progress, cache: Path | None = None
) -> Binary | None:
    """Return a component's binary if it is already here, without building; else None.

    Raises ImsobsError when an explicit variable names a binary that cannot be used, or
    when the plan has no such component.
    """
    component = plan.components.get(name)
    if component is None:
        known = ", ".join(plan.components)
        raise ImsobsError(
            f'unknown component "{name}"; available: {known}', exit_code=ExitCode.INPUT
        )
    # A page is no program: there is none but the one that was built.
    here = None
    if not isinstance(component.build, PageBuild):
        here = _from_variable(name, component) or _from_path(name, component, progress)
    if here is not None or component.build is None:
        return here
    built = cached_binary(root, cache or cache_dir(), name, component)
    return Binary(name, built, component.version, "cache") if usable(built) else None


def resolve(
    plan: Plan, root: Path, name: str, progress: Progress, *, asked: bool = False
) -> Binary | None:
    """Return a component's binary, building it when needed; None if optional and absent.

    asked: somebody wants this very component, so that an optional one is built too.
    """
    cache = cache_dir()
    here = locate(plan, root, name, progress, cache)
    component = plan.components[name]
    if here is not None or component.build is None or (component.optional and not asked):
        return here
    path = build_component(plan, root, cache, name, progress)
    return Binary(name, path, component.version, "built")


def resolve_binary(name: str, root: Path | None = None, progress: Progress | None = None) -> Path:
    """Return the path of a component of the project's plan, building it when needed.

    root: defaults to the nearest project folder. Raises ImsobsError when it cannot be had.
    """
    found = find_root(root)
    plan = load_plan(found)
    binary = resolve(plan, found, name, progress or Silent(), asked=True)
    if binary is None:
        remedy = how_to_get(name, plan.components[name])
        raise ImsobsError(f"{name} is optional and not here", remedy=remedy)
    return binary.path
