"""Drills that the spec does not write: what raises the one series that an alert measures."""

from __future__ import annotations

import math

from imsobs.model import conventions
from imsobs.model.measured import Measured, measured
from imsobs.model.metrics import ResolvedMetric
from imsobs.promql.series import Series
from imsobs.spec.schema.alerts import Alert
from imsobs.spec.schema.drills import Drill, Send
from imsobs.spec.schema.events import EventField
from imsobs.spec.schema.root import Spec

# Records in a request for each that an alert must see in a second: requests are seconds apart,
# and more of them on a slow machine.
_PER_ROUND = 200
_LEAST, _MOST = 20, 20_000


def derived_drill(
    alert: Alert, spec: Spec, series: dict[str, Series], metrics: dict[str, ResolvedMetric]
) -> Drill | None:
    """Return the drill of an alert on health, or on a counter of an event; None for others."""
    one = measured(alert.expr, series, metrics)
    metric = metrics.get(one.series.metric) if one else None
    if one is None or metric is None or alert.guard is not None:
        return None
    if metric.kind.probed:
        return _unhealthy(alert, one, metric)
    if metric.kind.signal == "log" and one.function and alert.op.startswith(">"):
        return _events(alert, one, metric, spec)
    return None


def _unhealthy(alert: Alert, one: Measured, metric: ResolvedMetric) -> Drill | None:
    component = one.labels.get("component")
    if metric.sources != ("status",) or alert.op != "<" or component is None:
        return None
    service = component == conventions.SERVICE_COMPONENT
    return Drill(health={component: "down" if service else "unhealthy"})


def _events(alert: Alert, one: Measured, metric: ResolvedMetric, spec: Spec) -> Drill | None:
    event = spec.events.get(metric.sources[0])
    if event is None or metric.value != "count":
        return None
    attributes = {}
    for name, field in event.fields.items():
        given = one.labels.get(field.label or name) or next(iter(metric.when.get(name, ())), None)
        value = _value(field, given)
        if value is None:
            return None
        if given is not None or not field.optional:
            attributes[name] = value
    wanted = alert.threshold * _PER_ROUND if one.function == "rate" else alert.threshold + 1
    if wanted > _MOST:
        return None
    count = max(_LEAST, math.ceil(wanted))
    return Drill(send=[Send(event=metric.sources[0], count=count, attributes=attributes)])


def _value(field: EventField, given: str | None) -> str | int | float | bool | None:
    """Return a value that a field takes, of its type; None when the given one has another."""
    match field.type:
        case "integer" | "number" if given is not None:
            return int(given) if given.isdigit() else None
        case "integer":
            return 1
        case "number":
            return 1.5
        case "boolean":
            return given != "false"
    return given if given is not None else next(iter(field.values), "example")
