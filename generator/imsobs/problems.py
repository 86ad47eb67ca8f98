"""Problems of a spec: values that are gathered, never raised one at a time.

Stage: every stage that reads the spec (load, parse, check) returns problems; nothing is
rendered or written while there is one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

KeyPath = tuple[str | int, ...]


class Position(NamedTuple):
    """A place in a file: line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Part(NamedTuple):
    """A place inside a text of the spec: the text, and the characters (from 0) before it."""

    text: str
    offset: int


@dataclass(frozen=True)
class Problem:
    """One fault of the spec.

    path: keys from the root to the faulty value, e.g. ``("metrics", "shop_x", "unit")``.
    message: what is wrong and what is allowed, one sentence, no trailing full stop.
    check: stable id, ``<subject>/<rule>``; its page is ``docs/checks/<subject>.md``.
    position: set where the loader knows better than the key path (syntax errors).
    part: where in the value the fault is, of a value that is a text of several words.
    """

    path: KeyPath
    message: str
    check: str
    position: Position | None = None
    part: Part | None = None


# Problems of one kind in one section that are told one by one.
MOST_ALIKE = 50
# Names that one name is compared with letter by letter.
_MANY = 1000


def part(text: str, offset: int | None) -> Part | None:
    """Return the place in a text; None where the whole text is meant."""
    return None if offset is None else Part(text, offset)


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it: ``alerts.X.tests[0].at``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or "(whole file)"


def and_more(last: Problem, count: int) -> Problem:
    """Return the problem that stands for ``count`` more like the one that is told last."""
    section = last.path[0] if len(last.path) > 1 else "the file"
    message = f"and {count} more problems of this kind in {section}"
    return replace(last, message=message, part=None)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names as a text: ``a, b and 3 more``."""
    given = list(names)
    shown = ", ".join(given[:most])
    return f"{shown} and {len(given) - most} more" if len(given) > most else shown


@lru_cache(maxsize=1024)
def _closest(name: str, names: tuple[str, ...], most: int, cutoff: float) -> list[str]:
    """Return the nearest names; of many, those that begin or end as this one does."""
    if len(names) > _MANY:
        like = [other for other in names if other[:3] == name[:3] or other[-3:] == name[-3:]]
        names = tuple(like[:_MANY])
    return difflib.get_close_matches(name, names, n=most, cutoff=cutoff)


def near(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was surely meant, or None."""
    found = _closest(name, tuple(sorted(known)), 1, 0.75)
    return found[0] if found else None


def available(name: str, known: Iterable[str], limit: int = 12) -> str:
    """Return the remedy for an unknown name: what exists, or of much the nearest."""
    names = sorted(known)
    if not names:
        return "none is declared"
    near = _closest(name, tuple(names), 5, 0.6)
    sure = _closest(name, tuple(near), 1, 0.75)
    guess = f'did you mean "{sure[0]}"? ' if sure else ""
    if len(names) <= limit:
        return f"{guess}available: {', '.join(names)}"
    if near:
        return guess.rstrip() if near == sure else f"{guess}nearest: {', '.join(near)}"
    return f"available: {', '.join(names[:limit])}, ..."
