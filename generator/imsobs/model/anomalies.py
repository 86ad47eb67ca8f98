"""Bands of what is normal at this hour of the week, from the same hour of past weeks.

The median of the weeks is the middle; the median absolute deviation times 1.4826 estimates
the standard deviation (Rousseeuw and Croux 1993), and one odd week moves neither.
"""

from __future__ import annotations

from typing import Any

from imsobs.model import conventions
from imsobs.model.notification import literal
from imsobs.model.rules import WHO, Record, number, output_labels
from imsobs.promql.series import Series
from imsobs.spec.schema.alerts import Alert
from imsobs.spec.schema.drills import Drill
from imsobs.spec.schema.root import Spec
from imsobs.spec.schema.rules import Anomaly

SMOOTHING = "1h"
_MAD_TO_SIGMA = 1.4826


def anomaly_records(spec: Spec, series: dict[str, Series]) -> list[Record]:
    """Return the records of every band: value, median, deviation, band, upper and lower."""
    return [record for name in spec.anomalies for record in _records(name, spec, series)]


def _records(name: str, spec: Spec, series: dict[str, Series]) -> list[Record]:
    anomaly = spec.anomalies[name]
    labels = ", ".join(sorted(output_labels(anomaly.of, series) or conventions.IDENTITY_LABELS))

    def own(what: str) -> str:
        return f"anomaly:{name}:{what}"

    def median_of(expr: str) -> str:
        weeks = " or ".join(
            f'label_replace({expr.replace("WEEK", f"{week}w")}, "week", "{week}", "", "")'
            for week in range(1, anomaly.weeks + 1)
        )
        return f"quantile by ({labels}) (0.5, {weeks})"

    value, median, deviation, band = own("value"), own("median"), own("deviation"), own("band")
    sigma = f"{number(anomaly.deviations)} * {deviation}"
    least = f"{number(anomaly.floor)} * {median}"
    rules = (
        (
            value,
            f"avg_over_time({anomaly.of}[{SMOOTHING}])",
            f"Mean of {anomaly.of} over {SMOOTHING}.",
        ),
        (median, median_of(f"{value} offset WEEK"), "Median of the same hour of past weeks."),
        (
            deviation,
            f"{_MAD_TO_SIGMA} * {median_of(f'abs({value} offset WEEK - {median})')}",
            "Standard deviation of the same hour, estimated by the median absolute deviation.",
        ),
        (band, f"{sigma} > {least} or {least}", "Half width of what is normal."),
        (own("upper"), f"{median} + {band}", "Most that is normal."),
        (own("lower"), f"clamp_min({median} - {band}, 0)", "Least that is normal."),
    )
    group = f"anomaly-{name.replace('_', '-')}"
    path = ("anomalies", name)
    return [Record(n, expr, text, group, spec.alerting.fast, path) for n, expr, text in rules]


def anomaly_alerts(spec: Spec) -> dict[str, tuple[str, Alert]]:
    """Return alert name -> (band, alert)."""
    return {band.alert: (name, _alert(name, band)) for name, band in spec.anomalies.items()}


def _alert(name: str, band: Anomaly) -> Alert:
    what = name.replace("_", " ")
    return Alert(
        summary=f"{what} of {WHO} is unusual for this hour of the week",
        description=(
            f"{literal(band.description)} It is {{{{ $value | humanize }}}} half widths of the band"
            f" of the last {band.weeks} weeks away from their median; 1 is the edge of what is"
            " normal."
        ),
        severity=band.severity,
        team=band.team,
        group="anomalies",
        expr=f"abs(anomaly:{name}:value - anomaly:{name}:median) / (anomaly:{name}:band > 0)",
        threshold=1,
        **dict[str, Any]({"for": band.for_}),
        enabled=band.enabled,
        labels={"band": name},
        dashboard=band.dashboard,
        runbook=band.runbook,
        drill=Drill(skip="a drill has no past weeks to compare with"),
    )
