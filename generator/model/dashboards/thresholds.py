"""Thresholds from the alerts that watch the same thing.

An alert watches what a panel shows when both select the same metrics by the same fixed label
values and compute the same kind of number (a rate, a ratio, the same quantile).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from generator import promql
from generator.model.dashboards.queries import Query
from generator.spec.schema.dashboards import Limits
from generator.spec.schema.root import Spec

Level = Literal["ok", "info", "warning", "critical"]
_RANK: tuple[Level, ...] = ("ok", "info", "warning", "critical")
Signature = tuple[frozenset[str], frozenset[tuple[str, str, str]], str]


@dataclass(frozen=True)
class Step:
    """From ``value`` on (None: from the lowest) a number is of this level."""

    value: float | None
    level: Level


@dataclass(frozen=True)
class AlertLimit:
    """An alert's comparison: bad when the signature's number is above (or below) the value."""

    alert: str
    severity: Level
    value: float
    below: bool
    signature: Signature


def alert_limits(spec: Spec) -> list[AlertLimit]:
    """Return the comparison of every alert that has one."""
    limits = []
    for name, alert in getattr(spec, "alerts", {}).items():
        expression, operator = getattr(alert, "expr", None), getattr(alert, "op", None)
        threshold, severity = getattr(alert, "threshold", None), getattr(alert, "severity", None)
        if not isinstance(expression, str) or not isinstance(threshold, int | float):
            continue
        signature = signature_of(expression)
        if signature is not None and operator in (">", ">=", "<", "<=") and severity in _RANK:
            below = operator.startswith("<")
            limits.append(AlertLimit(name, severity, float(threshold), below, signature))
    return limits


def signature_of(expression: str) -> Signature | None:
    """Return what an expression computes, or None when it does not parse."""
    try:
        tree = promql.parse(expression)
    except ValueError:
        return None
    selectors = promql.selectors(tree)
    names = frozenset(_metric(promql.selector_name(selector)) for selector in selectors)
    fixed = frozenset(
        (m.name, str(m.op), str(m.value))
        for selector in selectors
        for m in selector.matchers.matchers
        if m.name not in ("__name__", "le") and "$" not in str(m.value)
    )
    return names, fixed, _kind(tree)


def _kind(tree: Any) -> str:
    nodes = list(promql.walk(tree))
    calls = [node for node in nodes if type(node).__name__ == "Call"]
    quantiles = [call.args[0] for call in calls if call.func.name == "histogram_quantile"]
    if quantiles:
        return f"quantile {getattr(quantiles[0], 'val', '')}"
    divides = any(type(node).__name__ == "BinaryExpr" and str(node.op) == "/" for node in nodes)
    names = {call.func.name for call in calls}
    base = next((name for name in ("rate", "increase", "deriv") if name in names), "value")
    return f"ratio of {base}" if divides else base


def _metric(series: str) -> str:
    return series.removesuffix("_bucket")


def matching(queries: Iterable[Query], limits: list[AlertLimit]) -> tuple[AlertLimit, ...]:
    """Return the alerts on what a panel shows; none when they disagree on the direction."""
    seen = {signature_of(query.text) for query in queries if query.language == "promql"}
    found = tuple(limit for limit in limits if limit.signature in seen)
    return found if len({limit.below for limit in found}) <= 1 else ()


def steps(given: Limits | None, alerts: tuple[AlertLimit, ...]) -> tuple[Step, ...]:
    """Return a panel's thresholds, rising; only ``ok`` when nothing sets one."""
    limits: list[tuple[float, Level]] = [(limit.value, limit.severity) for limit in alerts]
    below = alerts[0].below if alerts else False
    if given is not None:
        below = given.below
        levels: tuple[tuple[float | None, Level], ...] = (
            (given.warning, "warning"),
            (given.critical, "critical"),
        )
        limits = [(value, level) for value, level in levels if value is not None]
    worst = {
        value: max((lv for v, lv in limits if v == value), key=_RANK.index) for value, _ in limits
    }
    rising = sorted(worst.items())
    if not below:
        return (Step(None, "ok"), *(Step(value, level) for value, level in rising))
    # Below its value a number is bad, so each level begins at the next lower value.
    levels_up = [level for _, level in rising] + ["ok"]
    values = [None, *(value for value, _ in rising)]
    return tuple(Step(v, level) for v, level in zip(values, levels_up, strict=True))
