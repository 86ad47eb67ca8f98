"""Where an expression mixes series that a label distinguishes.

The output labels alone do not show it: a divisor, or a guard that is matched with the value, may
mix what the result keeps apart.
"""

from __future__ import annotations

from collections.abc import Callable

from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, Matcher, MatchOp, VectorSelector

from imsobs import expressions, promql
from imsobs.promql.labels import is_on, output_labels
from imsobs.promql.matchers import is_one_of
from imsobs.promql.series import Series

# Whether the series that a selector finds differ in the label.
Differs = Callable[[VectorSelector, Series], bool]
# Functions whose result has no labels, or only those of its matchers.
_MERGING = {"scalar", "absent", "absent_over_time"}


def mixed(expr: str, label: str, series: dict[str, Series]) -> list[str]:
    """Return the metrics whose series an expression mixes over a label, sorted.

    A selector that fixes the label to one value mixes nothing.
    """

    def differs(selector: VectorSelector, entry: Series) -> bool:
        return label in entry.labels and not any(
            matcher.name == label and matcher.op == MatchOp.Equal and matcher.value
            for matcher in selector.matchers.matchers
        )

    return _mixed(expr, label, series, differs)


def mixed_with_apart(expr: str, series: dict[str, Series]) -> list[tuple[str, str]]:
    """Return (metric, label) where an expression mixes values set apart with the others."""

    def differs(selector: VectorSelector, entry: Series) -> bool:
        if label not in entry.apart:
            return False
        matchers = [m for m in selector.matchers.matchers if m.name == label]
        values = entry.labels[label]
        # Of an open set, or chosen in the browser, nothing can be said.
        if matchers and (values is None or any("$" in m.value for m in matchers)):
            return False
        if values is None:
            return True
        if any(_is_pattern(m) and expressions.fault(m.value) for m in matchers):
            return False  # reported as what it is
        found = [value for value in values if all(_finds(m, value) for m in matchers)]
        apart = [value for value in found if is_one_of(value, entry.apart[label])]
        return 0 < len(apart) < len(found)

    found = []
    for label in sorted({label for entry in series.values() for label in entry.apart}):
        found += [(metric, label) for metric in _mixed(expr, label, series, differs)]
    return found


def _mixed(expr: str, label: str, series: dict[str, Series], differs: Differs) -> list[str]:
    try:
        tree = promql.parse(expr)
    except ValueError:
        return []
    found: set[str] = set()
    for node in promql.walk(tree):
        for part in _merged(node, label, series, differs):
            found |= _carriers(part, label, series, differs)
    return sorted(found)


def _merged(node: Expr, label: str, series: dict[str, Series], differs: Differs) -> list[Expr]:
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
            apart = all(_carriers(side, label, series, differs) for side in sides)
            return sides if apart and not is_matched else []
    return []


def _carriers(node: Expr, label: str, series: dict[str, Series], differs: Differs) -> set[str]:
    """Return the metrics of a node whose series still carry the label, and differ in it."""
    carried = output_labels(node, series)
    if carried is not None and label not in carried:
        return set()
    return {
        name
        for selector in promql.selectors(node)
        if (name := promql.selector_name(selector)) in series and differs(selector, series[name])
    }


def _is_pattern(matcher: Matcher) -> bool:
    return matcher.op in (MatchOp.Re, MatchOp.NotRe)


def _finds(matcher: Matcher, value: str) -> bool:
    """Return whether a matcher finds a value."""
    if not _is_pattern(matcher):
        return bool((matcher.value == value) == (matcher.op == MatchOp.Equal))
    is_match = expressions.matches(matcher.value, value)
    return bool(is_match == (matcher.op == MatchOp.Re))
