"""Versions: ask a binary for its own, and decide whether it fits."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from imsobs.runtime.environment import BASE, chosen

_VERSION = re.compile(r"(?<![\d.])v?(\d+)\.(\d+)(?:\.(\d+))?")
_ASK_SECONDS = 20

Version = tuple[int, int, int]


class VersionProblem(Exception):
    """A binary that cannot be used; the message says why in one clause."""


def parse_version(text: str) -> Version | None:
    """Return the first ``[v]MAJOR.MINOR[.PATCH]`` in ``text``, or None."""
    match = _VERSION.search(text)
    if match is None:
        return None
    major, minor, patch = match.groups(default="0")
    return int(major), int(minor), int(patch)


def show(version: Version) -> str:
    """Return ``MAJOR.MINOR.PATCH``."""
    return ".".join(str(part) for part in version)


def ask_version(binary: Path, version_args: Sequence[str]) -> Version:
    """Run ``binary version_args`` and return the version that it answers.

    Raises VersionProblem when it does not start, fails, hangs or names no version.
    """
    try:
        done = subprocess.run(
            [str(binary), *version_args],
            stdin=subprocess.DEVNULL,
            env=chosen(BASE),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise VersionProblem(f"gave no version within {_ASK_SECONDS} s") from None
    except OSError as error:
        raise VersionProblem(f"does not start ({error.strerror})") from None
    # A version on standard output wins: several tools log to standard error meanwhile.
    if done.returncode == 0:
        found = parse_version(done.stdout) or parse_version(done.stderr)
        if found is not None:
            return found
        raise VersionProblem(f"names no version when asked with {' '.join(version_args)}")
    last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
    raise VersionProblem(f"does not start (exit code {done.returncode}: {last[0][:200]})")


def fits(found: Version, wanted: Version) -> bool:
    """Return whether ``found`` can stand in for ``wanted``: semver's caret rule.

    Same major and not older; under 1.0 the minor must be the same (0.160 is not 0.161).
    """
    same = 2 if wanted[0] == 0 else 1
    return found[:same] == wanted[:same] and found >= wanted


def check_version(binary: Path, version_args: Sequence[str], wanted: str) -> Version | None:
    """Return the binary's version; raise VersionProblem when it does not fit ``wanted``.

    Returns None, without running it, when ``version_args`` is empty.
    """
    if not version_args:
        return None
    target = parse_version(wanted)
    if target is None:
        raise VersionProblem(f'has no usable wanted version ("{wanted}")')
    found = ask_version(binary, version_args)
    if not fits(found, target):
        raise VersionProblem(f"is version {show(found)}, wanted {show(target)}")
    return found
