"""What the value of an alert measures, when it is one series: as it is, or what it counts."""

from __future__ import annotations

from dataclasses import dataclass

from promql_parser import AggregateExpr, Call, Expr, MatchOp, MatrixSelector, VectorSelector

from imsobs import expressions, promql
from imsobs.model import conventions
from imsobs.model.metrics import ResolvedMetric
from imsobs.promql.series import Series

_AGGREGATIONS = {"sum", "min", "max", "avg"}
_COUNTS = {"rate", "increase"}
# A value of a label whose values the spec does not know.
_EXAMPLE = "example"


@dataclass(frozen=True)
class Measured:
    """One series: ``rate`` or ``increase`` of a counter over ``window`` seconds, or ``""``.

    anchored: whether the window is counted from its first sample on. labels: of an example that
    the selector selects; those that identify a service only where it names them.
    """

    series: Series
    function: str
    window: int
    anchored: bool
    labels: dict[str, str]


def measured(
    expr: str, series: dict[str, Series], metrics: dict[str, ResolvedMetric]
) -> Measured | None:
    """Return what an expression measures; None where it is made of more than one series.

    Aggregations around it change nothing: a test and a drill send one series.
    """
    try:
        node = _inside(promql.parse(expr))
        uses = promql.range_uses(expr)
    except ValueError:
        return None
    function, window = "", 0
    if isinstance(node, Call) and node.func.name in _COUNTS and len(uses) == 1:
        function, node = node.func.name, node.args[0]
        if isinstance(node, MatrixSelector):
            window, node = int(node.range.total_seconds()), node.vector_selector
    if not isinstance(node, VectorSelector) or node.offset is not None or node.at is not None:
        return None
    found = series.get(promql.selector_name(node))
    if found is None or found.type != ("counter" if function else "gauge"):
        return None
    metric = metrics.get(found.metric)
    # What a scrape adds matters only to what is known by it.
    extra = () if metric is not None and not metric.kind.named_here else conventions.SCRAPE_LABELS
    labels = _example(node, found, metric.when if metric else {}, extra)
    anchored = bool(uses) and uses[0].modifier == "anchored"
    return None if labels is None else Measured(found, function, window, anchored, labels)


def _inside(node: Expr) -> Expr:
    node = promql.without_parentheses(node)
    while isinstance(node, AggregateExpr) and str(node.op) in _AGGREGATIONS:
        node = promql.without_parentheses(node.expr)
    return node


def _example(
    selector: VectorSelector,
    series: Series,
    when: dict[str, tuple[str, ...]],
    extra: tuple[str, ...],
) -> dict[str, str] | None:
    """Return a value for each label that the selector selects, None when none is known.

    when: label -> the only values that the metric counts. extra: labels that are left out unless
    the selector names them. Labels with the same values get different ones, as from_x and to_x.
    """
    matchers = [m for m in selector.matchers.matchers if m.name != "__name__"]
    if selector.matchers.or_matchers or {m.name for m in matchers} - series.labels.keys():
        return None
    chosen: dict[str, str] = {}
    for label, allowed in series.labels.items():
        own = [(m.op, m.value) for m in matchers if m.name == label]
        if label in (*conventions.IDENTITY_LABELS, *extra) and not own:
            continue
        listed = [value for op, value in own if op == MatchOp.Equal]
        listed += [part for op, value in own if op == MatchOp.Re for part in value.split("|")]
        known = when.get(label) or allowed
        fitting = [v for v in (known or [*listed, _EXAMPLE]) if _fits(v, own)]
        if not fitting:
            return None
        unused = [value for value in fitting if value not in chosen.values()]
        chosen[label] = (unused or fitting)[0]
    return chosen


def _fits(value: str, matchers: list[tuple[MatchOp, str]]) -> bool:
    for op, text in matchers:
        is_equal = op in (MatchOp.Equal, MatchOp.NotEqual)
        selected = value == text if is_equal else expressions.matches(text, value)
        if selected != (op in (MatchOp.Equal, MatchOp.Re)):
            return False
    return True
