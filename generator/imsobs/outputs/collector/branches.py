"""The two branches that every span and log record takes: to be counted, and to be stored."""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.kinds.kind import Signal
from imsobs.outputs.collector import (
    count,
    derive,
    exemplars,
    identity,
    ordered,
    sampling,
    scopes,
    state,
    store,
)
from imsobs.outputs.collector.ottl import forget_marks, transform
from imsobs.outputs.collector.parts import ACCEPTED
from imsobs.outputs.collector.settings import FILE, TRACES
from imsobs.outputs.references import Reference

_COUNTED = "signal_to_metrics/derive"
_REDACTIONS = "signal_to_metrics/redactions"


def derive_processors(model: Model) -> dict[str, Any]:
    """Return what labels signals and what adds up the points that are counted from them."""
    return {
        "transform/derive_traces": transform(trace_statements=derive.trace_groups(model)),
        # Spans from which no metric is derived: no definition needs to look at them.
        "filter/derive_traces": {
            "error_mode": "ignore",
            "traces": {"span": [f'attributes["{conventions.SOURCE_MARK}"] == nil']},
        },
        "transform/derive_logs": transform(log_statements=derive.log_groups(model)),
        "transform/derived": transform(
            metric_statements=[
                # Redactions are counted from stored signals, whose resource is the sender's.
                identity.resource_group(model),
                *identity.resource_to_labels(conventions.RESOURCE_LABELS),
                {
                    "context": "datapoint",
                    "statements": [
                        # First: their values are in marks, and marks are not exposed.
                        *count.CONSTANT_LABELS,
                        forget_marks("datapoint"),
                        *ordered.times(),
                        ordered.begin(),
                    ],
                },
            ]
        ),
        **ordered.queue(),
        "delta_to_cumulative": {
            "max_stale": model.spec.collector.keep_idle,
            "max_streams": model.spec.collector.max_series,
        },
    }


def store_processors(model: Model) -> dict[str, Any]:
    """Return what samples traces, redacts signals, and gathers them for the stores."""
    return {
        "transform/requests": transform(trace_statements=sampling.request_groups(model)),
        "tail_sampling": sampling.tail_sampling(model),
        "transform/store_traces": transform(trace_statements=store.trace_groups(model)),
        "transform/store_logs": transform(log_statements=store.log_groups(model)),
        **store.redaction_processors(model),
        "transform/stored": transform(
            trace_statements=store.stored_groups("span"),
            log_statements=store.stored_groups("log"),
        ),
        **store.batches(),
    }


def connectors(model: Model) -> dict[str, Any]:
    """Return what counts: from labelled signals, and from stored ones."""
    return {
        _COUNTED: {
            "error_mode": "ignore",
            "spans": count.definitions(model, "span"),
            "logs": count.definitions(model, "log"),
        },
        _REDACTIONS: {
            "error_mode": "ignore",
            "spans": count.stored_definitions(model, "span"),
            "logs": count.stored_definitions(model, "log"),
        },
    }


def is_on(model: Model) -> bool:
    """Return whether anything is counted from spans and log records."""
    signals: tuple[Signal, ...] = ("span", "log")
    planned = (count.definitions, count.stored_definitions)
    counted = any(definitions(model, signal) for definitions in planned for signal in signals)
    return counted or bool(exemplars.exemplar_metrics(model))


def derive_pipelines(model: Model) -> dict[str, Any]:
    """Return the branch of the metrics."""
    counted = [_COUNTED, *([state.REPORTED] if state.state_metrics(model) else [])]
    # What no metric is derived from is dropped, or counted as that.
    rest = [scopes.COUNTED] if scopes.is_on(model) else []
    dropped = [] if rest else ["filter/derive_traces"]
    return {
        "traces/derive": {
            "receivers": [ACCEPTED],
            "processors": ["transform/derive_traces", *dropped],
            "exporters": [*counted, *rest],
        },
        "logs/derive": {
            "receivers": [ACCEPTED],
            "processors": ["transform/derive_logs"],
            "exporters": counted,
        },
        "metrics/derived": {
            "receivers": [_COUNTED, _REDACTIONS],
            "processors": [ordered.QUEUE, "transform/derived", "delta_to_cumulative"],
            "exporters": ["prometheus/derived"],
        },
    }


def store_pipelines(model: Model) -> dict[str, Any]:
    """Return the branch of the stores."""
    forwarded = [exemplars.FORWARD] if exemplars.exemplar_metrics(model) else []
    planned = {
        "traces/store": {
            "receivers": [ACCEPTED],
            "processors": [
                "transform/requests",
                "tail_sampling",
                "batch/traces",
                "transform/store_traces",
                store.KEYS,
                store.VALUES,
                "transform/stored",
            ],
            "exporters": [TRACES, _REDACTIONS, *forwarded],
        },
        "logs/store": {
            "receivers": [ACCEPTED],
            "processors": [
                "transform/store_logs",
                store.KEYS,
                store.VALUES,
                "transform/stored",
                "batch/logs",
            ],
            "exporters": [Reference("IMSOBS_LOG_EXPORTER", FILE), _REDACTIONS],
        },
    }
    return planned if model.spec.stack.jaeger else {"logs/store": planned["logs/store"]}
