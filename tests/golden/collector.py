"""A real Collector with the rendered configuration, on free ports, for tests.

OTLP in over HTTP, series out by scraping. When an export is answered with 200, what it brings
waits its turn to be counted: a scrape here first lets a metric of its own go the same way
behind it, and so shows everything that was answered before.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from golden import otlp, series

from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.outputs import collector as output
from imsobs.pages import render_page
from imsobs.runtime.trial import free_ports

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/ims.yaml"
EXPOSED = ("metrics", "current", "processes", "state")
PORTS = ("otlp_grpc", "otlp_http", "health", "telemetry", *EXPOSED)
# The metric that is let go behind what was sent.
_BARRIER = "barrier"
_START_SECONDS = 60.0


def compiled(overlay: dict[str, Any], folder: Path, spec: Path = SPEC) -> Model:
    """Return the model of a spec, the project's own by default, with an overlay laid over it."""
    file = folder / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay))
    read = read_spec([spec, file])
    assert read.model is not None, "\n".join(read.lines())
    return read.model


def _traces_to(file: Path, model: Model) -> dict[str, Any]:
    """Return configuration that puts a file in the trace backend's place."""
    planned = output.plan(model).pipelines["traces/store"]["exporters"]
    exporters = ["file/traces" if name.startswith("otlp_grpc/") else name for name in planned]
    return {
        "exporters": {"file/traces": {"path": str(file), "flush_interval": "100ms"}},
        "service": {"pipelines": {"traces/store": {"exporters": exporters}}},
    }


def _barrier_at(port: int, model: Model) -> dict[str, Any]:
    """Return configuration that takes metrics into the queue of what is to be counted."""
    receivers = output.plan(model).pipelines["metrics/derived"]["receivers"]
    endpoint = {"http": {"endpoint": f"127.0.0.1:{port}"}}
    return {
        "receivers": {"otlp/barrier": {"protocols": endpoint}},
        "service": {"pipelines": {"metrics/derived": {"receivers": [*receivers, "otlp/barrier"]}}},
    }


@dataclass
class Collector:
    """One Collector process.

    folder: its configuration, state and log. exposed: the ports with series; without a health
    route there is none of the probe's.
    """

    binary: Path
    folder: Path
    overlay: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    spec: Path = SPEC
    exposed: tuple[str, ...] = EXPOSED

    def __post_init__(self) -> None:
        self._barrier_port, *ports = free_ports(1 + len(PORTS))
        self.ports = dict(zip(PORTS, ports, strict=True))
        overlay = {**self.overlay, "stack": {"otelcol": {"ports": self.ports}}}
        self.model = compiled(overlay, self.folder, self.spec)
        self.config = self.folder / "config.yaml"
        self.config.write_bytes(render_page(output.plan(self.model).config))
        # What the trace backend would get goes into a file.
        self.trace_file = self.folder / "config-traces.yaml"
        self.trace_file.write_text(yaml.safe_dump(_traces_to(self.stored_traces, self.model)))
        self._barriers = 0
        self.barrier_file = self.folder / "config-barrier.yaml"
        self.barrier_file.write_text(yaml.safe_dump(_barrier_at(self._barrier_port, self.model)))
        self.log = self.folder / "collector.log"
        self.client = httpx.Client(timeout=60.0, trust_env=False)

    @property
    def stored_traces(self) -> Path:
        """The file that stands for the trace backend: OTLP/JSON, one export per line."""
        return self.folder / "traces.jsonl"

    @property
    def stored_logs(self) -> Path:
        """The file that log records are stored in."""
        return self.folder / "state/logs/store.jsonl"

    def start(self) -> Collector:
        """Start the process and wait until it is healthy."""
        env = {
            **os.environ,
            "IMSOBS_STATE": str(self.folder / "state"),
            "GOMAXPROCS": "2",
            **self.env,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.binary,
                    *(
                        f"--config={file}"
                        for file in (self.config, self.trace_file, self.barrier_file)
                    ),
                ],
                stdout=log,
                stderr=log,
                env=env,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.healthy():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.05)
        return self

    def healthy(self) -> bool:
        """Return whether the health endpoint answers with 200."""
        try:
            return self.client.get(f"http://127.0.0.1:{self.ports['health']}/").status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process and wait for it."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            self.process = None

    def close(self) -> None:
        """End the process and the connections to it, for good."""
        self.stop()
        self.client.close()

    def send(self, signal_name: str, request: dict[str, Any]) -> httpx.Response:
        """Post an OTLP/JSON export request: ``traces``, ``logs`` or ``metrics``."""
        body = gzip.compress(json.dumps(request).encode(), compresslevel=1)
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        return self._post(signal_name, body, headers)

    def send_bytes(self, signal_name: str, body: bytes) -> httpx.Response:
        """Post an OTLP/protobuf export request."""
        return self._post(signal_name, body, {"content-type": "application/x-protobuf"})

    def _post(self, signal_name: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        url = f"http://127.0.0.1:{self.ports['otlp_http']}/v1/{signal_name}"
        response = self.client.post(url, content=body, headers=headers)
        response.raise_for_status()
        return response

    def scrape_text(self, port: str = "metrics", accept: str = "text/plain") -> str:
        """Return the exposition of one of the Collector's ports.

        What was answered with 200 before is in it; the barrier's own series is not.
        """
        if port == "metrics":
            self._pass_barrier()
        text = self._scrape(port, accept)
        return "".join(line for line in text.splitlines(True) if _BARRIER not in line)

    def _pass_barrier(self) -> None:
        self._barriers += 1
        number = self._barriers
        request = otlp.metrics(
            "barrier", [{"name": _BARRIER, "type": "gauge", "points": [{"value": number}]}]
        )
        url = f"http://127.0.0.1:{self._barrier_port}/v1/metrics"
        self.client.post(url, json=request).raise_for_status()
        deadline = time.monotonic() + _START_SECONDS
        while f"}} {number}\n" not in "".join(
            line for line in self._scrape("metrics").splitlines(True) if line.startswith(_BARRIER)
        ):
            assert time.monotonic() < deadline, "what was sent is not counted"
            time.sleep(0.01)

    def _scrape(self, port: str, accept: str = "text/plain") -> str:
        response = self.client.get(
            f"http://127.0.0.1:{self.ports[port]}/metrics", headers={"accept": accept}
        )
        response.raise_for_status()
        return response.text

    def series(self) -> dict[str, dict[series.Labels, float]]:
        """Return every derived, SDK and probe series: name -> labels -> value."""
        found: dict[str, dict[series.Labels, float]] = {}
        for port in self.exposed:
            for name, rows in series.parse(self.scrape_text(port)).items():
                found.setdefault(name, {}).update(rows)
        return found
