"""The record: what each process of the running stack was started with, and has taken since."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from imsobs import private
from imsobs.runtime.paths import Layout


@dataclass(frozen=True)
class Entry:
    """What one process runs with. Digests are hexadecimal SHA-256.

    version: of its binary. path: where the binary was. identity: size and modification time of
    the binary then, so that it need not be read again. parts: "binary", "arguments" and
    "env NAME" -> digest. files: file or folder that it read -> digest.
    """

    version: str = ""
    path: str = ""
    identity: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def read_record(layout: Layout) -> dict[str, Entry]:
    """Return process -> what it runs with; empty when nothing was started, or not by this."""
    try:
        data = json.loads(layout.record.read_text(encoding="utf-8"))
        return {name: Entry(**entry) for name, entry in data.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def note(layout: Layout, name: str, entry: Entry | None) -> None:
    """Record what a process runs with now; None while that is not known."""
    record = read_record(layout)
    record.pop(name, None)
    if entry is not None:
        record[name] = entry
    plain = {known: vars(one) for known, one in record.items()}
    private.write(layout.record, json.dumps(plain, indent=2, sort_keys=True) + "\n")


def recorded_binary(entry: Entry) -> Path | None:
    """Return the binary that a process was started from, None when it is gone."""
    path = Path(entry.path)
    return path if entry.path and path.is_file() else None
