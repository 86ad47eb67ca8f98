"""Counting: the definitions of signal_to_metrics, one or more per derived metric.

Every definition is asked about every signal. One that lacks a required attribute is passed
over at a tenth of the price of a condition, so a definition requires a mark that only its own
signals have: the price of a signal hardly grows with the metrics of other signals. The marks
leave the data points again before these are exposed.
"""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.numbers import DURATION, fault_mark, faulty_values
from imsobs.model.processes import is_state
from imsobs.outputs.collector.derive import span_labels
from imsobs.outputs.collector.ottl import any_of, attribute, constant_labels, text

Definition = dict[str, Any]
_LABEL, _ATTRIBUTE, _SIGNAL = "label", "attribute", "signal"
# Data point statements: the labels whose value is the definition's own.
CONSTANT_LABELS = constant_labels([_LABEL, _ATTRIBUTE, _SIGNAL])


def span_definitions(model: Model) -> list[Definition]:
    """Return what is counted from labelled spans."""
    found: list[Definition] = []
    for metric in model.metrics.values():
        if metric.source_kind == "span" and not (metric.exemplars or is_state(metric)):
            found.append(_definition(metric, "span", conventions.presence_mark(*metric.sources)))
        if metric.source_kind == "pipeline" and metric.sources == ("label_overflow",):
            labels = {
                label for source in model.spec.sources for label in span_labels(source, model)
            }
            found += _overflow(metric, [name for name in model.labels if name in labels])
        if metric.source_kind == "pipeline" and metric.sources == ("invalid_value",):
            found += [
                _marked(metric, fault_mark(value), _ATTRIBUTE, value)
                for value in faulty_values(model.spec)
            ]
    return found


def log_definitions(model: Model) -> list[Definition]:
    """Return what is counted from log records: events, severities, broken contracts."""
    found: list[Definition] = []
    for metric in model.metrics.values():
        if metric.source_kind == "event" and not is_state(metric):
            found.append(_definition(metric, "log", conventions.presence_mark(*metric.sources)))
        elif metric.source_kind == "log":
            every = metric.sources == (conventions.EVERY_RECORD,)
            mark = None if every else conventions.presence_mark(*metric.sources)
            found.append(_definition(metric, "log", mark))
        elif metric.sources == ("invalid_event",):
            found.append(_definition(metric, "log", conventions.INVALID_EVENT))
        elif metric.sources == ("label_overflow",):
            fields = [f.label for e in model.spec.events.values() for f in e.fields.values()]
            found += _overflow(metric, [name for name in model.labels if name in fields])
    return found


def state_definitions(model: Model, context: str) -> list[Definition]:
    """Return the gauges that are read from spans or events, for each process."""
    kind = {"span": "span", "log": "event"}[context]
    return [
        _definition(metric, context, conventions.presence_mark(*metric.sources))
        for metric in model.metrics.values()
        if metric.source_kind == kind and is_state(metric)
    ]


def redaction_definitions(model: Model, signal: str) -> list[Definition]:
    """Return what is counted from signals of which something was redacted."""
    context = {"traces": "span", "logs": "log"}[signal]
    masked = [
        attribute(context, key) for key in ("redaction.masked.count", "redaction.body.masked.count")
    ]
    condition = any_of(f"{path} != nil" for path in masked)
    return [
        {
            **_head(metric),
            "attributes": [_constant(_SIGNAL, signal)],
            "conditions": [condition],
            "sum": {"value": "1", "monotonic": True},
        }
        for metric in model.metrics.values()
        if metric.source_kind == "pipeline" and metric.sources == ("redacted",)
    ]


def _head(metric: ResolvedMetric) -> Definition:
    resource = conventions.PROCESS_LABELS if is_state(metric) else conventions.RESOURCE_LABELS
    return {
        "name": metric.exposed,
        "description": metric.description,
        "include_resource_attributes": [{"key": key} for key in resource],
    }


def _overflow(metric: ResolvedMetric, labels: list[str]) -> list[Definition]:
    # One definition per label: a span whose vendor and model both overflow counts twice.
    return [_marked(metric, conventions.overflow_mark(name), _LABEL, name) for name in labels]


def _marked(metric: ResolvedMetric, mark: str, label: str, value: str) -> Definition:
    """Return what counts the signals with a mark, under one value of one label."""
    return {
        **_head(metric),
        "attributes": [{"key": mark}, _constant(label, value)],
        "sum": {"value": "1", "monotonic": True},
    }


def _constant(label: str, value: str) -> dict[str, str]:
    return {"key": conventions.constant_mark(label), "default_value": value}


def _definition(metric: ResolvedMetric, context: str, mark: str | None) -> Definition:
    conditions = []
    for label, values in metric.when.items():
        path = attribute(context, label)
        conditions.append(any_of(f"{path} == {text(value)}" for value in values))
    value, guard = _value(metric, context)
    conditions += [guard] if guard else []
    definition: Definition = {**_head(metric)}
    # The mark first: what is looked for first fails first.
    required = [*([mark] if mark else []), *metric.labels]
    if required:
        definition["attributes"] = [{"key": key} for key in required]
    if conditions:
        # Several entries would be alternatives; these must all hold.
        definition["conditions"] = [" and ".join(conditions)]
    match metric.type:
        case "counter":
            definition["sum"] = {"value": value, "monotonic": True}
        case "gauge":
            definition["gauge"] = {"value": value}
        case "histogram":
            buckets = [float(bound) for bound in metric.buckets]
            definition["histogram"] = {"buckets": buckets, "count": "1", "value": value}
    return definition


def _value(metric: ResolvedMetric, context: str) -> tuple[str, str | None]:
    """Return the value expression, and the condition under which there is such a value."""
    if metric.value == "count":
        return "1", None
    if metric.value == DURATION:
        # From nanoseconds to seconds.
        value = "Double(span.end_time_unix_nano - span.start_time_unix_nano) / 1000000000.0"
        return value, f"{attribute('span', fault_mark(DURATION))} == nil"
    key = {
        "cost": conventions.COST,
        "cost_drift": conventions.COST_DRIFT,
    }.get(str(metric.value), metric.value[0] if isinstance(metric.value, tuple) else metric.value)
    # What is no measurement was removed by the derivation.
    path = attribute(context, key)
    return f"Double({path})", f"{path} != nil"
