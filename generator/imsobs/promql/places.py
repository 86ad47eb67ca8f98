"""Where in the text of an expression each node of its syntax tree stands.

promql-parser keeps no places, so the text is read once more, word by word. Nodes of a kind
come in the tree in the order in which their words come in the text.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, MatrixSelector, VectorSelector

from imsobs import promql
from imsobs.promql.modifiers import plain
from imsobs.promql.words import AGGREGATIONS, GROUPS, MATCHES, WORD_OPERATORS, Word, words

# Words that stand behind a value, or between an operator and its right side.
_SILENT = {"offset", "bool", "anchored", "smoothed", "start", "end"}
_NUMBERS = {"inf", "nan"}
_OPENING = {*WORD_OPERATORS, "bool", "offset"}


@dataclass
class Place:
    """Where a node stands: its word, and the labels and texts that belong to it.

    at, labels and values are characters from the start of the expression; labels: of a
    grouping, of on() or of matchers; values: the text inside the quotes of a matcher.
    """

    at: int
    labels: dict[str, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)


@functools.cache
def placed(expression: str) -> tuple[tuple[Expr, Place | None], ...]:
    """Return every node with its place, depth first as ``promql.walk``; ValueError as ``parse``.

    The place is that of the metric's name, of the function or aggregation, or of the
    operator; None for nodes without a word of their own.
    """
    tree = promql.parse(expression)
    queues = _Scanner(expression).queues
    found: list[tuple[Expr, Place | None]] = []

    def take(kind: str) -> Place | None:
        queue = queues[kind]
        return queue.pop(0) if queue else None

    def visit(node: Expr) -> None:
        index = len(found)
        found.append((node, None))
        if isinstance(node, BinaryExpr):
            visit(node.lhs)
            found[index] = (node, take(str(node.op)))
            visit(node.rhs)
            return
        if isinstance(node, AggregateExpr):
            found[index] = (node, take(str(node.op)))
        elif isinstance(node, Call):
            found[index] = (node, take(node.func.name))
        elif isinstance(node, VectorSelector):
            found[index] = (node, take(""))
        for child in promql.children(node):
            visit(child)

    visit(tree)
    return tuple(found)


def place_of_word(expression: str, wanted: str) -> int | None:
    """Return where a word stands for the first time, outside of texts; None when it does not."""
    return next((word.at for word in words(expression) if word.text == wanted), None)


def range_at(expression: str, length: float) -> int | None:
    """Return where the first range of so many seconds is opened; None when there is none."""
    for word in words(expression):
        if word.kind == "range":
            text = plain(promql.substitute_grafana(f"x{word.text}")).text
            tree = promql_parser.parse(text)
            if isinstance(tree, MatrixSelector) and tree.range.total_seconds() == length:
                return word.at
    return None


class _Scanner:
    """Sorts the words of an expression by what they are, each kind in the order of the text."""

    def __init__(self, expression: str) -> None:
        self.words = words(expression)
        self.index = 0
        # Function or operator -> its places; those of selectors under the empty name.
        self.queues: dict[str, list[Place]] = defaultdict(list)
        self._opened: list[Place | None] = []
        # What a list of labels behind this word would belong to.
        self._aggregation: Place | None = None
        self._operator: Place | None = None
        # Whether a value ends here, so that a sign behind it is an operator.
        self._is_value = False
        for word in self._each():
            self._read(word)

    def _each(self) -> Iterator[Word]:
        while self.index < len(self.words):
            self.index += 1
            yield self.words[self.index - 1]

    def _next(self) -> str:
        return self.words[self.index].text if self.index < len(self.words) else ""

    def _read(self, word: Word) -> None:
        text = word.text.lower()
        if word.text == "(":
            self._opened.append(self._aggregation)
        elif word.text == ")":
            self._aggregation = self._opened.pop() if self._opened else None
            self._is_value = True
            return
        elif word.text == "{":
            self._matchers(self._place("", word))
        elif word.kind == "operator" or text in WORD_OPERATORS:
            if self._is_value:
                self._operator = self._place(text, word)
        elif text in GROUPS | MATCHES and word.kind == "name":
            self._labels(self._aggregation if text in GROUPS else self._operator)
            self._is_value = text in GROUPS
            return
        elif word.kind == "name" and (self._next() == "(" or text in AGGREGATIONS):
            if text not in ("start", "end"):
                self._aggregation = self._place(text, word)
                return
        elif word.kind == "name" and text not in _SILENT | _NUMBERS:
            place = self._place("", word)
            if self._next() == "{":
                self.index += 1
                self._matchers(place)
        self._aggregation = None
        self._is_value = word.kind not in ("operator", "sign") and text not in _OPENING
        self._is_value |= word.text == "{"

    def _place(self, kind: str, word: Word) -> Place:
        self.queues[kind].append(Place(word.at))
        return self.queues[kind][-1]

    def _labels(self, owner: Place | None) -> None:
        if self._next() != "(":
            return
        self.index += 1
        for word in self._each():
            if word.text == ")":
                return
            if word.kind == "name" and owner is not None:
                owner.labels.setdefault(word.text, word.at)

    def _matchers(self, owner: Place) -> None:
        for word in self._each():
            if word.text == "}":
                return
            if word.kind == "name":
                owner.labels.setdefault(word.text, word.at)
            elif word.kind == "string":
                owner.values.setdefault(word.text[1:-1], word.at + 1)
