"""One finding at its place, whatever found it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imsobs.problems import KeyPath, Position


class Level(StrEnum):
    """How grave a finding is; the gravest first."""

    error = "error"
    warning = "warning"
    note = "note"


@dataclass(frozen=True)
class Finding:
    """One thing to be shown at a line.

    title: its kind, such as the id of a check. path: the key path of the spec.
    """

    level: Level
    place: Position
    title: str
    message: str
    path: KeyPath = ()
