"""Counting: the definitions of signal_to_metrics, one or more per derived metric.

Each signal is matched against every definition. Skipping one because a required attribute is
missing costs a tenth of evaluating a condition. So a definition requires a mark that only its
own signals have, and the cost of a signal hardly grows with the metrics of other signals. The
marks are removed from the data points before these are exposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.kinds import KINDS
from imsobs.model.kinds.kind import Counting, Signal
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.numbers import DURATION, fault_mark
from imsobs.model.processes import is_state
from imsobs.outputs.collector.ottl import any_of, attribute, constant_labels, text

Definition = dict[str, Any]
# Data point statements: the labels whose value is the definition's own.
CONSTANT_LABELS = constant_labels(label for kind in KINDS.values() for label in kind.constants)


def definitions(model: Model, signal: Signal) -> list[Definition]:
    """Return what is counted from labelled spans or log records."""
    return [
        _definition(metric, counting)
        for metric in model.metrics.values()
        # These are made by other connectors: span_metrics, and signal_to_metrics/state.
        if not (metric.exemplars or is_state(metric))
        for counting in _counted(metric, model, signal)
    ]


def state_definitions(model: Model, signal: Signal) -> list[Definition]:
    """Return the gauges that are read from spans or log records, for each process."""
    return [
        _definition(metric, counting)
        for metric in model.metrics.values()
        if is_state(metric)
        for counting in _counted(metric, model, signal)
    ]


def stored_definitions(model: Model, signal: Signal) -> list[Definition]:
    """Return what is counted from signals as they are stored."""
    return [
        _definition(metric, counting)
        for metric in model.metrics.values()
        for counting in _counted(metric, model, signal, stored=True)
    ]


def _counted(
    metric: ResolvedMetric, model: Model, signal: Signal, *, stored: bool = False
) -> Iterator[Counting]:
    for counting in metric.kind.counted(metric, model):
        if counting.signal == signal and counting.stored == stored:
            yield counting


def _head(metric: ResolvedMetric) -> Definition:
    resource = conventions.PROCESS_LABELS if is_state(metric) else conventions.RESOURCE_LABELS
    return {
        "name": metric.exposed,
        "description": metric.description,
        "include_resource_attributes": [{"key": key} for key in resource],
    }


def _definition(metric: ResolvedMetric, counting: Counting) -> Definition:
    signal = counting.signal
    conditions = [
        any_of(f"{attribute(signal, label)} == {text(value)}" for value in values)
        for label, values in metric.when.items()
    ]
    if counting.any_of:
        conditions.append(any_of(f"{attribute(signal, key)} != nil" for key in counting.any_of))
    value, guard = _value(metric, signal)
    conditions += [guard] if guard else []
    definition: Definition = {**_head(metric)}
    if attributes := _attributes(metric, counting):
        definition["attributes"] = attributes
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


def _attributes(metric: ResolvedMetric, counting: Counting) -> list[dict[str, str]]:
    """Return the attributes that a signal must have, the mark first: it fails first."""
    label, value = counting.constant or (None, "")
    required = [*([counting.mark] if counting.mark else []), *metric.labels]
    attributes = [{"key": key} for key in required if key != label]
    if label is not None:
        attributes.append({"key": conventions.constant_mark(label), "default_value": value})
    return attributes


def _value(metric: ResolvedMetric, context: Signal) -> tuple[str, str | None]:
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
