"""Where in the source of a YAML scalar a place of its text stands.

A scalar may be folded over lines, indented, quoted and escaped. What is the same in the source
and in the text, and in the same order, are the characters that are no white space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from imsobs.problems import Position

_ESCAPED = re.compile(
    r"\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<one>.))",
    re.DOTALL,
)
# Escapes that stand for white space, or (a line's end) for nothing.
_BLANKS = "\n\r ntrfvNLP_\t"


class Source(NamedTuple):
    """A scalar: its text, and where it is written in the text of a file."""

    text: str
    file_text: str
    start: int
    end: int
    style: str | None


def position(source: Source, offset: int, file: str) -> Position | None:
    """Return the place of the character ``offset`` of a scalar's text; None when it has none."""
    before = sum(not character.isspace() for character in source.text[:offset])
    at = next(islice(_written(source), before, None), None)
    if at is None:
        return None
    line = source.file_text.count("\n", 0, at) + 1
    return Position(file, line, at - source.file_text.rfind("\n", 0, at))


def _written(source: Source) -> Iterator[int]:
    """Yield where each character of the text that is no white space is written."""
    text, at, end = source.file_text, source.start, source.end
    if source.style in ("|", ">"):
        # The first line has the indicators, and may have a comment.
        at = text.find("\n", at) + 1
    elif source.style:
        at, end = at + 1, end - 1
    while at < end:
        step = 1
        if source.style == '"' and text[at] == "\\":
            match = _ESCAPED.match(text, at)
            step = len(match.group()) if match else 1
            if match and not _is_blank(match):
                yield at
        elif source.style == "'" and text.startswith("''", at):
            step = 2
            yield at
        elif not text[at].isspace():
            yield at
        at += step


def _is_blank(match: re.Match[str]) -> bool:
    if match["one"]:
        return match["one"] in _BLANKS
    return chr(int(match["x"] or match["u"] or match["U"], 16)).isspace()
