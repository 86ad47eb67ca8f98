"""Stands in for the Collector: takes OTLP over HTTP and remembers what it was sent."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from imsobs.runtime.drill.server import Server

_KINDS: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}
ERROR = 2


@dataclass(frozen=True)
class Span:
    """A span as it was sent. status: 0 unset, 1 ok, 2 error."""

    name: str
    server: bool
    trace_id: str
    span_id: str
    status: int
    attributes: dict[str, Any]
    exceptions: tuple[str, ...]
    resource: dict[str, Any]


@dataclass(frozen=True)
class Record:
    """A log record as it was sent."""

    logger: str
    body: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(frozen=True)
class Point:
    """The last data point of a metric of a process. start, time: nanoseconds."""

    value: float
    start: int
    time: int


@dataclass
class Sink:
    """A server on a free port of loopback. delay: seconds before it answers."""

    spans: list[Span] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    # (instance id, metric) -> its last point, and (instance id) -> its resource.
    points: dict[tuple[str, str], Point] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    delay: float = 0.0
    # Address of a connection -> the instance ids that were told over it.
    connections: dict[tuple[str, int], set[str]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                time.sleep(sink.delay)
                sink.take(_KINDS[self.path].FromString(body), self.client_address)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Forgiving(Server):
            def handle_error(self, *_: object) -> None:
                pass  # A process that was killed while it sent.

        self._lock = threading.Lock()
        self._server = Forgiving(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, request: Any, connection: tuple[str, int]) -> None:
        """Remember what an export request brings."""
        with self._lock:
            self.connections.setdefault(connection, set()).update(
                _values(group.resource.attributes)["service.instance.id"]
                for _, groups in request.ListFields()
                for group in groups
            )
            for group in getattr(request, "resource_spans", ()):
                resource = _values(group.resource.attributes)
                self.spans += [
                    _span(span, resource) for scope in group.scope_spans for span in scope.spans
                ]
            for group in getattr(request, "resource_logs", ()):
                resource = _values(group.resource.attributes)
                for scope in group.scope_logs:
                    self.records += [
                        Record(
                            scope.scope.name,
                            record.body.string_value,
                            record.trace_id.hex(),
                            record.span_id.hex(),
                            _values(record.attributes),
                            resource,
                        )
                        for record in scope.log_records
                    ]
            for group in getattr(request, "resource_metrics", ()):
                resource = _values(group.resource.attributes)
                instance = resource["service.instance.id"]
                self.resources[instance] = resource
                for scope in group.scope_metrics:
                    for metric in scope.metrics:
                        self.points[instance, metric.name] = _point(metric)

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self.spans.clear()
            self.records.clear()
            self.points.clear()
            self.resources.clear()

    def answered(self, route: str) -> Counter[str]:
        """Return instance id -> requests of a route."""
        return Counter(
            span.resource["service.instance.id"]
            for span in self.spans
            if span.server and span.attributes.get("http.route") == route
        )

    def value(self, instance: str, metric: str) -> float:
        """Return the last value of a process's metric: of a histogram, its count."""
        return self.points[instance, metric].value


def _span(span: Any, resource: dict[str, Any]) -> Span:
    return Span(
        span.name,
        span.kind == ProtoSpan.SPAN_KIND_SERVER,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.status.code,
        _values(span.attributes),
        tuple(_values(event.attributes).get("exception.type", "") for event in span.events),
        resource,
    )


def _point(metric: Any) -> Point:
    points = list(getattr(metric, metric.WhichOneof("data")).data_points)
    return Point(
        sum(_number(point) for point in points),
        points[-1].start_time_unix_nano,
        points[-1].time_unix_nano,
    )


def _number(point: Any) -> float:
    return float(
        getattr(point, point.WhichOneof("value")) if hasattr(point, "as_int") else point.count
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
