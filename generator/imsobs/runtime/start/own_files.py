"""The files of a project that are its author's: new ones, and lines at the end of two others."""

from __future__ import annotations

import os
from pathlib import Path

from imsobs.runtime.start.begun import IGNORED, README
from imsobs.write import Change


def changes(root: Path, files: dict[str, str]) -> tuple[list[Change], list[str]]:
    """Return the files that are new, and the paths of those that are there and stay.

    .gitignore and the README get lines at their end.
    """
    found, kept = [], []
    for path, text in files.items():
        if os.path.lexists(root / path):
            kept.append(path)
        else:
            found.append(Change(path, None, text.encode()))
    ignored = _text(root / ".gitignore")
    if ignored is not None:
        lacking = [line for line in IGNORED if line not in ignored.splitlines()]
        found += _added(".gitignore", ignored, "".join(f"{line}\n" for line in lacking))
    readme = _text(root / "README.md")
    if readme is not None and "imsobs" not in readme:
        found += _added("README.md", readme, README if readme else README.lstrip())
    return found, kept


def _text(file: Path) -> str | None:
    """Return the text of a file, empty without one; None of what is no text or leads elsewhere."""
    if not os.path.lexists(file):
        return ""
    if file.is_symlink() or not file.is_file():
        return None
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _added(path: str, before: str, more: str) -> list[Change]:
    if not more:
        return []
    joined = before + ("" if not before or before.endswith("\n") else "\n") + more
    return [Change(path, before.encode() if before else None, joined.encode())]
