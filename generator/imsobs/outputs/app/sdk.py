"""What the service is started with: environment, SDK configuration, log configuration.

Spans are all recorded and all sent (the Collector derives the metrics before it samples);
of the SDK's own metrics only those that the spec names are made at all.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.model.kinds import sdk
from imsobs.model.metrics import ResolvedMetric
from imsobs.outputs.app import logging_config
from imsobs.outputs.references import SDK, SHELL, Reference, Value, join, written
from imsobs.pages import JsonPage, Page, TextPage, YamlPage

_ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TOKEN_VARIABLE = "IMSOBS_OTLP_TOKEN"  # noqa: S105 - a variable's name
_CA_VARIABLE = "IMSOBS_OTLP_CA_FILE"
# Spans and records that wait in the service while the Collector is away or slow. A queue
# that is full drops, and a dropped span is missing from the counters: better too long.
_QUEUE = 16_384
# Spans or records of a request to the Collector, by exporter. While the official one encodes,
# Python's lock keeps requests waiting; a smaller batch is a shorter wait, and more requests to the
# Collector (`python -m bench.overhead`). The fast one gives the lock back meanwhile. At 16 KiB
# each they fit into the largest request that the Collector takes.
_BATCH = {"fast": 512, "standard": 128}
# Names of the exporters in the SDK's configuration; the first is imsobs-exporter's entry point.
_EXPORTERS = {"fast": "imsobs_otlp_http", "standard": "otlp_http"}
_BATCH_DELAY_MS = 500
_EXPORT_TIMEOUT_MS = 10_000
# Longest attribute kept, in characters: a stack trace fits, a document does not.
ATTRIBUTE_LENGTH = 16_384
_ATTRIBUTE_COUNT = 64
_METRIC_TIMEOUT_MS = 5_000
_SYSTEM_METRICS = "opentelemetry.instrumentation.system_metrics"
# Which instrumentation scopes make a metric, by the beginning of its name. The second and
# third of the first row are what FastAPI and plain ASGI apps use.
_METERS: dict[str, tuple[str, ...]] = {
    "http.server.": (
        "opentelemetry.instrumentation.fastapi",
        "opentelemetry.instrumentation.asgi",
        "fastapi",
    ),
    "http.client.": ("opentelemetry.instrumentation.httpx",),
    "gen_ai.": ("opentelemetry.instrumentation.genai.*",),
    "db.client.": ("opentelemetry.instrumentation.sqlite3", "opentelemetry.instrumentation.dbapi"),
    "process.": (_SYSTEM_METRICS,),
    "cpython.": (_SYSTEM_METRICS,),
    "system.": (_SYSTEM_METRICS,),
}
# Process metrics that the system-metrics instrumentation would make by itself
# (opentelemetry-instrumentation-system-metrics 0.66b1). Each costs system calls.
_PROCESS_METRICS = (
    "process.context_switches",
    "process.cpu.time",
    "process.cpu.utilization",
    "process.disk.io",
    "process.memory.usage",
    "process.memory.virtual",
    "process.open_file_descriptor.count",
    "process.thread.count",
    "cpython.gc.collected_objects",
    "cpython.gc.collections",
    "cpython.gc.uncollectable_objects",
)
# Tracers whose spans repeat those of another instrumentation: the Anthropic client's own.
_SILENT_TRACERS = ("com.anthropic.sdk.python*",)
# Instrumentations that need options, which only the SDK file can give; they must not be
# started a second time by opentelemetry-instrument.
_INSTRUMENTATIONS: dict[str, dict[str, Any]] = {
    "fastapi": {"exclude_spans": ["send", "receive"]},
    "logging": {"inject_trace_context": False},
}


def plan(model: Model) -> Iterator[Page]:
    """Yield the pages of ``app/``."""
    yield TextPage(artifacts.SDK_ENVIRONMENT, "app/otel.env.j2", {"settings": environment(model)})
    yield YamlPage(artifacts.SDK_CONFIG, sdk_configuration(model), "app/otel-sdk.yaml.j2")
    yield JsonPage(artifacts.LOGGING_CONFIG, logging_config.configuration())


def environment(model: Model) -> dict[str, str]:
    """Return variable -> value; ``${NAME:-default}`` is for the caller to override."""
    found: dict[str, str] = written(settings(model), SHELL)
    return found


def settings(model: Model) -> dict[str, Value]:
    """Return variable -> value, references not written yet."""
    wanted = {metric.sources[0] for metric in sdk.KIND.metrics(model)}
    excluded = [name for name in _PROCESS_METRICS if name not in wanted]
    patterns = [p for p in ("system.*", "process.runtime.*") if not fnmatch.filter(wanted, p)]
    service = model.spec.service
    return {
        "OTEL_CONFIG_FILE": Reference("OTEL_CONFIG_FILE", artifacts.SDK_CONFIG),
        "OTEL_SERVICE_NAME": Reference("OTEL_SERVICE_NAME", service.names[0]),
        _ENDPOINT_VARIABLE: _endpoint(model),
        "IMSOBS_ENVIRONMENT": Reference("IMSOBS_ENVIRONMENT", service.environments[0]),
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(_INSTRUMENTATIONS),
        "OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS": ",".join([*patterns, *excluded]),
        "LOG_FORMAT": Reference("LOG_FORMAT", "json"),
        "LOG_LEVEL": Reference("LOG_LEVEL", "INFO"),
        # Records go out by OTLP; a second copy of each costs as much again and is not masked.
        "LOG_CONSOLE_LEVEL": Reference("LOG_CONSOLE_LEVEL", "WARNING"),
        "LOG_TRACE_CONTEXT": Reference("LOG_TRACE_CONTEXT", "true"),
    }


def sdk_configuration(model: Model) -> dict[str, Any]:
    """Return the sections of the SDK's configuration file (file format 1.0)."""
    sections: dict[str, Any] = written(configuration(model), SDK)
    return sections


def configuration(model: Model) -> dict[str, Any]:
    """Return the sections of the SDK's configuration file, references not written yet."""
    return {
        "file_format": "1.0",
        "resource": _resource(model),
        "propagator": {"composite": [{"tracecontext": {}}, {"baggage": {}}]},
        "attribute_limits": {
            "attribute_value_length_limit": ATTRIBUTE_LENGTH,
            "attribute_count_limit": _ATTRIBUTE_COUNT,
        },
        "tracer_provider": {
            # Without a use for spans they are not recorded; log records still have trace ids.
            "sampler": {model.spec.sampling.sdk_sampler if model.uses_spans else "always_off": {}},
            "processors": [_batch(model, "traces")],
            "tracer_configurator/development": {
                "tracers": [
                    {"name": name, "config": {"enabled": False}} for name in _SILENT_TRACERS
                ]
            },
        },
        "meter_provider": _meter_provider(model),
        "logger_provider": {"processors": [_batch(model, "logs")]},
        "instrumentation/development": {"python": _INSTRUMENTATIONS},
    }


def _resource(model: Model) -> dict[str, Any]:
    service = model.spec.service
    attributes = {
        "service.name": Reference("OTEL_SERVICE_NAME", service.names[0]),
        "service.namespace": service.namespace,
        "service.version": Reference("IMSOBS_VERSION", "0.0.0"),
        "deployment.environment.name": Reference("IMSOBS_ENVIRONMENT", service.environments[0]),
    }
    return {
        "attributes_list": Reference("OTEL_RESOURCE_ATTRIBUTES"),
        "attributes": [{"name": name, "value": value} for name, value in attributes.items()],
        # Gives each process its service.instance.id.
        "detection/development": {"detectors": [{"service": {}}]},
    }


def _endpoint(model: Model) -> Reference:
    scheme = "https" if model.spec.stack.ingest.tls else "http"
    port = model.spec.stack.otelcol.ports.otlp_http
    return Reference(_ENDPOINT_VARIABLE, f"{scheme}://127.0.0.1:{port}")


def _exporter(model: Model, signal: str) -> dict[str, Any]:
    exporter: dict[str, Any] = {
        "endpoint": join(_endpoint(model), f"/v1/{signal}"),
        # The Collector is next door, and gzip costs the service's own CPU.
        "compression": "none",
        "timeout": _EXPORT_TIMEOUT_MS,
    }
    ingest = model.spec.stack.ingest
    if ingest.auth == "bearer":
        # The SDK reads no secret files: the token comes in the environment.
        token = join("Bearer ", Reference(_TOKEN_VARIABLE))
        exporter["headers"] = [{"name": "authorization", "value": token}]
    if ingest.tls:
        exporter["tls"] = {"ca_file": Reference(_CA_VARIABLE, "secrets/otlp_cert.pem")}
    return exporter


def _batch(model: Model, signal: str) -> dict[str, Any]:
    batch = {
        "schedule_delay": _BATCH_DELAY_MS,
        "export_timeout": _EXPORT_TIMEOUT_MS,
        "max_queue_size": _QUEUE,
        "max_export_batch_size": _BATCH[model.spec.sdk.exporter],
        "exporter": {_EXPORTERS[model.spec.sdk.exporter]: _exporter(model, signal)},
    }
    return {"batch": batch}


def _meter_provider(model: Model) -> dict[str, Any]:
    metrics = sdk.KIND.metrics(model)
    exporter = {**_exporter(model, "metrics"), "timeout": _METRIC_TIMEOUT_MS}
    return {
        # An exemplar of a trace that is not kept leads nowhere; those of the kept ones are
        # made in the Collector.
        "exemplar_filter": "always_off",
        "readers": [
            {
                "periodic": {
                    "interval": conventions.SDK_INTERVAL_MS,
                    "timeout": _METRIC_TIMEOUT_MS,
                    "exporter": {"otlp_http": {**exporter, "temporality_preference": "cumulative"}},
                }
            }
        ],
        "views": [_view(metric) for metric in metrics] + [_DROP_THE_REST],
        "meter_configurator/development": _meter_configurator(metrics),
    }


# An attribute that no instrument sets: the file's schema requires a name in the list.
_NO_ATTRIBUTES = {"included": ["imsobs.none"]}
# Views add up: an instrument that has a view of its own keeps it, all others are dropped. The
# SDK sorts and hashes the attributes of what it drops, too: better none.
_DROP_THE_REST: dict[str, Any] = {
    "selector": {"instrument_name": "*"},
    "stream": {"attribute_keys": _NO_ATTRIBUTES, "aggregation": {"drop": {}}},
}


def _view(metric: ResolvedMetric) -> dict[str, Any]:
    """Keep the attributes that are labels, so that the SDK adds up over all others."""
    attributes = sorted(metric.sdk_attributes.values())
    kept = {"included": attributes} if attributes else _NO_ATTRIBUTES
    stream: dict[str, Any] = {"attribute_keys": kept}
    if metric.buckets:
        histogram = {"boundaries": list(metric.buckets), "record_min_max": False}
        stream["aggregation"] = {"explicit_bucket_histogram": histogram}
    return {"selector": {"instrument_name": metric.sources[0]}, "stream": stream}


def _meter_configurator(metrics: list[ResolvedMetric]) -> dict[str, Any]:
    scopes: dict[str, None] = {}
    unknown = False
    for metric in metrics:
        found = [made for start, made in _METERS.items() if metric.sources[0].startswith(start)]
        unknown = unknown or not found
        scopes.update(dict.fromkeys(scope for made in found for scope in made))
    return {
        # The scope of a wanted metric is unknown: all meters stay on, and the views drop the rest.
        "default_config": {"enabled": unknown},
        "meters": [{"name": scope, "config": {"enabled": True}} for scope in scopes],
    }
