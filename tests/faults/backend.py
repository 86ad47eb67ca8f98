"""What the Collector sends to in these tests: a store that can be counted, and a bad line.

The store is a second Collector that writes each trace and log record it took as a line of
JSON. It stands in for Jaeger (OTLP over gRPC) and Loki (OTLP over HTTP at /otlp), of which
neither could say how often it was given the same record.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import yaml
from golden.collector import free_ports

_START_SECONDS = 60.0


@dataclass
class Backend:
    """A store of traces and logs on ports of its own, which outlive its restarts."""

    binary: Path
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ports = dict(zip(("grpc", "http"), free_ports(2), strict=True))
        (self.folder / "backend.yaml").write_text(yaml.safe_dump(self._config()))

    def _config(self) -> dict[str, object]:
        # Rotation turns the exporter's write buffer off: what is acknowledged is written.
        rotation = {"max_megabytes": 4096}
        return {
            "receivers": {
                "otlp": {
                    "protocols": {
                        "grpc": {
                            "endpoint": f"127.0.0.1:{self.ports['grpc']}",
                            "max_recv_msg_size_mib": 64,
                        },
                        "http": {
                            "endpoint": f"127.0.0.1:{self.ports['http']}",
                            "logs_url_path": "/otlp/v1/logs",
                        },
                    }
                }
            },
            "exporters": {
                f"file/{kind}": {"path": str(self.folder / f"{kind}.jsonl"), "rotation": rotation}
                for kind in ("traces", "logs")
            },
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {
                    kind: {"receivers": ["otlp"], "exporters": [f"file/{kind}"]}
                    for kind in ("traces", "logs")
                },
            },
        }

    def environment(self) -> dict[str, str]:
        """Return what tells a Collector to send here."""
        return sending_to(self.ports["grpc"], self.ports["http"])

    def start(self) -> Self:
        """Start it and wait until it takes connections."""
        with (self.folder / "backend.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, f"--config={self.folder / 'backend.yaml'}"],
                stdout=log,
                stderr=log,
                env={**os.environ, "GOMAXPROCS": "2"},
            )
        deadline = time.monotonic() + _START_SECONDS
        for port in self.ports.values():
            while not listens(port):
                assert time.monotonic() < deadline, "the backend does not start"
                time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End it; what it took is written already."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.process = None

    def spans(self) -> Counter[str]:
        """Return how often each trace id was stored; a test's trace has one span."""
        return Counter(
            span["traceId"]
            for resource in self._read("traces", "resourceSpans")
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        )

    def logs(self) -> Counter[str]:
        """Return how often each log record was stored, by its body."""
        return Counter(
            record["body"]["stringValue"]
            for resource in self._read("logs", "resourceLogs")
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        )

    def _read(self, kind: str, key: str) -> list[dict[str, list[dict[str, list[dict[str, str]]]]]]:
        path = self.folder / f"{kind}.jsonl"
        if not path.exists():
            return []
        return [
            resource
            for line in path.read_text().splitlines()
            if line.endswith("}")  # The last line may be in the middle of being written.
            for resource in json.loads(line)[key]
        ]


def sending_to(grpc: int, http: int) -> dict[str, str]:
    """Return the variables that direct a Collector's traces and logs to these ports."""
    return {
        "IMSOBS_JAEGER_ENDPOINT": f"127.0.0.1:{grpc}",
        "IMSOBS_LOKI_ENDPOINT": f"http://127.0.0.1:{http}",
        "IMSOBS_LOG_EXPORTER": "otlp_http/logs",
    }


def listens(port: int) -> bool:
    """Return whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Link:
    """A line to a port that delivers at once but lets answers wait ``delay`` seconds."""

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self.delay = delay
        self._target = target
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._open += [near, far]
                for source, sink, slow in ((near, far, False), (far, near, True)):
                    threading.Thread(
                        target=self._pump, args=(source, sink, slow), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, slow: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if slow:
                    time.sleep(self.delay)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening and cut every connection."""
        for end in (self._listener, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
