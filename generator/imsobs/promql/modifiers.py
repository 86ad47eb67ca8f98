"""Range modifiers of Prometheus that promql-parser does not know: ``anchored``, ``smoothed``.

An anchored range begins with the newest sample at or before its left end, so that increase()
is the difference of two samples and whole where whole things are counted; without it increase()
extrapolates to both ends of the range (Prometheus 3.16, docs/adr/0017-anchored-counts.md).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

# What brackets inside mean nothing: texts and comments.
_OPAQUE = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|\#[^\n]*'
# A range, but not a subquery, which has a colon.
_RANGE = r"\[[^\[\]:]*\]"
_SHIFT = r"\s*(?:offset\s+-?\w+|@\s*(?:\w+\s*\(\s*\)|[-+\w.]+))"
MODIFIERS = ("anchored", "smoothed")
_MODIFIER = rf"(?P<space>\s*)(?P<word>{'|'.join(MODIFIERS)})\b"
_SCANNED = re.compile(
    rf"{_OPAQUE}|(?P<range>{_RANGE}(?:{_SHIFT})*)(?:{_MODIFIER})?", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Plain:
    """An expression that promql-parser can read, and what was taken out of it.

    text: as long as the original, a modifier is blank, so that positions hold. modifiers: of
    every range selector from left to right, empty for a plain one.
    """

    text: str
    modifiers: tuple[str, ...]


@functools.cache
def plain(expression: str) -> Plain:
    """Return the expression without its range modifiers."""
    modifiers: list[str] = []

    def blank(match: re.Match[str]) -> str:
        if match["range"] is None:
            return match[0]
        word = match["word"] or ""
        modifiers.append(word.lower())
        return match["range"] + (match["space"] or "") + " " * len(word)

    text = _SCANNED.sub(blank, expression)
    return Plain(text, tuple(modifiers))
