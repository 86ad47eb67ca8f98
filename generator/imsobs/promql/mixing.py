"""Where an expression mixes series that a label tells apart.

The output labels alone do not tell: a divisor, or a guard that is matched with the value, may
mix what the result keeps apart.
"""

from __future__ import annotations

from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, MatchOp, VectorSelector

from imsobs import promql
from imsobs.promql.labels import is_on, output_labels
from imsobs.promql.series import Series

# Functions whose result has no labels, or only those of its matchers.
_MERGING = {"scalar", "absent", "absent_over_time"}


def mixed(expr: str, label: str, series: dict[str, Series]) -> list[str]:
    """Return the metrics whose series an expression mixes over a label, sorted.

    A selector that fixes the label to one value mixes nothing.
    """
    try:
        tree = promql.parse(expr)
    except ValueError:
        return []
    found: set[str] = set()
    for node in promql.walk(tree):
        for part in _merged(node, label, series):
            found |= _carriers(part, label, series)
    return sorted(found)


def _merged(node: Expr, label: str, series: dict[str, Series]) -> list[Expr]:
    """Return the parts of a node whose series it merges although the label differs."""
    match node:
        case AggregateExpr():
            kept = output_labels(node, series)
            return [] if kept is None or label in kept else [node.expr]
        case Call():
            return node.args if node.func.name in _MERGING else []
        case BinaryExpr() if node.modifier is not None and node.modifier.matching is not None:
            matching = node.modifier.matching
            is_matched = is_on(matching) == (label in matching.labels)
            sides = [node.lhs, node.rhs]
            apart = all(_carriers(side, label, series) for side in sides)
            return sides if apart and not is_matched else []
    return []


def _carriers(node: Expr, label: str, series: dict[str, Series]) -> set[str]:
    """Return the metrics of a node whose series carry the label, with more than one value."""
    carried = output_labels(node, series)
    if carried is not None and label not in carried:
        return set()
    return {
        name
        for selector in promql.selectors(node)
        if (name := promql.selector_name(selector)) in series
        and label in series[name].labels
        and not _is_fixed(selector, label)
    }


def _is_fixed(selector: VectorSelector, label: str) -> bool:
    return any(
        matcher.name == label and matcher.op == MatchOp.Equal and matcher.value
        for matcher in selector.matchers.matchers
    )
