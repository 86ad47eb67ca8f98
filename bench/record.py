"""Records what the demo service sends over OTLP, to be sent again by the benchmarks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.project import rendered
from gateway.launch import Launch, running
from gateway.traffic import Order, send
from imsobs.runtime.drill.server import Server


@dataclass
class Recorded:
    """Export requests as they came, protobuf-encoded, by signal."""

    traces: list[bytes] = field(default_factory=list)
    logs: list[bytes] = field(default_factory=list)
    metrics: list[bytes] = field(default_factory=list)

    def all_traces(self) -> ExportTraceServiceRequest:
        """Return everything that was recorded of traces as one request."""
        whole = ExportTraceServiceRequest()
        for body in self.traces:
            whole.MergeFromString(body)
        return whole

    def all_logs(self) -> ExportLogsServiceRequest:
        """Return everything that was recorded of logs as one request."""
        whole = ExportLogsServiceRequest()
        for body in self.logs:
            whole.MergeFromString(body)
        return whole


@contextmanager
def recorder() -> Iterator[tuple[str, Recorded]]:
    """Serve OTLP over HTTP on loopback; yield the endpoint and what comes in."""
    found = Recorded()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            getattr(found, self.path.rpartition("/")[2]).append(body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", found
    finally:
        server.shutdown()
        server.server_close()


def record_demo(folder: Path, count: int, seed: int = 7) -> Recorded:
    """Return what the demo service sends while ``count`` scenarios are played against it."""
    rendered(folder)
    with recorder() as (endpoint, found):
        launch = Launch(root=folder, logs=folder / "logs", endpoint=endpoint)
        with running(launch) as service:
            send(service.gateway_url, Order("steady", count=count, seed=seed))
    return found
