"""Descriptions of panels, which Grafana shows behind the info icon."""

from __future__ import annotations

from imsobs.model.dashboards.thresholds import AlertLimit
from imsobs.model.dashboards.units import base_metric
from imsobs.model.metrics import ResolvedMetric
from imsobs.spec.schema.dashboards import Panel

_TAILS = {
    "rate": "Increments per {per}{by}.",
    "increase": "Sum over {over}{by}.",
    "share": "Parts of the sum over {over}{by}.",
    "top": "The {limit} largest over {over}{by}.",
    "value": "The {fold} of the current values{by}.",
    "percentiles": "Quantiles estimated from its buckets{by}.",
    "mean": "Mean{by}.",
    "heatmap": "Observations per bucket: the darker, the more.",
    "ratio": "As a share{by}; nothing is shown while there is nothing to compare with.",
}
_FOLDS = {"sum": "sum", "max": "largest", "min": "smallest", "avg": "mean"}


def description_of(
    panel: Panel,
    purpose: str,
    metrics: dict[str, ResolvedMetric],
    alerts: tuple[AlertLimit, ...],
) -> str:
    """Return a panel's description: what is measured, how, and where the colours come from."""
    name = getattr(panel, purpose)
    metric = base_metric(name, metrics) if isinstance(name, str) else None
    text = panel.description
    if text is None:
        tail = _TAILS.get(purpose, "").format(
            per=panel.per,
            by=f", by {' and '.join(panel.by)}" if panel.by else "",
            over=f"the last {panel.over}" if panel.over else "the time shown",
            limit=panel.limit,
            fold=_FOLDS[panel.fold],
        )
        text = f"{metric.description if metric else ''} {tail}".strip()
    parts = [text]
    if alerts:
        parts.append(f"Colours change where {' and '.join(a.alert for a in alerts)} would fire.")
    if panel.may_be_empty:
        parts.append(f"May be empty: {panel.may_be_empty}.")
    return " ".join(parts)
