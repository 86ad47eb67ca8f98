"""Thresholds from the alerts that watch the same thing.

An alert watches what a panel shows when both select the same metrics by the same fixed label
values and compute the same kind of number (a rate, a ratio, the same quantile). A recorded
rule stands for what it computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from promql_parser import BinaryExpr, Call, Expr

from imsobs import promql
from imsobs.model import conventions
from imsobs.model.dashboards.queries import Query
from imsobs.spec.schema.dashboards import Limits
from imsobs.spec.schema.root import Spec

Level = Literal["ok", "info", "warning", "critical"]
_RANK: tuple[Level, ...] = ("ok", "info", "warning", "critical")
# What an expression computes: metrics, fixed matchers, kind of number.
Signature = tuple[frozenset[str], frozenset[tuple[str, str, str]], str]
# A step begins at its value, an alert with ``> 0`` just above it.
JUST_ABOVE_ZERO = 1e-9


@dataclass(frozen=True)
class Step:
    """From ``value`` on (None: from the lowest) a number is of this level."""

    value: float | None
    level: Level


@dataclass(frozen=True)
class AlertLimit:
    """An alert's comparison: bad when a number is above (or below). order: place in the spec."""

    order: int
    alert: str
    severity: Level
    value: float
    below: bool


# The comparisons of the alerts by what their expressions compute.
AlertLimits = Mapping[Signature, list[AlertLimit]]


def alert_limits(spec: Spec, rules: Mapping[str, str]) -> AlertLimits:
    """Return the comparison of every alert that has one. rules: recorded name -> expression."""
    limits: dict[Signature, list[AlertLimit]] = {}
    for order, (name, alert) in enumerate(spec.alerts.items()):
        if alert.severity not in _RANK or alert.op not in (">", ">=", "<", "<="):
            continue
        below = alert.op.startswith("<")
        value = JUST_ABOVE_ZERO if alert.op == ">" and alert.threshold == 0 else alert.threshold
        limit = AlertLimit(order, name, alert.severity, value, below)
        for signature in signatures(alert.expr, rules):
            limits.setdefault(signature, []).append(limit)
    return limits


def signatures(
    expression: str, rules: Mapping[str, str], done: frozenset[str] = frozenset()
) -> set[Signature]:
    """Return what an expression computes; with a recorded rule alone, also what that does.

    done: rules that are written out already.
    """
    try:
        tree = promql.parse(expression)
    except ValueError:
        return set()
    found = {_signature(tree)}
    names = {promql.selector_name(selector) for selector in promql.selectors(tree)}
    if len(names) == 1 and (name := names.pop()) in rules and name not in done:
        done |= {name}
        found |= signatures(_expanded(rules[name], rules, done), rules, done)
    return found


def _expanded(
    expression: str, rules: Mapping[str, str], done: frozenset[str], depth: int = 5
) -> str:
    """Return an expression with the recorded rules in it written out."""
    try:
        names = promql.metric_names(expression)
    except ValueError:
        return expression
    for name in names:
        if depth and name in rules and name not in done:
            inner = _expanded(rules[name], rules, done, depth - 1)
            expression = expression.replace(name, f"({inner})")
    return expression


def _signature(tree: Expr) -> Signature:
    selectors = promql.selectors(tree)
    names = frozenset(
        promql.selector_name(selector).removesuffix("_bucket") for selector in selectors
    )
    fixed = frozenset(
        (matcher.name, str(matcher.op), str(matcher.value))
        for selector in selectors
        for matcher in selector.matchers.matchers
        if matcher.name not in ("__name__", "le", *conventions.SCRAPE_LABELS)
        and "$" not in str(matcher.value)
    )
    return names, fixed, _kind(tree)


def _kind(tree: Expr) -> str:
    nodes = list(promql.walk(tree))
    calls = [node for node in nodes if isinstance(node, Call)]
    quantiles = [call.args[0] for call in calls if call.func.name == "histogram_quantile"]
    if quantiles:
        return f"quantile {getattr(quantiles[0], 'val', '')}"
    divides = any(isinstance(node, BinaryExpr) and str(node.op) == "/" for node in nodes)
    names = {call.func.name for call in calls}
    base = next((name for name in ("rate", "increase", "deriv") if name in names), "value")
    return "ratio" if divides else base


def matching(queries: Iterable[Query], limits: AlertLimits) -> tuple[AlertLimit, ...]:
    """Return the alerts on what a panel shows; none when they disagree on the direction."""
    seen = {
        signature
        for query in queries
        if query.language == "promql"
        for signature in signatures(query.text, {})
    }
    shared = {limit for signature in seen for limit in limits.get(signature, ())}
    found = tuple(sorted(shared, key=lambda limit: limit.order))
    return found if len({limit.below for limit in found}) <= 1 else ()


def steps(given: Limits | None, alerts: tuple[AlertLimit, ...]) -> tuple[Step, ...]:
    """Return a panel's thresholds, rising; only ``ok`` when nothing sets one."""
    limits: list[tuple[float, Level]] = [(limit.value, limit.severity) for limit in alerts]
    below = alerts[0].below if alerts else False
    if given is not None:
        below = given.below
        pairs: tuple[tuple[float | None, Level], ...] = (
            (given.warning, "warning"),
            (given.critical, "critical"),
        )
        limits = [(value, level) for value, level in pairs if value is not None]
    worst: dict[float, Level] = {}
    for value, level in limits:
        worst[value] = max(worst.get(value, "ok"), level, key=_RANK.index)
    rising = sorted(worst.items())
    if not below:
        return (Step(None, "ok"), *(Step(value, level) for value, level in rising))
    # Below its value a number is bad, so each level begins at the next lower value.
    levels: list[Level] = [*(level for _, level in rising), "ok"]
    values = [None, *(value for value, _ in rising)]
    return tuple(Step(value, level) for value, level in zip(values, levels, strict=True))
