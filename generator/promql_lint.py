"""Habits of PromQL that give wrong numbers though every name is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator import promql
from generator.model.metrics import Series
from generator.model.windows import ranges
from generator.promql import Finding

_RATES = {"rate", "irate", "increase"}
_COMPARISONS = {"==", "!=", ">", ">=", "<", "<="}
SCRAPES_PER_RANGE = 4


def lint(
    expr: str, series: dict[str, Series], recorded: dict[str, str], scrape: int
) -> Iterator[Finding]:
    """Yield rule/* findings of an expression that parses.

    recorded: record name -> its expression; scrape: seconds between two samples.
    """
    try:
        tree = promql.parse(expr)
    except ValueError:
        return
    least = SCRAPES_PER_RANGE * scrape
    for length in dict.fromkeys(ranges(tree)):
        if length < least:
            message = (
                f"range of {length} s holds fewer than {SCRAPES_PER_RANGE} scrapes; use at"
                f" least {least} s"
            )
            yield Finding(message, "rule/short-range")
    for node in promql.walk(tree):
        kind = type(node).__name__
        if kind == "Call" and node.func.name in _RATES:
            yield from _rate(node, series, recorded)
        elif kind == "Call" and node.func.name == "avg_over_time":
            yield from _mean(node.args[0], recorded, "avg_over_time")
        elif kind == "AggregateExpr" and str(node.op) == "avg":
            yield from _mean(node.expr, recorded, "avg")
        elif kind == "BinaryExpr" and str(node.op) == "/":
            yield from _division(node)


def _rate(node: Any, series: dict[str, Series], recorded: dict[str, str]) -> Iterator[Finding]:
    name = node.func.name
    inner = node.args[0]
    if any(type(n).__name__ == "AggregateExpr" for n in promql.walk(inner)):
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
        elif metric in series and series[metric].type == "gauge":
            message = f'{name} is for counters; "{metric}" is a gauge: use deriv or delta'
            yield Finding(message, "rule/rate-of-gauge")


def _mean(inner: Any, recorded: dict[str, str], function: str) -> Iterator[Finding]:
    """A mean of shares weighs an hour with two events like one with two million."""
    if _is_ratio(inner, recorded):
        message = f"{function} of a ratio weighs all parts alike; divide the sums instead"
        yield Finding(message, "rule/mean-of-ratios")


def _is_ratio(node: Any, recorded: dict[str, str]) -> bool:
    kind = type(node).__name__
    if kind in ("ParenExpr", "SubqueryExpr"):
        return _is_ratio(node.expr, recorded)
    if kind == "MatrixSelector":
        return _is_ratio(node.vector_selector, recorded)
    if kind == "VectorSelector":
        name = promql.selector_name(node)
        return "ratio" in name or (name in recorded and _is_ratio(_tree(recorded[name]), {}))
    return kind == "BinaryExpr" and str(node.op) == "/" and not _is_number(node.rhs)


def _tree(expr: str) -> Any:
    try:
        return promql.parse(expr)
    except ValueError:
        return None


def _division(node: Any) -> Iterator[Finding]:
    divisor = node.rhs
    while type(divisor).__name__ == "ParenExpr":
        divisor = divisor.expr
    if _is_number(divisor):
        return
    guarded = type(divisor).__name__ == "BinaryExpr" and str(divisor.op) in _COMPARISONS
    if not guarded:
        message = "the divisor may be 0, and the result then is no number; write / (... > 0)"
        yield Finding(message, "rule/division-by-zero")


def _is_number(node: Any) -> bool:
    kind = type(node).__name__
    if kind == "BinaryExpr":
        return _is_number(node.lhs) and _is_number(node.rhs)
    if kind in ("ParenExpr", "UnaryExpr"):
        return _is_number(node.expr)
    return kind == "NumberLiteral"
