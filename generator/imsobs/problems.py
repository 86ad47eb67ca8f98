"""Problems of a spec: values that are gathered, never raised one at a time.

Stage: every stage that reads the spec (load, parse, check) returns problems; nothing is
rendered or written while there is one.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
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
# Problems that one module of checks is asked for: nobody repairs more at once, and each costs time.
MOST_LOOKED_FOR = 250
# How much of two names is the same when one of them is surely a slip for the other, 0 to 1.
ALIKE = 0.75
# Names that one name is compared with letter by letter; each takes some 10 us.
_MANY = 100


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


def and_more(last: Problem, count: int, least: str = "") -> Problem:
    """Return the problem that stands for ``count`` more like the one that is told last.

    least: "at least " where not all were looked for.
    """
    section = last.path[0] if len(last.path) > 1 else "the file"
    message = f"and {least}{count} more problems of this kind in {section}"
    return replace(last, message=message)


def bounded(problems: list[Problem]) -> Iterator[Problem]:
    """Yield the problems, of very many of a kind the first ones and how many more there are."""
    count = Counter((problem.path[:1], problem.check) for problem in problems)
    least = "at least " if len(problems) >= MOST_LOOKED_FOR else ""
    told: Counter[tuple[KeyPath, str]] = Counter()
    for problem in problems:
        kind = (problem.path[:1], problem.check)
        told[kind] += 1
        if told[kind] <= MOST_ALIKE:
            yield problem
        elif told[kind] == MOST_ALIKE + 1:
            yield and_more(problem, count[kind] - MOST_ALIKE, least)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names as a text: ``a, b and 3 more``."""
    given = list(names)
    shown = ", ".join(given[:most])
    return f"{shown} and {len(given) - most} more" if len(given) > most else shown


@lru_cache(maxsize=1024)
def _closest(name: str, names: tuple[str, ...], most: int, cutoff: float) -> list[str]:
    """Return the nearest names, the nearest first."""
    like = names if len(names) <= _MANY else _sharing(name, names)
    return difflib.get_close_matches(name, like, n=most, cutoff=cutoff)


def _sharing(name: str, names: tuple[str, ...]) -> list[str]:
    """Return the names that have most of the letters in common, three in a row at a time."""
    index = _by_letters(names)
    holders = sorted((index[run] for run in _letters(name) if run in index), key=len)
    shared: Counter[str] = Counter()
    for position, holding in enumerate(holders):
        # What most names have, as a prefix, tells none from another.
        if position < 3 or len(holding) <= _MANY:
            shared.update(holding)
    return [other for other, _ in shared.most_common(_MANY)]


@lru_cache(maxsize=16)
def _by_letters(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Return each run of three letters, and the names that have it."""
    index: dict[str, list[str]] = defaultdict(list)
    for name in names:
        for run in _letters(name):
            index[run].append(name)
    return dict(index)


def _letters(name: str) -> set[str]:
    text = f"^{name[:200]}$"
    return {text[at : at + 3] for at in range(len(text) - 2)}


def near(name: str, known: Iterable[str], alike: float = ALIKE) -> str | None:
    """Return the known name that was surely meant, or None.

    alike: how much of both must be the same, 0 to 1.
    """
    found = nearest(name, known, 1, alike)
    return found[0] if found else None


def nearest(name: str, known: Iterable[str], most: int, alike: float) -> list[str]:
    """Return at most so many known names that are near, the nearest first."""
    return _closest(name, tuple(sorted(known)), most, alike)


def available(name: str, known: Iterable[str], limit: int = 12) -> str:
    """Return the remedy for an unknown name: what exists, or of much the nearest."""
    names = sorted(known)
    if not names:
        return "none is declared"
    near = _closest(name, tuple(names), 5, 0.6)
    sure = _closest(name, tuple(near), 1, ALIKE)
    guess = f'did you mean "{sure[0]}"? ' if sure else ""
    if len(names) <= limit:
        return f"{guess}available: {', '.join(names)}"
    if near:
        return guess.rstrip() if near == sure else f"{guess}nearest: {', '.join(near)}"
    return f"available: {', '.join(names[:limit])}, ..."
