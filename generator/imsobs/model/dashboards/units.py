"""Units of panels, from the metric's unit and the query: a rate of seconds is a ratio."""

from __future__ import annotations

from imsobs.model.metrics import ResolvedMetric
from imsobs.spec.schema.dashboards import Panel, UnitName

# Purposes whose numbers are counts over a range.
_COUNTS = {"increase", "share", "top"}
_PLAIN: dict[str, UnitName] = {"s": "s", "By": "By", "USD": "USD", "ratio": "ratio"}


def unit_of(panel: Panel, purpose: str, metrics: dict[str, ResolvedMetric]) -> UnitName:
    """Return the unit of a panel's values; ``count`` when nothing determines it."""
    if panel.unit is not None:
        return panel.unit
    if purpose == "ratio":
        return "ratio"
    name = getattr(panel, purpose)
    metric = base_metric(name, metrics) if isinstance(name, str) else None
    if metric is None:
        return "count"
    plain = _plain(metric)
    if plain == "count" and purpose in _COUNTS:
        return "whole"
    return _rate(metric, plain, panel.per) if purpose == "rate" else plain


def _plain(metric: ResolvedMetric) -> UnitName:
    if metric.name.endswith("_percentage"):
        return "percent"
    if metric.name.endswith("_ratio"):
        return "ratio"
    return _PLAIN.get(metric.unit, "count")


def _rate(metric: ResolvedMetric, plain: UnitName, per: str) -> UnitName:
    if plain in ("s", "ratio"):
        # Seconds used per second, such as CPU time, are a share of one.
        return "ratio"
    if plain == "USD":
        return "USD"
    if plain == "By":
        return "By_per_second"
    if per != "second":
        return "per_minute" if per == "minute" else "count"
    return "requests_per_second" if metric.group == "requests" else "per_second"


def base_metric(name: str, metrics: dict[str, ResolvedMetric]) -> ResolvedMetric | None:
    """Return the metric that a series name belongs to."""
    for candidate in (name, *(name.removesuffix(end) for end in ("_bucket", "_sum", "_count"))):
        if candidate in metrics:
            return metrics[candidate]
    return next((metric for metric in metrics.values() if metric.exposed == name), None)
