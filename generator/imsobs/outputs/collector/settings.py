"""Receivers, exporters, extensions and the Collector's own telemetry."""

from __future__ import annotations

from typing import Any

from imsobs.model import Model
from imsobs.outputs.references import Joined, Reference, Value, join

# Loopback unless the environment says otherwise: a container has its own.
_BIND = Reference("IMSOBS_BIND_ADDRESS", "127.0.0.1")
_STATE = "IMSOBS_STATE"
MIB = 1024 * 1024
# Decompressed; what is larger is refused. A request of 15 MiB can hold values that nest so deep
# that reading them overflows Go's stack, which ends the process; one of 4 MiB cannot.
LARGEST_REQUEST_MIB = 4
# Nothing that was taken in is larger; the stores must take as much in one message.
LARGEST_BATCH_MIB = 2 * LARGEST_REQUEST_MIB
# Exporters to the stores; without Loki, log records go to the file.
TRACES, LOGS, FILE = "otlp_grpc/traces", "otlp_http/logs", "file"
# What an exporter keeps on disk while its store is away.
STORAGE = "file_storage"
# How long a store may take to answer; after that the same batch is sent again.
_TIMEOUT = "30s"


def _listen(port: int) -> Joined:
    return join(_BIND, f":{port}")


def _state(folder: str) -> Joined:
    return join(Reference(_STATE, ".imsobs"), f"/{folder}")


def extensions(model: Model) -> dict[str, Any]:
    """Return the health endpoint, and the persistent queue on disk."""
    return {
        "health_check": {
            "endpoint": _listen(model.spec.stack.otelcol.ports.health),
            # An empty configuration: the container's health check is `validate` reading it,
            # as the image has no HTTP client.
            "response_body": {"healthy": "{}", "unhealthy": "unhealthy"},
        },
        STORAGE: {
            "directory": _state("queue"),
            "create_directory": True,
            "recreate": True,
            # A power cut must not leave a file that no later start can open.
            "fsync": True,
        },
    }


def memory_limiter(model: Model) -> dict[str, Any]:
    """Return the memory limiter, the first processor of every pipeline that receives OTLP."""
    limit = model.spec.collector.memory_limit_mib
    return {"check_interval": "1s", "limit_mib": limit, "spike_limit_mib": _spike_mib(model)}


def _spike_mib(model: Model) -> int:
    return model.spec.collector.memory_limit_mib // 4


def runtime(model: Model) -> dict[str, str]:
    """Return the variables that set when the Go runtime collects garbage (ADR 8).

    Rarely while there is memory, but always before memory_limiter, which counts garbage too,
    would refuse data.
    """
    refuses_mib = model.spec.collector.memory_limit_mib - _spike_mib(model)
    return {"GOGC": "300", "GOMEMLIMIT": f"{refuses_mib}MiB"}


def receivers(model: Model) -> dict[str, Any]:
    """Return the receiver of OTLP."""
    ports = model.spec.stack.otelcol.ports
    return {
        "otlp": {
            "protocols": {
                "grpc": {
                    "endpoint": _listen(ports.otlp_grpc),
                    "max_recv_msg_size_mib": LARGEST_REQUEST_MIB,
                },
                "http": {
                    "endpoint": _listen(ports.otlp_http),
                    "max_request_body_size": LARGEST_REQUEST_MIB * MIB,
                },
            }
        },
    }


def exporters(model: Model) -> dict[str, Any]:
    """Return where metrics, traces and logs go."""
    keep, stack = model.spec.collector, model.spec.stack
    ports = stack.otelcol.ports
    stores: dict[str, Any] = {}
    if stack.jaeger:
        jaeger = f"127.0.0.1:{stack.jaeger.ports.otlp_grpc}"
        stores[TRACES] = store(Reference("IMSOBS_JAEGER_ENDPOINT", jaeger), model)
    if stack.loki:
        loki = f"http://127.0.0.1:{stack.loki.ports.http}"
        stores[LOGS] = store(join(Reference("IMSOBS_LOKI_ENDPOINT", loki), "/otlp"), model)
    return {
        "prometheus/derived": _prometheus(ports.metrics, keep.keep_idle),
        "prometheus/current": _prometheus(ports.current, keep.keep_gone),
        "prometheus/processes": _prometheus(ports.processes, keep.keep_gone),
        "prometheus/state": _prometheus(ports.state, keep.keep_idle),
        **stores,
        FILE: {
            "path": _state("logs/store.jsonl"),
            "rotation": {"max_megabytes": 64, "max_backups": 5},
            "create_directory": True,
        },
    }


def store(endpoint: Value, model: Model) -> dict[str, Any]:
    """Return the exporter to a store: what it cannot take yet waits on disk."""
    return {
        "endpoint": endpoint,
        "tls": {"insecure": True},
        # The store is on the same machine, or in the same cluster: to compress costs more than it
        # saves there.
        "compression": "none",
        "timeout": _TIMEOUT,
        "retry_on_failure": patient("30s"),
        "sending_queue": {
            "enabled": True,
            "storage": STORAGE,
            "sizer": "bytes",
            "queue_size": model.spec.collector.queue_mib * MIB,
            "batch": gathered("1s"),
        },
    }


def patient(longest: str) -> dict[str, Any]:
    """Return the setting to try for ever, at intervals of at most ``longest``.

    0 is "for ever": the size of the queue bounds how much waits, not the clock.
    """
    return {
        "enabled": True,
        "initial_interval": "1s",
        "max_interval": longest,
        "max_elapsed_time": "0s",
    }


def gathered(flush: str) -> dict[str, Any]:
    """Return in which batches waiting data is sent: of at least 1 MiB, or after ``flush``.

    A single span or record larger than the largest batch would be dropped.
    """
    return {
        "flush_timeout": flush,
        "sizer": "bytes",
        "min_size": MIB,
        "max_size": LARGEST_BATCH_MIB * MIB,
    }


def _prometheus(port: int, expiration: str) -> dict[str, Any]:
    return {
        "endpoint": _listen(port),
        "metric_expiration": expiration,
        "enable_open_metrics": True,
        "without_scope_info": True,
        # The spec's names are Prometheus' names: nothing is appended.
        "translation_strategy": "UnderscoreEscapingWithoutSuffixes",
    }


def telemetry(model: Model) -> dict[str, Any]:
    """Return the Collector's own metrics for Prometheus, and its log."""
    return {
        "logs": {"level": "info", "encoding": "json"},
        "metrics": {
            "level": "normal",
            "readers": [
                {
                    "pull": {
                        "exporter": {
                            "prometheus": {
                                "host": _BIND,
                                "port": model.spec.stack.otelcol.ports.telemetry,
                                "without_scope_info": True,
                                "without_type_suffix": False,
                                "without_units": False,
                            }
                        }
                    }
                }
            ],
        },
    }
