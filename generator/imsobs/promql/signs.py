"""Whether the value of an expression can be below 0."""

from __future__ import annotations

from collections.abc import Callable

from promql_parser import BinaryExpr, Call, Expr, NumberLiteral, UnaryExpr, VectorSelector

from imsobs import promql

_MOST_STEPS = 8
# What makes numbers below 0 of others.
_SIGNED = {
    "deriv", "delta", "idelta", "predict_linear", "double_exponential_smoothing", "ln", "log2",
    "log10", "sin", "cos", "tan", "sinh", "tanh", "asin", "atan", "clamp", "clamp_max",
}  # fmt: skip
# What keeps the values of the left side.
_CHOOSING = {"and", "unless", "==", "!=", ">", ">=", "<", "<="}


def never_negative(expr: str, recorded: dict[str, str], counted: Callable[[str], bool]) -> bool:
    """Return whether no value of an expression is below 0; False where that is not known.

    recorded: recorded series -> its expression. counted: whether a series, not recorded, is never
    below 0.
    """
    return _of_text(expr, recorded, counted, _MOST_STEPS)


def _of_text(
    expr: str, recorded: dict[str, str], counted: Callable[[str], bool], left: int
) -> bool:
    try:
        tree = promql.parse(expr)
    except ValueError:
        return False
    return left > 0 and _of(tree, recorded, counted, left)


def _of(node: Expr, recorded: dict[str, str], counted: Callable[[str], bool], left: int) -> bool:
    match node:
        case NumberLiteral():
            return bool(node.val >= 0)
        case UnaryExpr():
            return False
        case VectorSelector():
            name = promql.selector_name(node)
            if name in recorded:
                return _of_text(recorded[name], recorded, counted, left - 1)
            return counted(name)
        case BinaryExpr() if str(node.op) == "-":
            return False
        case BinaryExpr() if str(node.op) in _CHOOSING:
            return _of(node.lhs, recorded, counted, left)
        case Call() if node.func.name in _SIGNED:
            return False
    return all(_of(child, recorded, counted, left) for child in promql.children(node))
