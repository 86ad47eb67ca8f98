"""Looking into data whose shape nobody has checked yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

Entry = dict[Any, Any]


def mapping(value: Any) -> Entry:
    """Return a mapping as it is, and an empty one for everything else."""
    return value if isinstance(value, dict) else {}


def names(value: Any) -> list[str]:
    """Return a name, or a list of names, as a list of those that are texts."""
    listed = value if isinstance(value, list) else [value]
    return [name for name in listed if isinstance(name, str)]


def each(data: Entry, section: str, change: Callable[[str, Entry], Entry]) -> Entry:
    """Return the data with every entry of a section that is a mapping changed."""
    entries = data.get(section)
    if not isinstance(entries, dict):
        return data
    changed = {
        name: change(name, entry) if isinstance(name, str) and isinstance(entry, dict) else entry
        for name, entry in entries.items()
    }
    return {**data, section: changed}


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a value is a number; YAML's true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
