"""Patterns of keys, written so that Go looks at a key once instead of once per pattern.

Go's regexp tries the alternatives of an expression one after the other; of an expression that is
too long for that it follows all of them at once, which is slower still, and every key of every
record is asked. Where at each character there is at most one way to go on, it looks at the key in
one pass. So the texts that patterns stand for are written out and become a tree of their
beginnings; patterns of texts without end are kept apart, in expressions that are short enough.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Go executes an expression in one pass if it has fewer than 1000 instructions, and goes back in one
# of up to 500; a character is one. The margins are for what else Go makes of an expression.
_ONE_PASS, _GOES_BACK = 900, 350
# Written out, a pattern has no more texts than this.
_MOST_TEXTS = 300
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")
# Behind the beginning of a key.
_WHATEVER = r"(?s:.*)$"
Node = dict[str, "Node"]


@dataclass(frozen=True)
class Text:
    """A text that a pattern stands for. ends: nothing may follow."""

    text: str
    ends: bool = False

    def then(self, other: Text) -> Iterator[Text]:
        """Yield this text with another one behind it, if there can be one."""
        if not self.ends or not other.text:
            yield Text(self.text + other.text, self.ends or other.ends)


class _WithoutEnd(Exception):
    """The pattern stands for texts without end, or is none of those that are understood here."""


class _Reader:
    """Reads alternatives, groups, ``?`` and ``$``; of everything else there is no list of texts."""

    def __init__(self, pattern: str) -> None:
        self._rest = list(reversed(pattern))

    def texts(self) -> list[Text]:
        found = self._alternatives()
        if self._rest:
            raise _WithoutEnd
        return found

    def _at(self, character: str) -> bool:
        if self._rest and self._rest[-1] == character:
            self._rest.pop()
            return True
        return False

    def _alternatives(self) -> list[Text]:
        found = self._sequence()
        while self._at("|"):
            found += self._sequence()
        return found

    def _sequence(self) -> list[Text]:
        found = [Text("")]
        while self._rest and self._rest[-1] not in "|)":
            part = self._part()
            if self._at("?"):
                part = [Text(""), *part]
            found = [longer for text in found for other in part for longer in text.then(other)]
            if len(found) > _MOST_TEXTS:
                raise _WithoutEnd
        return found

    def _part(self) -> list[Text]:
        if self._at("("):
            if self._at("?") and not self._at(":"):
                raise _WithoutEnd
            found = self._alternatives()
            if not self._at(")"):
                raise _WithoutEnd
            return found
        if self._at("$"):
            return [Text("", ends=True)]
        character = self._rest.pop()
        if character == "\\" and self._rest and not self._rest[-1].isalnum():
            return [Text(self._rest.pop())]
        if character in _SPECIAL:
            raise _WithoutEnd
        return [Text(character)]


def written_out(pattern: str) -> list[Text]:
    """Return the texts that keys begin with which a pattern finds; none if it is of another kind.

    Only patterns that look at the beginning of a key have such texts.
    """
    if not _is_anchored(pattern):
        return []
    try:
        return _Reader(pattern[1:]).texts()
    except _WithoutEnd:
        return []


def _tree(texts: Iterable[Text]) -> Node:
    """Return the tree of the texts' characters: ``$`` is an end, the empty key a beginning."""
    root: Node = {}
    for text in texts:
        node = root
        for character in text.text:
            node = node.setdefault(f".{character}", {})
        node["$" if text.ends else ""] = {}
    return root


def _size(node: Node) -> int:
    """Return how many instructions a tree becomes: one for each character, end and choice."""
    if "" in node:
        return 3
    below = sum(0 if key == "$" else _size(way) for key, way in node.items())
    return 2 * len(node) - 1 + below


def _expression(node: Node) -> str:
    if "" in node:
        return _WHATEVER
    ways = ["$"] if "$" in node else []
    ways += [
        (f"\\{key[1]}" if key[1] in _SPECIAL else key[1]) + _expression(below)
        for key, below in sorted(node.items())
        if key != "$"
    ]
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _packed(sizes: Iterable[tuple[str, int]], most: int) -> list[list[str]]:
    """Return the names in groups, in their order, of a total size of at most ``most`` each."""
    groups: list[list[str]] = []
    room = 0
    for name, size in sizes:
        if not groups or size > room:
            groups.append([])
            room = most
        groups[-1].append(name)
        room -= size
    return groups


@functools.cache
def expressions(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the expressions that together find the keys which one of the patterns finds."""
    texts = {pattern: written_out(pattern) for pattern in patterns}
    tree = _tree(text for found in texts.values() for text in found)
    if "" in tree or "$" in tree:
        # One of the patterns is of the empty text, and finds every key or the empty one.
        return (any_key(list(patterns)),)
    groups = _packed(((key, 2 + _size(tree[key])) for key in sorted(tree)), _ONE_PASS)
    found = ["^" + _expression({key: tree[key] for key in group}) for group in groups]
    others = [pattern for pattern, written in texts.items() if not written]
    rest = _packed(((pattern, len(pattern)) for pattern in sorted(others)), _GOES_BACK)
    return (*found, *map(any_key, rest))


def any_key(patterns: list[str]) -> str:
    """Return one pattern for several of keys.

    Those that begin with ``^`` share it: Go then looks at the beginning of a key alone.
    """
    anchored = [p[1:] for p in patterns if _is_anchored(p)]
    others = [f"(?:{p})" for p in patterns if not _is_anchored(p)]
    parts = [f"^(?:{'|'.join(f'(?:{p})' for p in anchored)})"] if anchored else []
    return "|".join([*parts, *others])


def _is_anchored(pattern: str) -> bool:
    """Return whether all that a pattern finds is at the beginning of a text."""
    if not pattern.startswith("^"):
        return False
    # Without what is escaped, classes, and groups from the inside: a | that is left is of the
    # whole pattern, and the ^ of its first alternative alone.
    plain = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", pattern)
    while (inner := re.sub(r"\([^()]*\)", "", plain)) != plain:
        plain = inner
    return "|" not in plain
