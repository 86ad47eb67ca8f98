"""Plan of collector/config.yaml and collector/builder.yaml.

Traces and logs fan out twice: ``derive`` labels its own copy and counts metrics from every
signal; ``store`` samples and redacts what is kept. Metrics are exposed for Prometheus to
scrape, because a pushed counter that does not change disappears from queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.outputs.collector import (
    count,
    derive,
    exemplars,
    identity,
    ordered,
    probe,
    sampling,
    sdk,
    state,
    store,
)
from imsobs.outputs.collector.builder import builder_sections
from imsobs.outputs.collector.ottl import forget_marks
from imsobs.outputs.collector.settings import (
    exporters,
    extensions,
    memory_limiter,
    receivers,
    telemetry,
)
from imsobs.outputs.references import COLLECTOR, Reference, written
from imsobs.pages import YamlPage

# The way from what was let in to derivation and storage.
_ACCEPTED = "forward/accepted"


@dataclass(frozen=True)
class CollectorPlan:
    """The Collector's files, for those who also start it.

    sections: of config.yaml, references not written yet. config: the file. builder: the
    manifest that the Collector is built from.
    """

    sections: dict[str, Any]
    config: YamlPage
    builder: YamlPage


def plan(model: Model) -> CollectorPlan:
    """Return the Collector's configuration and the manifest it is built from."""
    planned = _sections(model)
    return CollectorPlan(
        planned,
        YamlPage(artifacts.COLLECTOR, written(planned, COLLECTOR), "collector/config.yaml.j2"),
        YamlPage(
            artifacts.COLLECTOR_BUILDER, builder_sections(planned), "collector/builder.yaml.j2"
        ),
    )


def _sections(model: Model) -> dict[str, Any]:
    planned = extensions(model)
    return {
        "extensions": planned,
        "receivers": receivers(model),
        "processors": _processors(model),
        "connectors": _connectors(model),
        "exporters": exporters(model),
        "service": {
            "extensions": list(planned),
            "telemetry": telemetry(model),
            "pipelines": _pipelines(model),
        },
    }


def _processors(model: Model) -> dict[str, Any]:
    settings = model.spec.collector
    return {
        "memory_limiter": memory_limiter(model),
        "transform/derive_traces": {
            "error_mode": "ignore",
            "trace_statements": derive.trace_groups(model),
        },
        # What no metric is derived from need not be looked at by each definition.
        "filter/derive_traces": {
            "error_mode": "ignore",
            "traces": {"span": [f'attributes["{conventions.SOURCE_MARK}"] == nil']},
        },
        "transform/derive_logs": {
            "error_mode": "ignore",
            "log_statements": derive.log_groups(model),
        },
        "transform/derived": {
            "error_mode": "ignore",
            "metric_statements": [
                # Redactions are counted from what is stored, whose resource is as it came.
                identity.resource_group(model),
                *identity.resource_to_labels(conventions.RESOURCE_LABELS),
                # The marks of the derivation are no labels, but those that stand for one.
                {
                    "context": "datapoint",
                    "statements": [
                        *count.CONSTANT_LABELS,
                        forget_marks("datapoint"),
                        *ordered.times(),
                        ordered.begin(),
                    ],
                },
            ],
        },
        **ordered.queue(),
        "delta_to_cumulative": {
            "max_stale": settings.keep_idle,
            "max_streams": settings.max_series,
        },
        **sdk.processors(model),
        **probe.processors(model),
        "transform/requests": {
            "error_mode": "ignore",
            "trace_statements": sampling.request_groups(model),
        },
        "tail_sampling": sampling.tail_sampling(model),
        "transform/store_traces": {
            "error_mode": "ignore",
            "trace_statements": store.trace_groups(model),
        },
        "transform/store_logs": {"error_mode": "ignore", "log_statements": store.log_groups(model)},
        "redaction": store.redaction_processor(model),
        "transform/stored": {
            "error_mode": "ignore",
            "trace_statements": store.stored_groups("span"),
            "log_statements": store.stored_groups("log"),
        },
        **store.batches(),
        **state.processors(model),
        **exemplars.processors(model),
    }


def _connectors(model: Model) -> dict[str, Any]:
    return {
        _ACCEPTED: {},
        "signal_to_metrics/derive": {
            "error_mode": "ignore",
            "spans": count.definitions(model, "span"),
            "logs": count.definitions(model, "log"),
        },
        "signal_to_metrics/redactions": {
            "error_mode": "ignore",
            "spans": count.stored_definitions(model, "span"),
            "logs": count.stored_definitions(model, "log"),
        },
        **probe.connectors(model),
        **state.connectors(model),
        **exemplars.connectors(model),
    }


def _pipelines(model: Model) -> dict[str, Any]:
    """Return the pipelines: each kind of signal once in, and then twice, to derive and to store.

    A request is refused on its way in or not at all: one that is counted and then refused by
    the store's branch would be sent again, and counted again.
    """
    log_exporter = Reference("IMS_LOG_EXPORTER", "file")
    forwarded = [exemplars.FORWARD] if exemplars.exemplar_metrics(model) else []
    counted = ["signal_to_metrics/derive"]
    counted += [state.REPORTED] if state.state_metrics(model) else []
    taken_in = {"receivers": ["otlp"], "processors": ["memory_limiter"], "exporters": [_ACCEPTED]}
    return {
        "traces/in": taken_in,
        "logs/in": taken_in,
        "metrics/in": taken_in,
        "traces/derive": {
            "receivers": [_ACCEPTED],
            "processors": ["transform/derive_traces", "filter/derive_traces"],
            "exporters": counted,
        },
        "logs/derive": {
            "receivers": [_ACCEPTED],
            "processors": ["transform/derive_logs"],
            "exporters": counted,
        },
        "metrics/derived": {
            "receivers": ["signal_to_metrics/derive", "signal_to_metrics/redactions"],
            "processors": [ordered.QUEUE, "transform/derived", "delta_to_cumulative"],
            "exporters": ["prometheus/derived"],
        },
        **sdk.pipelines(_ACCEPTED),
        **probe.pipelines(model),
        **state.pipelines(model, sdk=_ACCEPTED),
        "traces/store": {
            "receivers": [_ACCEPTED],
            "processors": [
                "transform/requests",
                "tail_sampling",
                "batch/traces",
                "transform/store_traces",
                "redaction",
                "transform/stored",
            ],
            "exporters": ["otlp_grpc/traces", "signal_to_metrics/redactions", *forwarded],
        },
        "logs/store": {
            "receivers": [_ACCEPTED],
            "processors": [
                "transform/store_logs",
                "redaction",
                "transform/stored",
                "batch/logs",
            ],
            "exporters": [log_exporter, "signal_to_metrics/redactions"],
        },
        **exemplars.pipelines(model),
    }
