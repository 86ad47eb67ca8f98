"""Several Collectors in their roles on loopback addresses, and a store behind them.

Every process listens at the ports of the spec, at an address of its own. The store is a Collector
that writes what it takes as lines of JSON, so that it can be said how often it was given a span.
"""

from __future__ import annotations

import json
import random
import signal
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.harness import ROOT
from bench.project import SPEC
from bench.scale.node import Node, finding
from imsobs import yamlio
from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.outputs.collector.roles import CURRENT, DERIVE, SAMPLE, Hosts, Topology, role_configs
from imsobs.runtime.build.binaries import resolve_binary

# Every trace is kept, and soon.
KEEP_ALL: dict[str, Any] = {"sampling": {"rate": 1.0, "slow": "1s", "decision_wait": "2s"}}
_STORE_PORT = 4317
_TENS = {DERIVE: 10, SAMPLE: 20, CURRENT: 30, "store": 40, "prometheus": 50, "alertmanager": 60}
_TENS |= {"cortex": 70, "etcd": 80}


def model_with(folder: Path, overlay: Mapping[str, Any]) -> Model:
    """Return the model of the project's spec with an overlay."""
    file = folder / "overlay.yaml"
    file.write_text(yamlio.dump(dict(overlay)), "utf-8")
    model = read_spec([SPEC, file]).model
    if model is None:
        raise SystemExit(f"the spec with {overlay} is at fault")
    return model


@dataclass
class Cluster:
    """Processes of a model, each at an address of one block. folder: theirs.

    topology: of the roles; by default `derive` knows the processes of `sample` by their addresses.
    env: of every Collector. resolv_conf: what `derive` finds as /etc/resolv.conf. program: which
    Collector; the plain one balances nothing.
    """

    folder: Path
    model: Model
    block: str
    samples: int = 2
    topology: Topology | None = None
    env: dict[str, str] = field(default_factory=dict)
    resolv_conf: Path | None = None
    program: str = "otelcol-roles"
    nodes: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.binary = resolve_binary(self.program, ROOT)
        self.ports = self.model.spec.stack.otelcol.ports
        names = tuple(
            f"{self.address(SAMPLE, n)}:{self.ports.otlp_grpc}" for n in range(self.samples)
        )
        topology = self.topology or Topology(
            Hosts(names), f"{self.address(CURRENT)}:{self.ports.otlp_grpc}"
        )
        for role, config in role_configs(self.model, topology).items():
            (self.folder / f"{role}.yaml").write_text(yamlio.dump(config), "utf-8")

    def address(self, role: str, number: int = 0) -> str:
        """Return the address of a process."""
        return f"{self.block}.{_TENS[role] + number}"

    def node(self, role: str, number: int = 0) -> Node:
        """Return a process of a role, made when it is first asked for; it is not started."""
        name = f"{role}-{number}"
        if name not in self.nodes:
            address = self.address(role, number)
            folder = self.folder / name
            command: list[str | Path] = [self.binary, f"--config={self.folder / role}.yaml"]
            if role == DERIVE:
                command = finding(command, self.resolv_conf)
            env = {
                "IMSOBS_BIND_ADDRESS": address,
                "IMSOBS_STATE": str(folder / "state"),
                "IMSOBS_JAEGER_ENDPOINT": f"{self.address('store')}:{_STORE_PORT}",
                # Nobody answers the probe.
                "IMSOBS_SERVICE_URL": "http://127.0.0.1:1",
                "GOMAXPROCS": "1",
                **self.env,
            }
            ready = f"http://{address}:{self.ports.health}/"
            self.nodes[name] = Node(address, command, folder, ready, env)
        return self.nodes[name]

    def start(self, **roles: int) -> Cluster:
        """Start the store, and so many processes of each role; wait for all."""
        starting = [self.store(), *(self.node(r, n) for r in roles for n in range(roles[r]))]
        for node in starting:
            node.start(wait=False)
        for node in starting:
            node.await_ready()
        return self

    def store(self) -> Node:
        """Return the store of traces."""
        if "store" not in self.nodes:
            address, folder = self.address("store"), self.folder / "store"
            folder.mkdir(parents=True)
            health = f"{address}:{self.ports.health}"
            grpc = {"endpoint": f"{address}:{_STORE_PORT}", "max_recv_msg_size_mib": 64}
            # Rotation turns the exporter's write buffer off: what is acknowledged is written.
            file = {"path": str(folder / "traces.jsonl"), "rotation": {"max_megabytes": 4096}}
            config = {
                "extensions": {"health_check": {"endpoint": health}},
                "receivers": {"otlp": {"protocols": {"grpc": grpc}}},
                "exporters": {"file": file},
                "service": {
                    "extensions": ["health_check"],
                    "telemetry": {"metrics": {"level": "none"}},
                    "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
                },
            }
            (folder / "config.yaml").write_text(yamlio.dump(config), "utf-8")
            command: list[str | Path] = [self.binary, f"--config={folder / 'config.yaml'}"]
            env = {"GOMAXPROCS": "1"}
            self.nodes["store"] = Node(address, command, folder, f"http://{health}/", env)
        return self.nodes["store"]

    def stored_spans(self) -> dict[str, Counter[str]]:
        """Return trace id -> span id -> how often the store was given it."""
        found: dict[str, Counter[str]] = {}
        for resource in _lines(self.folder / "store/traces.jsonl", "resourceSpans"):
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    found.setdefault(span["traceId"], Counter())[span["spanId"]] += 1
        return found

    def stored_records(self) -> Counter[str]:
        """Return how often each log record was stored, by its body."""
        return Counter(
            record["body"]["stringValue"]
            for file in self.folder.glob("derive-*/state/logs/store.jsonl")
            for resource in _lines(file, "resourceLogs")
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        )

    def stop(self) -> None:
        """End everything, what is paused too."""
        for node in reversed(self.nodes.values()):
            if node.running is not None:
                node.proceed()
                node.stop(signal.SIGKILL)


def _lines(file: Path, key: str) -> Iterator[dict[str, Any]]:
    if not file.exists():
        return
    for line in file.read_text("utf-8").splitlines():
        if line.endswith("}"):  # The last one may be in the middle of being written.
            yield from json.loads(line)[key]


def free_block() -> str:
    """Return three numbers of a block of loopback addresses that nobody uses."""
    while True:
        block = f"127.{random.randint(20, 250)}.{random.randint(1, 250)}"  # noqa: S311
        with socket.socket() as probe, suppress(OSError):
            probe.bind((f"{block}.11", 4317))
            return block


@contextmanager
def running(
    folder: Path, overlay: Mapping[str, Any], block: str | None = None, **given: Any
) -> Iterator[Cluster]:
    """Yield a cluster of the project's spec with an overlay; all its processes end with it."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model_with(folder, overlay)
    cluster = Cluster(folder / "cluster", model, block or free_block(), **given)
    try:
        yield cluster
    finally:
        cluster.stop()
