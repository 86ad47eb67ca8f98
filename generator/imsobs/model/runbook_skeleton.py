"""The runbook of an alert whose author wrote none: what the spec knows, and what is missing."""

from __future__ import annotations

from imsobs import promql
from imsobs.promql.series import Series
from imsobs.spec.schema.alerts import Alert, Runbook

MISSING = "Not written yet"


def skeleton(alert: Alert, description: str, series: dict[str, Series]) -> Runbook:
    """Return meaning and first queries from the expression, and whom to ask for the rest."""
    return Runbook(
        meaning=description,
        impact=f"{MISSING}: what do users notice while this fires?",
        queries={"The value": alert.expr, **_parts(alert.expr, series)},
        causes=[f"{MISSING}: what has caused it before, the most likely first?"],
        mitigation=[f"{MISSING}: what reduces the impact? Look at the dashboard meanwhile."],
    )


def _parts(expr: str, series: dict[str, Series]) -> dict[str, str]:
    """Return a query for each series that an expression reads: title -> its parts by label."""
    try:
        names = promql.metric_names(expr)
    except ValueError:
        return {}
    return {
        f"{name} by its labels": _by_labels(name, series[name]) for name in names if name in series
    }


def _by_labels(name: str, entry: Series) -> str:
    by = ", ".join(label for label in entry.labels if label != "le")
    if entry.type == "counter":
        return f"sum by ({by}) (rate({name}[5m]))"
    if entry.type == "histogram" and name.endswith("_bucket"):
        return f"histogram_quantile(0.95, sum by ({by}, le) (rate({name}[5m])))"
    if entry.type == "histogram":
        return f"sum by ({by}) (rate({name}[5m]))"
    return f"max by ({by}) ({name})"
