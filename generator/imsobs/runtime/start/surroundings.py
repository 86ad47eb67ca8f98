"""What is installed in the environment of a service, which is seldom this program's own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from imsobs.errors import ExitCode, ImsobsError

_SECONDS = 60
# Runs in the service's environment, with what every Python has: names are compared in one spelling.
_QUESTION = """
import importlib.metadata as m, importlib.util as u, json, re
same = lambda name: re.sub("[-_.]+", "-", name).lower()
found = {same(d.metadata["Name"]): d.version for d in m.distributions() if d.metadata["Name"]}
def wanted(dist):
    needs = [r for r in (dist.requires or []) if "extra ==" in r and "instruments" in r]
    return [same(re.match("[A-Za-z0-9._-]+", r)[0]) for r in needs]
try:
    import opentelemetry.instrumentation.dependencies as d
    conflicts = d.get_dist_dependency_conflicts
except (ImportError, AttributeError):
    conflicts = lambda dist: None
names, refused = {}, {}
for point in m.entry_points(group="opentelemetry_instrumentor"):
    needs = wanted(point.dist) if point.dist else []
    names[point.name] = not needs or any(name in found for name in needs)
    conflict = conflicts(point.dist) if point.dist and names[point.name] else None
    if conflict:
        has = conflict.found or ", ".join(conflict.found_any)
        wants = str(conflict.required or ", ".join(map(str, conflict.required_any)))
        names[point.name], refused[point.name] = False, [has, re.sub("; *extra ==[^,]*", "", wants)]
try:
    spec = u.find_spec("opentelemetry.instrumentation.auto_instrumentation")
except ImportError:
    spec = None
print(json.dumps({"installed": found, "instrumentors": names, "refused": refused,
    "launcher": list(spec.submodule_search_locations)[0] if spec else None}))
"""


@dataclass(frozen=True)
class Surroundings:
    """The environment of a service.

    python: its interpreter. installed: name of a distribution, in small letters and with ``-`` ->
    version. instrumentors: OpenTelemetry instrumentation -> whether what it instruments is there.
    launcher: folder that makes Python instrument itself when it is on its path, None without one.
    refused: instrumentation that does not fit what is installed -> that, and what it is for.
    """

    python: Path
    installed: dict[str, str]
    instrumentors: dict[str, bool]
    launcher: str | None
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)

    def instruments(self) -> list[str]:
        """Return the instrumentations that have something to instrument, sorted."""
        return sorted(name for name, used in self.instrumentors.items() if used)


def look(python: Path) -> Surroundings:
    """Return what an interpreter's environment has; ImsobsError when it does not answer."""
    # Asked from another folder; a link into an environment stays one.
    python = Path(os.path.abspath(python))  # noqa: PTH100
    try:
        done = subprocess.run(
            [str(python), "-c", _QUESTION],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
            cwd="/",
        )
        answer = json.loads(done.stdout)
        return Surroundings(
            python,
            {str(name): str(version) for name, version in answer["installed"].items()},
            {str(name): bool(used) for name, used in answer["instrumentors"].items()},
            answer["launcher"],
            {str(name): (str(has), str(wants)) for name, (has, wants) in answer["refused"].items()},
        )
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        raise ImsobsError(
            f"{python} does not say what is installed beside it ({type(error).__name__})",
            remedy="name the Python of the service with --python",
            exit_code=ExitCode.INPUT,
        ) from error


def origin(distribution: str) -> str | None:
    """Return what pip was given for a distribution beside this program (PEP 610).

    None where it came from an index, or from a folder of this machine.
    """
    try:
        text = importlib.metadata.distribution(distribution).read_text("direct_url.json")
        told = json.loads(text or "{}")
        url = str(told["url"])
        if (vcs := told.get("vcs_info")) is not None:
            found = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
            folder = told.get("subdirectory")
            return f"{found}#subdirectory={folder}" if folder else found
    except (importlib.metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return None
    return url if url.startswith("https://") else None


def program(command: str) -> Path:
    """Return the program that a command runs; ImsobsError when there is none."""
    found = shutil.which(command)
    if found is None:
        why, remedy = f'there is no program "{command}"', "name one that is on PATH, or by its path"
        if Path(command).is_dir():
            why = f'"{command}" is a folder, no program'
        elif Path(command).is_file():
            why, remedy = f'"{command}" may not be executed', f"chmod +x {command}"
            if command.endswith(".py"):
                remedy = f"python {command}"
        raise ImsobsError(why, remedy=remedy, exit_code=ExitCode.INPUT)
    return Path(os.path.abspath(found))  # noqa: PTH100 - a link into an environment stays one


def python_of(found: Path) -> Path:
    """Return the Python whose environment a program is of.

    That is the program itself, the one that its first line names, the one beside it, or the first
    on PATH.
    """
    if found.name.startswith("python"):
        return found
    with found.open("rb") as handle:
        first = handle.readline(4096)
    if first.startswith(b"#!"):
        words = first[2:].decode(errors="replace").split()
        if words and Path(words[0]).name.startswith("python"):
            if not Path(words[0]).is_file():
                raise ImsobsError(
                    f"{found} is for {words[0]}, which does not exist",
                    remedy="install it again in an environment that does",
                    exit_code=ExitCode.INPUT,
                )
            return Path(words[0])
    for name in ("python", "python3"):
        if (found.parent / name).is_file():
            return found.parent / name
    return program("python3")
