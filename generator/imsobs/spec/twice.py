"""What a list of the spec gives twice.

Lists of the spec are sets or orders of preference, in which the second of two equal items has
no effect, or one that nobody meant: two targets, two columns, a duplicate that a program refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.problems import KeyPath, Problem

# Lists of which a check of their own tells it, in words of their own.
_TOLD_ELSEWHERE = frozenset({"use", "buckets", "routes"})
# Values of an array that a drill sends, and statements that are run one after the other.
_SEQUENCES = frozenset({"attributes", "statements"})


def twice(data: Any, path: KeyPath = ()) -> Iterator[Problem]:
    """Yield a problem for each text or number that stands in its list before."""
    if isinstance(data, dict):
        for key, value in data.items():
            if not _is_left_out((*path, key), value):
                yield from twice(value, (*path, key))
    elif isinstance(data, list):
        seen: set[tuple[type, Any]] = set()
        for index, item in enumerate(data):
            if isinstance(item, str | int | float):
                kind = (type(item), item)
                if kind in seen:
                    message = f'"{item}" is given twice; give it once'
                    yield Problem((*path, index), message, "spec/twice")
                seen.add(kind)
            else:
                yield from twice(item, (*path, index))


def _is_left_out(path: KeyPath, value: Any) -> bool:
    is_of_label = len(path) == 3 and path[0] == "labels" and path[2] == "values"
    is_told = isinstance(value, list) and path[-1] in _TOLD_ELSEWHERE
    return is_of_label or is_told or path == ("buckets",) or path[-1] in _SEQUENCES
