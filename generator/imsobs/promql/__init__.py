"""PromQL as a syntax tree, with Grafana's variables filled in.

Parsing is promql-parser's; Prometheus itself (promtool) validates what is rendered.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from imsobs.promql.modifiers import plain

# Grafana's variables stand for text that is known only in the browser.
GRAFANA_DURATIONS = {
    "$__rate_interval": "5m",
    "$__interval": "1m",
    "$__range": "1h",
}


def substitute_grafana(expression: str) -> str:
    """Return the expression with Grafana's duration variables replaced by real durations."""
    for variable, duration in GRAFANA_DURATIONS.items():
        expression = expression.replace(variable, duration)
        expression = expression.replace("${" + variable[1:] + "}", duration)
    return expression


MAX_DEPTH = 50
MAX_OPERATORS = 200
# Texts and comments first: what is in them is neither a bracket nor an operator.
_NESTS = re.compile(
    r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\#[^\n]*|[()\[\]{}]|[-+*/%^<>]|[=!]=|"""
    r"""\b(?:and|or|unless|atan2)\b""",
    re.IGNORECASE,
)


# Checks, references and outputs ask about the same expressions, each in its turn.
@functools.cache
def parse(expression: str) -> Expr:
    """Return the syntax tree of an expression; ValueError says what is wrong.

    The tree does not hold range modifiers (``anchored``): ``range_uses`` does.
    """
    if deepest := bounded(expression):
        raise ValueError(deepest)
    return promql_parser.parse(substitute_grafana(plain(expression).text))


def bounded(expression: str) -> str:
    """Return why an expression is too large to be parsed, empty when it is not.

    The parser and those who walk its tree recurse, and the parser ends the process with its stack.
    """
    depth = operators = 0
    for found in _NESTS.findall(expression):
        if found in "([{":
            depth += 1
        elif found in ")]}":
            depth -= 1
        elif found[0] not in "\"'`#":
            operators += 1
        if depth > MAX_DEPTH:
            return f"brackets nest deeper than {MAX_DEPTH}"
        if operators > MAX_OPERATORS:
            return f"more than {MAX_OPERATORS} operators; record parts of it by rules"
    return ""


def children(node: Expr) -> list[Expr]:
    """Return the expressions directly inside a node, in the order of the text."""
    match node:
        case BinaryExpr():
            return [node.lhs, node.rhs]
        case AggregateExpr():
            return [node.expr] if node.param is None else [node.param, node.expr]
        case Call():
            return node.args
        case MatrixSelector():
            return [node.vector_selector]
        case SubqueryExpr() | ParenExpr() | UnaryExpr():
            return [node.expr]
    return []


def walk(node: Expr) -> Iterator[Expr]:
    """Yield a node and everything inside it, depth first.

    Unlike ``promql_parser.walk`` this also enters the parameter of an aggregation.
    """
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(children(node))


@dataclass(frozen=True)
class RangeUse:
    """A range selector: the function that reads it (empty: none), and its modifier or none."""

    function: str
    modifier: str
    selector: MatrixSelector


def range_uses(expression: str) -> list[RangeUse]:
    """Return every range selector of an expression, from left to right."""
    modifiers = plain(expression).modifiers
    found = _range_uses(parse(expression), "")
    return [
        RangeUse(function, modifier, selector)
        for (function, selector), modifier in zip(found, modifiers, strict=True)
    ]


def _range_uses(node: Expr, function: str) -> Iterator[tuple[str, MatrixSelector]]:
    if isinstance(node, MatrixSelector):
        yield function, node
        return
    inner = node.func.name if isinstance(node, Call) else function
    for child in children(node):
        yield from _range_uses(child, inner)


def selectors(node: Expr) -> list[VectorSelector]:
    """Return every vector selector of a tree."""
    return [inner for inner in walk(node) if isinstance(inner, VectorSelector)]


def without_parentheses(node: Expr) -> Expr:
    """Return the expression inside any parentheses around it."""
    while isinstance(node, ParenExpr):
        node = node.expr
    return node


def metric_names(expression: str) -> list[str]:
    """Return the series names that an expression selects, sorted, each once."""
    return list(_metric_names(expression))


@functools.cache
def _metric_names(expression: str) -> tuple[str, ...]:
    return tuple(sorted({selector_name(s) for s in selectors(parse(expression))} - {""}))


def selector_name(selector: VectorSelector) -> str:
    """Return the series name of a vector selector, empty when it has none."""
    if selector.name:
        return selector.name
    named = [m.value for m in selector.matchers.matchers if m.name == "__name__"]
    return named[0] if named else ""
