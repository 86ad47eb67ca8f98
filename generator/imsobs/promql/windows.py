"""How far back an expression looks, through the recorded series that it reads."""

from __future__ import annotations

import math

from promql_parser import BinaryExpr, Call, Expr, MatrixSelector, SubqueryExpr, VectorSelector

from imsobs import promql

_MOST_STEPS = 8
# What they give is zero again when what changed is older than their range.
_CHANGES = {"increase", "rate", "irate", "delta", "idelta", "changes", "resets"}
# What stands to their right chooses among the values of the left.
_CHOOSING = {"and", "unless", "==", "!=", ">", ">=", "<", "<="}


def longest_window(expr: str, recorded: dict[str, str]) -> int:
    """Return the seconds of the longest look back, 0 for an instant expression.

    recorded: recorded series -> its expression.
    """
    return _window(expr, recorded, _MOST_STEPS)


def _window(expr: str, rules: dict[str, str], left: int) -> int:
    try:
        tree = promql.parse(expr)
    except ValueError:
        return 0
    return _of(tree, rules, left) if left else 0


def _range(node: Expr) -> int:
    if isinstance(node, (MatrixSelector, SubqueryExpr)) and node.range is not None:
        return math.ceil(node.range.total_seconds())
    return 0


def _of(node: Expr, rules: dict[str, str], left: int) -> int:
    if isinstance(node, VectorSelector):
        name = promql.selector_name(node)
        return _window(rules[name], rules, left - 1) if name in rules else 0
    return _range(node) + max(
        (_of(child, rules, left) for child in promql.children(node)), default=0
    )


def ranges(node: Expr) -> list[float]:
    """Return the seconds of every range that is selected directly from series."""
    return [
        float(inner.range.total_seconds())
        for inner in promql.walk(node)
        if isinstance(inner, MatrixSelector)
    ]


def ranges_of(expr: str) -> list[int]:
    """Return the seconds of every range of an expression, subqueries included; none if faulty.

    What begins earlier by an offset counts as so much longer.
    """
    try:
        nodes = list(promql.walk(promql.parse(expr)))
    except ValueError:
        return []
    return [length for node in nodes if (length := _range(node) + _offset(node))]


def _offset(node: Expr) -> int:
    selector = node.vector_selector if isinstance(node, MatrixSelector) else node
    if isinstance(selector, VectorSelector | SubqueryExpr) and selector.offset is not None:
        return max(0, math.ceil(selector.offset.total_seconds()))
    return 0


def change_window(expr: str, recorded: dict[str, str]) -> int | None:
    """Return for how many seconds a change that ends at once is seen in the value.

    That is the shortest range over which changes of a series are taken; None when there is none.
    recorded: recorded series -> its expression.
    """
    return _changes(expr, recorded, _MOST_STEPS)


def _changes(expr: str, rules: dict[str, str], left: int) -> int | None:
    try:
        tree = promql.parse(expr)
    except ValueError:
        return None
    return _changed(tree, rules, left) if left else None


def _changed(node: Expr, rules: dict[str, str], left: int) -> int | None:
    match node:
        case VectorSelector():
            name = promql.selector_name(node)
            return _changes(rules[name], rules, left - 1) if name in rules else None
        case Call() if node.func.name in _CHANGES:
            return max(_range(argument) for argument in node.args)
        case SubqueryExpr():
            inner = _changed(node.expr, rules, left)
            return None if inner is None else inner + _range(node)
        case BinaryExpr() if str(node.op) in _CHOOSING:
            return _changed(node.lhs, rules, left)
    found = [_changed(child, rules, left) for child in promql.children(node)]
    return min((seconds for seconds in found if seconds is not None), default=None)
