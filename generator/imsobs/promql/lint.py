"""Habits of PromQL that give wrong numbers though every name is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from imsobs import promql
from imsobs.promql.labels import Finding
from imsobs.promql.places import place_of_word, placed, range_at
from imsobs.promql.series import Series
from imsobs.promql.windows import ranges

_RATES = {"rate", "irate", "increase"}
# Functions that Prometheus computes from an anchored range; any other fails when it is evaluated.
_ANCHORABLE = ("increase", "rate", "delta", "changes", "resets")
_COMPARISONS = {"==", "!=", ">", ">=", "<", "<="}
SCRAPES_PER_RANGE = 4


def lint(
    expr: str, series: dict[str, Series], recorded: dict[str, str], scrape: int
) -> Iterator[Finding]:
    """Yield rule/* findings of an expression that parses.

    recorded: record name -> its expression; scrape: seconds between two samples.
    """
    try:
        nodes = placed(expr)
    except ValueError:
        return
    tree = nodes[0][0]
    least = SCRAPES_PER_RANGE * scrape
    for length in dict.fromkeys(ranges(tree)):
        if length < least:
            message = (
                f"range of {length:g} s holds fewer than {SCRAPES_PER_RANGE} scrapes; use at"
                f" least {least} s"
            )
            yield Finding(message, "rule/short-range", range_at(expr, length))
    yield from as_shown(expr)
    for node, place in nodes:
        for finding in _of_node(node, series, recorded):
            yield replace(finding, at=place.at if place else None)


def _of_node(node: Expr, series: dict[str, Series], recorded: dict[str, str]) -> Iterator[Finding]:
    match node:
        case Call() if node.func.name in _RATES:
            yield from _rate(node, series, recorded)
        case Call() if node.func.name == "avg_over_time":
            yield from _mean(node.args[0], recorded, "avg_over_time")
        case AggregateExpr() if str(node.op) == "avg":
            yield from _mean(node.expr, recorded, "avg")
            yield from _raw(node, series)
        case AggregateExpr() if str(node.op) == "sum":
            yield from _raw(node, series)
        case BinaryExpr() if str(node.op) == "/":
            yield from _division(node)


def as_shown(expr: str) -> Iterator[Finding]:
    """Yield rule/* findings of numbers that read wrong, wherever they are read.

    Counts that are not whole, and zeros for what did not happen.
    """
    try:
        nodes, uses = placed(expr), promql.range_uses(expr)
    except ValueError:
        return
    for node, place in nodes:
        if isinstance(node, BinaryExpr) and str(node.op) == "or":
            for finding in _idle_zero(node):
                yield replace(finding, at=place.at if place else None)
    for function, modifier in dict.fromkeys((use.function, use.modifier) for use in uses):
        if function == "increase" and not modifier:
            message = (
                "increase extrapolates to the ends of its range, so that 8 things show as 8.5;"
                " write increase(...[RANGE] anchored)"
            )
            at = place_of_word(expr, function)
            yield Finding(message, "rule/extrapolated-count", at)
        elif modifier and function not in _ANCHORABLE:
            message = (
                f"{function or 'a selector'} cannot be {modifier}, and Prometheus says so only when"
                f" it evaluates; {modifier} goes with {', '.join(_ANCHORABLE)}"
            )
            at = place_of_word(expr, function or modifier)
            yield Finding(message, "rule/anchored-function", at)


def _rate(node: Call, series: dict[str, Series], recorded: dict[str, str]) -> Iterator[Finding]:
    name = node.func.name
    inner = node.args[0]
    if any(isinstance(n, AggregateExpr) for n in promql.walk(inner)):
        message = (
            f"{name} of an aggregate misses counter resets; write sum({name}(...)), not"
            f" {name}(sum(...))"
        )
        yield Finding(message, "rule/rate-after-aggregation")
        return
    for selector in promql.selectors(inner):
        metric = promql.selector_name(selector)
        if metric in recorded:
            message = (
                f'"{metric}" is recorded, so its counter resets are lost; take {name} of the'
                " raw counter"
            )
            yield Finding(message, "rule/rate-after-aggregation")
        elif metric in series and series[metric].type == "gauge" and not series[metric].unsure:
            message = f'{name} is for counters; "{metric}" is a gauge: use deriv or delta'
            yield Finding(message, "rule/rate-of-gauge")


def _raw(node: AggregateExpr, series: dict[str, Series]) -> Iterator[Finding]:
    """A sum of counters falls with each process that ends, and says nothing of now."""
    inner = promql.without_parentheses(node.expr)
    name = promql.selector_name(inner) if isinstance(inner, VectorSelector) else ""
    if name in series and series[name].type != "gauge" and not series[name].unsure:
        message = f'"{name}" counts since each process began; take rate({name}[5m]) of it first'
        yield Finding(message, "rule/raw-counter")


def _mean(inner: Expr, recorded: dict[str, str], function: str) -> Iterator[Finding]:
    """A mean of shares weighs an hour with two events like one with two million."""
    if _is_ratio(inner, recorded):
        message = f"{function} of a ratio weighs all parts alike; divide the sums instead"
        yield Finding(message, "rule/mean-of-ratios")


def _is_ratio(node: Expr | None, recorded: dict[str, str]) -> bool:
    match node:
        case ParenExpr() | SubqueryExpr():
            return _is_ratio(node.expr, recorded)
        case MatrixSelector():
            return _is_ratio(node.vector_selector, recorded)
        case VectorSelector():
            name = promql.selector_name(node)
            recorded_ratio = name in recorded and _is_ratio(_tree(recorded[name]), {})
            return "ratio" in name or recorded_ratio
        case BinaryExpr():
            return str(node.op) == "/" and not _is_number(node.rhs)
    return False


def _tree(expr: str) -> Expr | None:
    try:
        return promql.parse(expr)
    except ValueError:
        return None


def _division(node: BinaryExpr) -> Iterator[Finding]:
    divisor = promql.without_parentheses(node.rhs)
    if _is_number(divisor):
        return
    guarded = isinstance(divisor, BinaryExpr) and str(divisor.op) in _COMPARISONS
    if not guarded:
        message = "the divisor may be 0, and the result then is no number; write / (... > 0)"
        yield Finding(message, "rule/division-by-zero")


def _idle_zero(node: BinaryExpr) -> Iterator[Finding]:
    """``or ... * 0`` brings back what a division left out on purpose."""
    if _is_division(node.lhs) and _is_zero(node.rhs):
        message = (
            "a 0 after the division stands for every idle series as well; put it inside the"
            " dividend, (PART or WHOLE * 0) / (WHOLE > 0), or let ratio write it"
        )
        yield Finding(message, "rule/idle-zero")


def _is_division(node: Expr) -> bool:
    """Return whether the values are those of a division, as they are or as alternatives."""
    inner = promql.without_parentheses(node)
    if not isinstance(inner, BinaryExpr):
        return False
    if str(inner.op) == "or":
        return _is_division(inner.lhs) or _is_division(inner.rhs)
    return str(inner.op) == "/" and not _is_number(inner.rhs)


def _is_zero(node: Expr) -> bool:
    """Return whether every value is 0: vector(0), or a product with 0 of what is not filtered."""
    match promql.without_parentheses(node):
        case Call() as call if call.func.name == "vector":
            return all(isinstance(arg, NumberLiteral) and arg.val == 0 for arg in call.args)
        case BinaryExpr() as product if str(product.op) == "*":
            sides = [promql.without_parentheses(side) for side in (product.lhs, product.rhs)]
            filtered = any(isinstance(s, BinaryExpr) and str(s.op) in _COMPARISONS for s in sides)
            return not filtered and any(isinstance(s, NumberLiteral) and s.val == 0 for s in sides)
    return False


def _is_number(node: Expr) -> bool:
    match node:
        case BinaryExpr():
            return _is_number(node.lhs) and _is_number(node.rhs)
        case ParenExpr() | UnaryExpr():
            return _is_number(node.expr)
    return isinstance(node, NumberLiteral)
