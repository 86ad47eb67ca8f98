"""Plan of collector/config.yaml and collector/builder.yaml.

Traces and logs fan out twice: ``derive`` labels its own copy and counts metrics from every
signal; ``store`` samples and redacts what is kept. Metrics are exposed for Prometheus to
scrape, because a pushed counter that does not change disappears from queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.outputs.collector import count, current, derive, kept, store
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
from imsobs.pages import Page, YamlPage


def plan(model: Model) -> Iterator[Page]:
    """Yield the Collector's configuration and the manifest it is built from."""
    planned = sections(model)
    yield YamlPage(artifacts.COLLECTOR, written(planned, COLLECTOR), "collector/config.yaml.j2")
    yield YamlPage(
        artifacts.COLLECTOR_BUILDER, builder_sections(planned), "collector/builder.yaml.j2"
    )


def sections(model: Model) -> dict[str, Any]:
    """Return the sections of config.yaml; references are not written yet."""
    return {
        "extensions": extensions(model),
        "receivers": receivers(model),
        "processors": _processors(model),
        "connectors": _connectors(model),
        "exporters": exporters(model),
        "service": {
            "extensions": list(extensions(model)),
            "telemetry": telemetry(model),
            "pipelines": pipelines(model),
        },
    }


def _processors(model: Model) -> dict[str, Any]:
    settings = model.spec.collector
    environment = Reference("IMS_ENVIRONMENT", model.spec.service.environments[0])
    base_url = Reference("IMS_SERVICE_URL", model.spec.service.url)
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
                derive.resource_group(model),
                *current.resource_to_labels(conventions.RESOURCE_LABELS),
                # Without a start time the first value of a series is invisible to increase().
                # The marks of the derivation are no labels, but those that stand for one.
                {
                    "context": "datapoint",
                    "statements": [
                        *count.CONSTANT_LABELS,
                        forget_marks("datapoint"),
                        'set(datapoint.start_time, datapoint.time - Duration("1s"))',
                    ],
                },
            ],
        },
        "delta_to_cumulative": {
            "max_stale": settings.keep_idle,
            "max_streams": settings.max_series,
        },
        "filter/sdk": current.sdk_filter(model),
        "filter/sdk_numbers": current.sdk_numbers(model),
        "transform/sdk": {"error_mode": "ignore", "metric_statements": current.sdk_groups(model)},
        "filter/probe": current.probe_filter(),
        "transform/probe": {
            "error_mode": "ignore",
            "metric_statements": current.probe_groups(model, base_url, environment),
        },
        "tail_sampling": store.tail_sampling(model),
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
        **kept.processors(model),
    }


def _connectors(model: Model) -> dict[str, Any]:
    return {
        "signal_to_metrics/derive": {
            "error_mode": "ignore",
            "spans": count.span_definitions(model),
            "logs": count.log_definitions(model),
        },
        "signal_to_metrics/redactions": {
            "error_mode": "ignore",
            "spans": count.redaction_definitions(model, "traces"),
            "logs": count.redaction_definitions(model, "logs"),
        },
        **kept.connectors(model),
    }


def pipelines(model: Model) -> dict[str, Any]:
    """Return the pipelines: each kind of signal twice, to derive and to store."""
    log_exporter = Reference("IMS_LOG_EXPORTER", "file")
    forwarded = [kept.FORWARD] if kept.kept_metrics(model) else []
    return {
        "traces/derive": {
            "receivers": ["otlp"],
            "processors": ["memory_limiter", "transform/derive_traces", "filter/derive_traces"],
            "exporters": ["signal_to_metrics/derive"],
        },
        "logs/derive": {
            "receivers": ["otlp"],
            "processors": ["memory_limiter", "transform/derive_logs"],
            "exporters": ["signal_to_metrics/derive"],
        },
        "metrics/derived": {
            "receivers": ["signal_to_metrics/derive", "signal_to_metrics/redactions"],
            "processors": ["transform/derived", "delta_to_cumulative"],
            "exporters": ["prometheus/derived"],
        },
        "metrics/sdk": {
            "receivers": ["otlp"],
            "processors": ["memory_limiter", "filter/sdk", "filter/sdk_numbers", "transform/sdk"],
            "exporters": ["prometheus/current"],
        },
        "metrics/probe": {
            "receivers": ["http_check"],
            "processors": ["filter/probe", "transform/probe"],
            "exporters": ["prometheus/current"],
        },
        "traces/store": {
            "receivers": ["otlp"],
            "processors": [
                "memory_limiter",
                "tail_sampling",
                "batch/traces",
                "transform/store_traces",
                "redaction",
                "transform/stored",
            ],
            "exporters": ["otlp_grpc/traces", "signal_to_metrics/redactions", *forwarded],
        },
        "logs/store": {
            "receivers": ["otlp"],
            "processors": [
                "memory_limiter",
                "transform/store_logs",
                "redaction",
                "transform/stored",
                "batch/logs",
            ],
            "exporters": [log_exporter, "signal_to_metrics/redactions"],
        },
        **kept.pipelines(model),
    }
