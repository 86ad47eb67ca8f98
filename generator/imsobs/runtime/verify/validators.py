"""Asking a program for its verdict."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from imsobs import yamlio
from imsobs.runtime.build.binaries import locate, resolve_binary
from imsobs.runtime.environment import BASE, chosen
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.progress import Silent
from imsobs.runtime.verify import Verdict

_SECONDS = 120
_LONGEST = 2_000


def ask(
    component: str,
    subject: str,
    command: Sequence[str],
    root: Path,
    environment: Mapping[str, str] | None = None,
) -> Verdict:
    """Run a program in the project folder; exit code 0 is its consent.

    It reads files that a stranger may have had a hand in, so it sees ``environment`` and the
    few variables that every program needs, and none of the caller's others.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=root,
            env=chosen(BASE, more=environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Verdict(component, subject, False, f"does not run: {error}")
    if done.returncode == 0:
        return Verdict(component, subject, True, "")
    said = (done.stderr.strip() + "\n" + done.stdout.strip()).strip()
    return Verdict(component, subject, False, said[-_LONGEST:] or f"exit code {done.returncode}")


def required(name: str, root: Path) -> str:
    """Return the path of a binary of the native plan, building it when needed."""
    return str(resolve_binary(name, root))


def optional(name: str, root: Path) -> str | None:
    """Return the path of an optional binary, or None when it is not here."""
    binary = locate(load_plan(root), root, name, Silent())
    return str(binary.path) if binary is not None else None


def held_against(model: type[BaseModel], component: str, subject: str, root: Path) -> Verdict:
    """Hold a YAML file against the typed model of its documented fields."""
    try:
        data = yamlio.parse((root / subject).read_text(encoding="utf-8"))
        model.model_validate(data)
    except OSError as error:
        return Verdict(component, subject, False, f"cannot be read: {error.strerror}")
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        return Verdict(component, subject, False, "; ".join(problems))
    return Verdict(component, subject, True, "documented fields")
