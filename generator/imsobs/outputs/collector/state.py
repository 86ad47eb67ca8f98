"""State of processes: gauges of spans and events as each process reports them, and who reports.

Such a gauge stays as it was reported last, for a process may be quiet for long. Whether the
process is still there is said by another series, which lives on the metrics that every SDK sends
over and over, and on reports of the gauges themselves. The rules join the two (ADR 12).
"""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.metrics import ALIVE, ResolvedMetric
from imsobs.model.processes import is_state
from imsobs.outputs.collector import count, ordered
from imsobs.outputs.collector.current import process_labels
from imsobs.outputs.collector.identity import process_group, resource_group
from imsobs.outputs.collector.ottl import forget_marks

# What derivation hands labelled spans and records to, besides what is counted.
REPORTED = "signal_to_metrics/state"
_ALIVE = "signal_to_metrics/alive"


def state_metrics(model: Model) -> list[ResolvedMetric]:
    """Return the gauges of spans and events that each process reports."""
    return [metric for metric in model.metrics.values() if is_state(metric)]


def connectors(model: Model) -> dict[str, Any]:
    """Return what reads the gauges, and what makes a sign of life of each report."""
    if not state_metrics(model):
        return {}
    resource = [{"key": key} for key in conventions.PROCESS_LABELS]
    return {
        REPORTED: {
            "error_mode": "ignore",
            "spans": count.state_definitions(model, "span"),
            "logs": count.state_definitions(model, "log"),
        },
        _ALIVE: {
            "error_mode": "ignore",
            "datapoints": [
                {
                    "name": metric.name,
                    "description": metric.description,
                    "include_resource_attributes": resource,
                    "gauge": {"value": "1"},
                }
                for metric in model.metrics.values()
                if metric.sources == (ALIVE,)
            ],
        },
    }


def processors(model: Model) -> dict[str, Any]:
    """Return what bounds and labels the gauges and the signs of life."""
    metrics = state_metrics(model)
    if not metrics:
        return {}
    marks = {"context": "datapoint", "statements": [forget_marks("datapoint")]}
    return {
        "transform/state": _transform([*process_labels(metrics), marks, ordered.arrival()]),
        "transform/seen": _transform([resource_group(model), process_group()]),
        "transform/alive": _transform([*process_labels([]), ordered.arrival()]),
    }


def _transform(groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {"error_mode": "ignore", "metric_statements": groups}


def pipelines(model: Model, sdk: str) -> dict[str, Any]:
    """Return the pipelines of the gauges and of the signs of life.

    sdk: where the SDK's metrics come from.
    """
    if not state_metrics(model):
        return {}
    return {
        "metrics/state": {
            "receivers": [REPORTED],
            "processors": ["transform/state"],
            "exporters": ["prometheus/state"],
        },
        "metrics/seen": {
            "receivers": [sdk, REPORTED],
            "processors": ["transform/seen"],
            "exporters": [_ALIVE],
        },
        "metrics/alive": {
            "receivers": [_ALIVE],
            "processors": ["transform/alive"],
            "exporters": ["prometheus/processes"],
        },
    }
