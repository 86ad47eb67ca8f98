"""What is wrong with a text that is no PromQL: cause, place and remedy.

The parser names functions and arguments well; of an operator too many or too few it says only
that the query is invalid.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from imsobs.problems import near
from imsobs.promql.functions import FUNCTIONS
from imsobs.promql.words import AGGREGATIONS, GROUPS, MATCHES, WORD_OPERATORS, Word, words

Fault = tuple[str, int | None]
_CLOSES = {")": "(", "}": "{"}
# What other languages write.
_FOREIGN = {"&": "write and", "|": "write or", "!": "write != to compare, or unless"}
_ARGUMENTS = re.compile(r"in call to function '(\w+)'|in call to '(\w+)'")
_UNNAMED = re.compile(r"'([A-Za-z_]\w*)'")
_NO_DURATION = re.compile(r"\[\s*(?:\d+[smhdwy]|\d+ms|[:\s]|\$\{?\w+\}?)*\s*\]")


def explain(error: Exception, expression: str) -> Fault:
    """Return what is wrong with an expression that does not parse, and where (from 0) if known."""
    found = words(expression)
    for cause in _CAUSES:
        if fault := cause(found, expression):
            return fault
    message = str(error).splitlines()[0] if str(error) else "invalid query"
    called = _ARGUMENTS.search(message)
    if called and "expected type matrix" in message and "got vector" in message:
        message = f"{called[1]} takes a range of a metric, as {called[1]}(METRIC[5m])"
    elif "in aggregation expression, got matrix" in message:
        message = "an aggregation takes no range; take a rate of it first, as sum(rate(METRIC[5m]))"
    elif "ranges only allowed for vector selectors" in message:
        message = "only a metric has a range; write rate(METRIC[5m]) inside, or record this first"
    at = None
    if called:
        at = _first(found, called[1] or called[2])
    elif quoted := _UNNAMED.search(message):
        at = _first(found, quoted[1])
    return message, at


def _first(found: list[Word], text: str) -> int | None:
    return next((word.at for word in found if word.text == text), None)


def _quotes(found: list[Word], _: str) -> Fault | None:
    for word in found:
        if word.kind == "sign" and word.text in "\"'`":
            return "this quote is not closed", word.at
    return None


def _brackets(found: list[Word], _: str) -> Fault | None:
    opened: list[Word] = []
    for word in found:
        if word.text in ("(", "{", "["):
            opened.append(word)
        elif word.text in (")", "}", "]"):
            if word.text == "]" or not opened or opened[-1].text != _CLOSES[word.text]:
                return _unmatched(opened, word)
            opened.pop()
    return (f"this {opened[-1].text} is not closed", opened[-1].at) if opened else None


def _unmatched(opened: list[Word], word: Word) -> Fault:
    if opened:
        return f"this {opened[-1].text} is not closed before {word.text}", opened[-1].at
    return f"this {word.text} closes nothing", word.at


def _signs(found: list[Word], _: str) -> Fault | None:
    depth, last = 0, Word("", "", 0)
    for word in found:
        depth += (word.text == "{") - (word.text == "}")
        if word.kind == "sign" and word.text in _FOREIGN:
            return f'"{word.text}" is no operator of PromQL; {_FOREIGN[word.text]}', word.at
        if word.text == "=" and not depth:
            return '"=" stands in {} only; write == to compare', word.at
        if depth and word.text == "==":
            return '"==" compares values; a label is matched by =', word.at
        unquoted = word.kind == "name" and last.kind == "operator"
        if depth and (word.kind == "number" or unquoted):
            return f'a label is matched by a text: "{word.text}", in quotes', word.at
        if depth and last.kind == "string" and word.kind == "name":
            return f'a comma is missing before "{word.text}"', word.at
        if word.kind == "range" and not _NO_DURATION.fullmatch(word.text):
            return f"{word.text} is no range; write whole numbers with a unit, as [5m]", word.at
        last = word
    return None


def _functions(found: list[Word], _: str) -> Fault | None:
    for word, then in itertools.pairwise(found):
        name = word.text.lower()
        callable_ = {*FUNCTIONS, *AGGREGATIONS, *GROUPS, *MATCHES, *WORD_OPERATORS, "start", "end"}
        if word.kind == "name" and then.text == "(" and name not in {*callable_, "bool", "offset"}:
            guess = near(word.text, {*FUNCTIONS, *AGGREGATIONS})
            remedy = f'; did you mean "{guess}"?' if guess else ""
            return f'there is no function "{word.text}"{remedy}', word.at
    return None


def _order(found: list[Word], expression: str) -> Fault | None:
    """Values and operators take turns."""
    is_value, before, index, depth = False, "", 0, 0
    while index < len(found):
        word = found[index]
        text = word.text.lower()
        index += 1
        depth += (word.text == "(") - (word.text == ")")
        if text in GROUPS | MATCHES:
            if fault := _list(found, index, before):
                return fault
            index = _behind(found, index)
            # The list of an aggregation may stand on either side of its value.
            before = "" if is_value or text in MATCHES else before
            continue
        if before in AGGREGATIONS and word.text != "(":
            return f"{before} takes its value in brackets, as {before}(...)", word.at
        if word.text == "{":
            index = _behind(found, index - 1)
            is_value = True
        elif word.text in ("(", ","):
            if word.text == "," and not depth:
                return "a comma stands between the arguments of a function only", word.at
            is_value = False
        elif word.text == ")" or word.kind == "range":
            is_value = True
        elif word.kind == "operator" or text in WORD_OPERATORS:
            if not is_value and text not in ("-", "+"):
                return f'no value stands before "{word.text}"', word.at
            is_value = False
        elif text in ("offset", "@"):
            index += 2 if index < len(found) and found[index].text == "-" else 1
        elif text not in ("anchored", "smoothed", "bool"):
            if is_value:
                return f'no operator stands before "{word.text}"', word.at
            is_value = text not in AGGREGATIONS and not _is_called(found, index)
        before = text
    if not is_value and before:
        return f'no value stands behind "{before}"', found[-1].at
    return None


def _list(found: list[Word], index: int, before: str) -> Fault | None:
    """Return what is wrong with the list of labels behind ``by``, ``on`` and their like."""
    word = found[index - 1]
    text = word.text.lower()
    if not _is_called(found, index) and text not in ("group_left", "group_right"):
        return f"{text} takes labels in brackets, as {text} (LABEL)", word.at
    if text in GROUPS and before not in {*AGGREGATIONS, ")"}:
        return f"{text} belongs to an aggregation, as sum {text} (LABEL) (...)", word.at
    return None


def _is_called(found: list[Word], index: int) -> bool:
    return index < len(found) and found[index].text == "("


def _behind(found: list[Word], index: int) -> int:
    """Return the index behind the bracket that closes the one at ``index``, if one stands there."""
    closing = {"(": ")", "{": "}"}.get(found[index].text if index < len(found) else "")
    if closing is None:
        return index
    while index < len(found) and found[index].text != closing:
        index += 1
    return index + 1


_CAUSES: tuple[Callable[[list[Word], str], Fault | None], ...] = (
    _quotes,
    _brackets,
    _signs,
    _order,
    _functions,
)
