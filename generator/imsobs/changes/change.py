"""One change, and how far it reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from imsobs.problems import KeyPath

T = TypeVar("T")


class Rank(IntEnum):
    """How far a change reaches; the gravest first.

    breaking: something that others rely on is gone, means something else, or protects less.
    behaviour: what is measured, shown or notified differs. cosmetic: texts and places alone.
    """

    breaking = 0
    behaviour = 1
    cosmetic = 2


@dataclass(frozen=True)
class Change:
    """One change of the spec.

    path: its key path, of the revision before where ``removed``. text: what changed, one
    clause. uses: what refers to a removed or changed entry, e.g. ``alert HighErrorRate``.
    """

    rank: Rank
    path: KeyPath
    text: str
    removed: bool = False
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pairing:
    """Entries of two revisions, by name. renamed: old name -> new name, of equal definitions."""

    removed: tuple[str, ...]
    added: tuple[str, ...]
    both: tuple[str, ...]
    renamed: dict[str, str]


def paired(before: dict[str, T], after: dict[str, T], definition: Callable[[T], object]) -> Pairing:
    """Return which entries of two revisions belong together.

    definition: function from an entry to what it is apart from its name; an entry that is gone
    and one that is new are the same, renamed, when only these two have that definition.
    """
    gone = {name: definition(before[name]) for name in before if name not in after}
    new = {name: definition(after[name]) for name in after if name not in before}
    renamed = {}
    for name, meant in gone.items():
        same = [other for other, means in new.items() if means == meant]
        twins = [other for other, means in gone.items() if means == meant]
        if len(same) == len(twins) == 1:
            renamed[name] = same[0]
    return Pairing(
        removed=tuple(name for name in gone if name not in renamed),
        added=tuple(name for name in new if name not in renamed.values()),
        both=tuple(name for name in after if name in before),
        renamed=renamed,
    )
