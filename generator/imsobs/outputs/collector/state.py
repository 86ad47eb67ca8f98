"""Gauges of spans and events per process, and the series that says which processes report.

Such a gauge keeps its last value, because a process may report it rarely. Whether the process
still runs is shown by another series, which is renewed by the metrics that every SDK exports
periodically, and by reports of the gauges themselves. Recording rules join the two (ADR 12).
"""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.kinds import pipeline
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.processes import is_state
from imsobs.outputs.collector import count, ordered
from imsobs.outputs.collector.identity import Group, process_group, process_labels, resource_group
from imsobs.outputs.collector.ottl import forget_marks, transform

# Connector that makes the gauges of labelled spans and log records.
REPORTED = "signal_to_metrics/state"
_ALIVE = "signal_to_metrics/alive"


def state_metrics(model: Model) -> list[ResolvedMetric]:
    """Return the gauges of spans and events that each process reports."""
    return [metric for metric in model.metrics.values() if is_state(metric)]


def connectors(model: Model) -> dict[str, Any]:
    """Return the connectors that make the gauges, and that series of whatever is reported."""
    found: dict[str, Any] = {}
    if state_metrics(model):
        found[REPORTED] = {
            "error_mode": "ignore",
            "spans": count.state_definitions(model, "span"),
            "logs": count.state_definitions(model, "log"),
        }
    if alive := pipeline.KIND.alive(model):
        resource = [{"key": key} for key in conventions.PROCESS_LABELS]
        found[_ALIVE] = {
            "error_mode": "ignore",
            "datapoints": [
                {
                    "name": metric.name,
                    "description": metric.description,
                    "include_resource_attributes": resource,
                    "gauge": {"value": "1"},
                }
                for metric in alive
            ],
        }
    return found


def processors(model: Model) -> dict[str, Any]:
    """Return the processors that bound and label the gauges, and that series."""
    found: dict[str, list[Group]] = {}
    if metrics := state_metrics(model):
        marks = {"context": "datapoint", "statements": [forget_marks("datapoint")]}
        found["transform/state"] = [*process_labels(metrics), marks, ordered.arrival()]
    if pipeline.KIND.alive(model):
        found["transform/seen"] = [resource_group(model), process_group()]
        found["transform/alive"] = [*process_labels([]), ordered.arrival()]
    return {name: transform(metric_statements=groups) for name, groups in found.items()}


def pipelines(model: Model, sdk: str) -> dict[str, Any]:
    """Return the pipelines of the gauges, and of that series.

    sdk: where the SDK's metrics come from.
    """
    found: dict[str, Any] = {}
    reported = [REPORTED] if state_metrics(model) else []
    if reported:
        found["metrics/state"] = {
            "receivers": reported,
            "processors": ["transform/state"],
            "exporters": ["prometheus/state"],
        }
    if pipeline.KIND.alive(model):
        found["metrics/seen"] = {
            "receivers": [sdk, *reported],
            "processors": ["transform/seen"],
            "exporters": [_ALIVE],
        }
        found["metrics/alive"] = {
            "receivers": [_ALIVE],
            "processors": ["transform/alive"],
            "exporters": ["prometheus/processes"],
        }
    return found
