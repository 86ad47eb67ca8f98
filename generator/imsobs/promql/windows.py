"""How far back an expression looks, through the recorded series that it reads."""

from __future__ import annotations

from promql_parser import Expr, MatrixSelector, SubqueryExpr, VectorSelector

from imsobs import promql

_MOST_STEPS = 8


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


def _of(node: Expr, rules: dict[str, str], left: int) -> int:
    own = 0
    match node:
        case VectorSelector():
            name = promql.selector_name(node)
            return _window(rules[name], rules, left - 1) if name in rules else 0
        case MatrixSelector() | SubqueryExpr() if node.range is not None:
            own = int(node.range.total_seconds())
    return own + max((_of(child, rules, left) for child in promql.children(node)), default=0)


def ranges(node: Expr) -> list[int]:
    """Return the seconds of every range that is selected directly from series."""
    return [
        int(inner.range.total_seconds())
        for inner in promql.walk(node)
        if isinstance(inner, MatrixSelector)
    ]
