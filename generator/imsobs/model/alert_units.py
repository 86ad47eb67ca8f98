"""The unit of an alert's value, where its expression determines it."""

from __future__ import annotations

from typing import Literal

from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, NumberLiteral, VectorSelector

from imsobs import promql
from imsobs.model.dashboards.units import base_metric
from imsobs.model.metrics import ResolvedMetric

AlertUnit = Literal["ratio", "seconds", "usd", "per_second", "count", "bool"]
# Unit of a metric -> that of an alert.
_UNITS: dict[str, AlertUnit] = {"s": "seconds", "USD": "usd", "ratio": "ratio"}
# Of a name that no metric has, by its last word.
_WORDS: dict[str, AlertUnit] = {"seconds": "seconds", "usd": "usd", "ratio": "ratio"}
_SELECTING = {"sum", "min", "max", "avg", "topk", "bottomk", "quantile"}
_RATES = {"rate", "irate", "deriv"}


def unit_of(expr: str, metrics: dict[str, ResolvedMetric]) -> AlertUnit:
    """Return the unit of an expression's value; ``count`` when nothing determines it."""
    try:
        return _of(promql.parse(expr), metrics)
    except ValueError:
        return "count"


def _of(node: Expr, metrics: dict[str, ResolvedMetric]) -> AlertUnit:
    node = promql.without_parentheses(node)
    match node:
        case VectorSelector():
            return _of_series(promql.selector_name(node), metrics)
        case AggregateExpr() if str(node.op) in _SELECTING:
            return _of(node.expr, metrics)
        case BinaryExpr() if str(node.op) == "/":
            return "count" if isinstance(node.rhs, NumberLiteral) else "ratio"
        case BinaryExpr() if str(node.op) in ("+", "-", "or", "and", "unless"):
            return _of(node.lhs, metrics)
        case Call() if node.func.name == "histogram_quantile":
            return _of(node.args[1], metrics)
        case Call() if node.args:
            return _of_call(node, metrics)
    return "count"


def _of_call(node: Call, metrics: dict[str, ResolvedMetric]) -> AlertUnit:
    names = [promql.selector_name(selector) for selector in promql.selectors(node)]
    unit = _of_series(names[0], metrics) if len(names) == 1 else "count"
    if node.func.name not in _RATES or names[0].endswith("_bucket"):
        return unit
    # Seconds per second, such as CPU time, are a share of one.
    return {"count": "per_second", "seconds": "ratio"}.get(unit, unit)  # type: ignore[return-value]


def _of_series(name: str, metrics: dict[str, ResolvedMetric]) -> AlertUnit:
    metric = base_metric(name, metrics)
    if metric is not None:
        if metric.kind.probed and metric.sources == ("status",):
            return "bool"
        if metric.name.endswith("_ratio"):
            return "ratio"
        return _UNITS.get(metric.unit, "count")
    _, _, recorded = name.partition(":")
    measure, _, operations = recorded.rpartition(":")
    if operations.startswith("ratio"):
        return "ratio"
    unit = _WORDS.get(measure.rpartition("_")[2], "count")
    return "per_second" if unit == "count" and "rate" in operations else unit
