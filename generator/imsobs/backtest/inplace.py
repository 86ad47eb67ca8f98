"""Recorded series that history lacks, evaluated in place: the rule's expression where it was read.

A record is known at multiples of its group's interval and holds until the next one, or vanishes
there. A subquery says the same of an expression: ``last_over_time((EXPR)[2m:2m])`` is its value at
the newest multiple of two minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from promql_parser import Matcher, MatchOp, SubqueryExpr, VectorSelector

from imsobs import promql
from imsobs.model.rules import Record
from imsobs.promql.matchers import quoted, regex_escaped
from imsobs.promql.modifiers import MODIFIERS
from imsobs.promql.places import placed
from imsobs.promql.words import Word, words
from imsobs.spec.schema.base import seconds

# A label that no series has, for the time of a selection.
_MARK = "imsobs_chosen"


class UnknownInPlaceError(Exception):
    """A recorded series is read in a way that its expression cannot be."""


def in_place(expression: str, missing: Mapping[str, Record], step: int) -> str:
    """Return an expression that reads none of the missing records.

    step: seconds between two evaluations. Raises UnknownInPlaceError.
    """
    return _replaced(expression, missing, step, frozenset())


@dataclass(frozen=True)
class _Use:
    """Where a record is read: the text from start to end, and its parts."""

    start: int
    end: int
    range: str
    shift: str


def _replaced(
    expression: str, missing: Mapping[str, Record], step: int, inside: frozenset[str]
) -> str:
    if not set(promql.metric_names(expression)) & missing.keys():
        return expression
    found, end = "", 0
    steps = [step, *_subquery_steps(expression)]
    for selector, use in _uses(expression):
        name = promql.selector_name(selector)
        if name not in missing or name in inside:
            continue
        record = missing[name]
        interval = seconds(record.interval)
        inner = f"({_replaced(record.expr, missing, interval, inside | {name})})"
        for matcher in selector.matchers.matchers:
            if matcher.name != "__name__":
                inner = _chosen(inner, matcher)
        if use.range:
            inner = f"{inner}[{use.range}:{interval}s]{use.shift}"
        elif use.shift or any(one % interval for one in steps):
            inner = f"last_over_time({inner}[{interval}s:{interval}s]{use.shift})"
        found += expression[end : use.start] + inner
        end = use.end
    return found + expression[end:]


def _subquery_steps(expression: str) -> Iterator[int]:
    for node in promql.walk(promql.parse(expression)):
        if isinstance(node, SubqueryExpr):
            # Without a step of its own it is Prometheus' evaluation interval: any.
            yield int(node.step.total_seconds()) if node.step else 1


def _uses(expression: str) -> Iterator[tuple[VectorSelector, _Use]]:
    """Yield every selector with its place, as the text goes."""
    text = words(expression)
    at = {word.at: index for index, word in enumerate(text)}
    for node, place in placed(expression):
        if isinstance(node, VectorSelector) and place is not None:
            yield node, _use(text, at[place.at])


def _use(text: list[Word], index: int) -> _Use:
    start = text[index].at
    if text[index].kind == "name":
        index += 1
    if index < len(text) and text[index].text == "{":
        while text[index].text != "}":
            index += 1
        index += 1
    # A range with a colon is a subquery of the selector, and stays around what replaces it.
    window = ""
    if index < len(text) and text[index].kind == "range" and ":" not in text[index].text:
        window = text[index].text[1:-1].strip()
        index += 1
        if index < len(text) and text[index].text.lower() in MODIFIERS:
            raise UnknownInPlaceError(f"a range of a record is {text[index].text}")
    shift = ""
    while index < len(text) and text[index].text.lower() in ("offset", "@"):
        part, index = _shift(text, index)
        shift += f" {part}"
    return _Use(start, text[index - 1].at + len(text[index - 1].text), window, shift)


def _shift(text: list[Word], index: int) -> tuple[str, int]:
    """Return ``offset 1w``, ``offset -1w``, ``@ 12`` or ``@ end()``, and the word behind it."""
    first = index
    index += 1
    while text[index].text in ("-", "+"):
        index += 1
    index += 1
    if index < len(text) and text[index - 1].kind == "name" and text[index].text == "(":
        index += 2
    return " ".join(word.text for word in text[first:index]), index


def _chosen(inner: str, matcher: Matcher) -> str:
    """Return what of an expression has a label as a matcher wants it.

    Those are marked by a label, chosen by it, and the label is taken away again.
    """
    exact = matcher.op in (MatchOp.Equal, MatchOp.NotEqual)
    pattern = regex_escaped(matcher.value) if exact else matcher.value
    wanted = matcher.op in (MatchOp.Equal, MatchOp.Re)
    label = quoted(matcher.name)
    marked = f'label_replace({inner}, "{_MARK}", "1", {label}, {quoted(pattern)})'
    mark = f'label_replace(vector(1), "{_MARK}", "1", "", "")'
    side = f"{marked} {'and' if wanted else 'unless'} on ({_MARK}) {mark}"
    return f'label_replace({side}, "{_MARK}", "", "", "")'
