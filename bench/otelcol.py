"""Collectors for the benchmark: rendered, cut down or passing through, on one core."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.harness import ROOT, cpu_seconds, memory_mib
from bench.project import await_http, process
from bench.replay import Payload, Sent, send
from imsobs import yamlio
from imsobs.model import resolve
from imsobs.outputs import collector as output
from imsobs.outputs.collector import ordered
from imsobs.pages import render_page
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.trial import free_ports
from imsobs.spec.parse import parse

Config = dict[str, Any]
# At rest: two such windows in which the process used no more than this share of a core.
_WINDOW_SECONDS = 0.5
_IDLE_SHARE = 0.04
_DRAIN_SECONDS = 60.0


def full(spec: dict[str, Any]) -> Config:
    """Return the Collector configuration that is rendered from a spec's data."""
    parsed, problems = parse(spec)
    if parsed is None:
        raise SystemExit(str(problems[:3]))
    return yaml.safe_load(render_page(output.plan(resolve(parsed)).config))  # type: ignore[no-any-return]


def derive_only(config: Config) -> Config:
    """Return the configuration without storage: labels and counting alone."""
    return _without(config, "store")


def store_only(config: Config) -> Config:
    """Return the configuration without derivation: sampling, redaction, export."""
    return _without(config, "derive")


def _without(config: Config, stage: str) -> Config:
    """Leave out the pipelines of a stage, and what nothing leads to without them."""
    changed = deepcopy(config)
    pipelines, connectors = changed["service"]["pipelines"], changed["connectors"]
    for name in ("traces", "logs"):
        pipelines.pop(f"{name}/{stage}")
    while True:
        fed = {name for pipeline in pipelines.values() for name in pipeline["exporters"]}
        for pipeline in pipelines.values():
            pipeline["receivers"] = [
                name for name in pipeline["receivers"] if name not in connectors or name in fed
            ]
        unfed = [name for name, pipeline in pipelines.items() if not pipeline["receivers"]]
        if not unfed:
            break
        for name in unfed:
            del pipelines[name]
    used = {name for pipeline in pipelines.values() for name in pipeline["receivers"]}
    changed["connectors"] = {name: connectors[name] for name in connectors if name in used}
    return changed


def unordered(config: Config) -> Config:
    """Return the configuration without what makes concurrent requests add up (ADR 11)."""
    changed = deepcopy(config)
    pipelines = changed["service"]["pipelines"]
    pipelines["metrics/derived"]["processors"].remove(ordered.QUEUE)
    del changed["processors"][ordered.QUEUE]
    groups = changed["processors"]["transform/derived"]["metric_statements"]
    for group in groups:
        group["statements"] = [s for s in group["statements"] if s not in ordered.times()]
    return changed


def pass_through(config: Config) -> Config:
    """Return a configuration that takes all signals and forgets them."""
    pipeline = {"receivers": ["otlp"], "exporters": ["nop"]}
    return {
        "extensions": {"health_check": config["extensions"]["health_check"]},
        "receivers": {"otlp": config["receivers"]["otlp"]},
        "exporters": {"nop": None},
        "service": {
            "extensions": ["health_check"],
            "telemetry": config["service"]["telemetry"],
            "pipelines": {"traces": pipeline, "logs": pipeline, "metrics": pipeline},
        },
    }


@dataclass
class Collector:
    """A running Collector."""

    pid: int
    port: int
    grpc: int
    metrics: int
    telemetry: int

    def scrape(self) -> int:
        """Scrape the derived metrics as Prometheus would; return how many lines came."""
        return len(_samples(self.metrics))

    def drained(self, signal: str, sent: int) -> float:
        """Wait until ``sent`` items have come in and nothing is left to do with them.

        Return the CPU seconds used until then. SystemExit when anything is lost or stuck.
        """
        deadline = time.monotonic() + _DRAIN_SECONDS
        while True:
            spent = self.at_rest()
            left = _left(signal, sent, _samples(self.telemetry))
            if not left:
                return spent
            if time.monotonic() > deadline:
                raise SystemExit(f"{signal}: {left} after {_DRAIN_SECONDS:.0f} s")

    def at_rest(self) -> float:
        """Wait until it is idle; return the CPU seconds used until then."""
        before, quiet = cpu_seconds(self.pid), 0
        while quiet < 2:
            time.sleep(_WINDOW_SECONDS)
            now = cpu_seconds(self.pid)
            quiet = quiet + 1 if now - before <= _IDLE_SHARE * _WINDOW_SECONDS else 0
            before = now
        return before


def _samples(port: int) -> list[tuple[str, float]]:
    """Return what an endpoint exposes: series (name and labels) and values."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        lines = client.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
    rows = (line.split(" # ")[0].rpartition(" ") for line in lines if not line.startswith("#"))
    return [(series, float(value)) for series, _, value in rows]


def _left(signal: str, sent: int, samples: list[tuple[str, float]]) -> str:
    """Return what the Collector's own metrics say is missing or waiting, or nothing."""

    def total(name: str, *labels: str) -> float:
        return sum(
            value
            for series, value in samples
            if series.partition("{")[0] == f"otelcol_{name}"
            and all(label in series for label in labels)
        )

    items = {"traces": "spans", "logs": "log_records"}[signal]
    # The last step before a store, and the store.
    stored = total("processor_outgoing_items_total", f'"{signal}"', '"transform/stored"')
    sampling = "processor_tail_sampling_"
    # Traces that are given up because the room for them is full are not among them.
    decided = total(f"{sampling}global_count_traces_sampled_total")
    pairs = {
        "accepted": (total(f"receiver_accepted_{items}_total"), sent),
        "stored": (total(f"exporter_sent_{items}_total"), stored),
        "decided": (decided, total(f"{sampling}new_trace_id_received_total")),
        "waiting": (total("exporter_queue_size"), 0),
    }
    return ", ".join(
        f"{what} {found:,.0f}, not {wanted:,.0f}"
        for what, (found, wanted) in pairs.items()
        if found != wanted
    )


def _environment() -> dict[str, str]:
    """Return the environment that is rendered, with what the caller sets in its stead."""
    rendered = load_plan(ROOT).processes["otelcol"].env
    chosen = {name: os.environ[name] for name in ("GOGC", "GOMEMLIMIT") if name in os.environ}
    return {**rendered, **chosen}


@contextmanager
def running(config: Config, folder: Path, cores: int = 1, nice: int = 0) -> Iterator[Collector]:
    """Run a Collector on free ports, its trace exporter connected to a sink.

    nice: how readily it yields the processor to others (0-19).
    """
    folder.mkdir(parents=True, exist_ok=True)
    otlp, grpc, health, metrics, telemetry, jaeger, *further = free_ports(9)
    changed = deepcopy(config)
    changed["extensions"]["health_check"]["endpoint"] = f"127.0.0.1:{health}"
    protocols = changed["receivers"]["otlp"]["protocols"]
    protocols["http"]["endpoint"] = f"127.0.0.1:{otlp}"
    protocols["grpc"]["endpoint"] = f"127.0.0.1:{grpc}"
    reader = changed["service"]["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]
    reader["prometheus"]["port"] = telemetry
    exposing = [name for name in changed["exporters"] if name.startswith("prometheus/")]
    for name in exposing:
        port = metrics if name == "prometheus/derived" else further.pop()
        changed["exporters"][name]["endpoint"] = f"127.0.0.1:{port}"
    file, log = folder / "config.yaml", folder / "otelcol.log"
    file.write_text(yamlio.dump(changed), "utf-8")
    binary = resolve_binary("otelcol", ROOT)
    env = {
        **_environment(),
        "IMSOBS_STATE": str(folder / "state"),
        "IMSOBS_JAEGER_ENDPOINT": f"127.0.0.1:{jaeger}",
        # The probe would find nobody: a port that is held by no one answers at once.
        "IMSOBS_SERVICE_URL": "http://127.0.0.1:9",
        "GOMAXPROCS": str(cores),
    }
    with (
        _sink(folder, binary, jaeger),
        process(["nice", f"-n{nice}", binary, f"--config={file}"], log, env) as started,
    ):
        await_http(f"http://127.0.0.1:{health}/", started, log)
        yield Collector(started.pid, otlp, grpc, metrics, telemetry)


@contextmanager
def _sink(folder: Path, binary: Path, port: int) -> Iterator[None]:
    """Take the stored traces in Jaeger's place; what that costs is nobody's."""
    (health,) = free_ports(1)
    config = {
        "extensions": {"health_check": {"endpoint": f"127.0.0.1:{health}"}},
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"nop": None},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["nop"]}},
        },
    }
    file, log = folder / "sink.yaml", folder / "sink.log"
    file.write_text(yamlio.dump(config), "utf-8")
    with process([binary, f"--config={file}"], log, {"GOMAXPROCS": "1"}) as started:
        await_http(f"http://127.0.0.1:{health}/", started, log)
        yield


@dataclass(frozen=True)
class Measure:
    """What a Collector needed. per_core: items per CPU second; memory: peak, MiB."""

    per_core: float
    cpu_us: float
    memory: float
    series: int
    sent: Sent


def measure(
    config: Config,
    folder: Path,
    signal: str,
    payloads: list[Payload],
    items: int,
    *,
    count_series: bool = True,
) -> Measure:
    """Send ``items`` items after a warm-up, let everything drain, return the cost of all."""
    with running(config, folder) as collector:
        warm = send(collector.port, signal, payloads, items // 4).items
        before = collector.drained(signal, warm)
        sent = send(collector.port, signal, payloads, items)
        spent = collector.drained(signal, warm + sent.items) - before
        series = collector.scrape() if count_series else 0
        memory = memory_mib(collector.pid)
    return Measure(sent.items / spent, spent / sent.items * 1e6, memory, series, sent)
