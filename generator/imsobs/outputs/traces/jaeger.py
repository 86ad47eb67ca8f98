"""Plan of stack/jaeger.yaml: Jaeger v2, which is a Collector with a store and a UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.collector.settings import LARGEST_BATCH_MIB
from imsobs.outputs.references import COLLECTOR, Joined, Reference, join, written
from imsobs.pages import Page, YamlPage
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.stack import Jaeger

_BIND = Reference("IMSOBS_BIND_ADDRESS", "127.0.0.1")
_DATA = Reference("IMSOBS_JAEGER_DATA", ".imsobs/data/jaeger")


def plan(model: Model) -> Iterator[Page]:
    """Yield jaeger.yaml when the stack has Jaeger."""
    if model.spec.stack.jaeger:
        planned = written(sections(model, model.spec.stack.jaeger), COLLECTOR)
        yield YamlPage(artifacts.JAEGER, planned, "stack/jaeger.yaml.j2")


def sections(model: Model, jaeger: Jaeger) -> dict[str, Any]:
    """Return the sections of jaeger.yaml; references are not written yet."""
    ports = jaeger.ports
    return {
        "extensions": {
            "jaeger_storage": {"backends": {"traces": {"badger": _badger(model)}}},
            "jaeger_query": {
                "storage": {"traces": "traces"},
                "http": {"endpoint": _listen(ports.http)},
                "grpc": {"endpoint": _listen(ports.query_grpc)},
            },
            "healthcheckv2": {
                "use_v2": False,
                "endpoint": _listen(ports.health),
                "path": "/",
                # An empty configuration: the image has no HTTP client but the binary's own
                # reader of configurations, which is what the health check uses.
                "response_body": {"healthy": "{}", "unhealthy": "unhealthy"},
            },
        },
        "receivers": {"otlp": {"protocols": {"grpc": _receiver(ports.otlp_grpc)}}},
        "processors": {"batch": {}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "traces"}},
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["batch"],
                    "exporters": ["jaeger_storage_exporter"],
                }
            },
            "telemetry": {
                "resource": {"service.name": "jaeger"},
                "logs": {"level": "info", "encoding": "json"},
                "metrics": {"level": "normal", "readers": [_reader(ports.telemetry)]},
            },
        },
    }


def _listen(port: int) -> Joined:
    return join(_BIND, f":{port}")


def _receiver(port: int) -> dict[str, Any]:
    # The default of 4 MiB refuses for good what the Collector may send at once.
    return {"endpoint": _listen(port), "max_recv_msg_size_mib": 2 * LARGEST_BATCH_MIB}


def _badger(model: Model) -> dict[str, Any]:
    hours = max(1, seconds(model.spec.retention.traces) // 3600)
    return {
        "ephemeral": False,
        "directories": {
            "keys": join(_DATA, "/keys"),
            "values": join(_DATA, "/values"),
        },
        "ttl": {"spans": f"{hours}h"},
    }


def _reader(port: int) -> dict[str, Any]:
    return {"pull": {"exporter": {"prometheus": {"host": _BIND, "port": port}}}}
