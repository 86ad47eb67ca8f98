"""Estimate of a cluster: pods, series, disk and network at the request rate of one region.

Constants and formulas are in the open (``cluster_constants``), as those of one machine are
(``model.estimate``). What of it is too low for the load is said by ``cluster_findings``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from imsobs.model import Model
from imsobs.model.cluster_constants import VALUES
from imsobs.model.conventions import SDK_INTERVAL_MS
from imsobs.model.estimate import DAY, MIB, Load, counted_series, days
from imsobs.model.sampling import SHARE_OF_MEMORY, SHARE_OF_POD, SPAN_BYTES, held_seconds
from imsobs.model.series_budget import series_budget
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.kubernetes import Kubernetes, Pod, Scaled

_US = 1e-6


@dataclass(frozen=True)
class Pods:
    """What a kind of pods needs at the peak.

    cores, cpus: used by all of them, None where that is not estimated; given to each. needed:
    pods; most: as the spec says. memory, disk: of each, as the spec gives it, B; memory_needed,
    disk_needed: by the estimate, B; None where it is not estimated.
    """

    component: str
    cores: float | None
    cpus: float
    needed: int
    most: int
    memory_needed: float | None
    memory: float
    disk_needed: float | None
    disk: float


@dataclass(frozen=True)
class Flow:
    """What goes from one component to another at the peak, B/s.

    compressed: whether the rate is that of compressed data; that of spans, log records and values
    is not.
    """

    source: str
    target: str
    rate: float
    compressed: bool = False


@dataclass(frozen=True)
class Stored:
    """What a store outside of the pods keeps, copies included, B. kept: its retention."""

    what: str
    kept: str
    per_day: float
    disk: float


@dataclass(frozen=True)
class Cluster:
    """The estimate of one region. series: in each Prometheus; samples: of each, per second."""

    pods: list[Pods]
    flows: list[Flow]
    stores: list[Stored]
    series: float
    samples: float

    def row(self, component: str) -> Pods | None:
        """Return the pods of a component."""
        return next((row for row in self.pods if row.component == component), None)

    def network(self, component: str) -> float:
        """Return what goes in and out of all pods of a component, B/s."""
        return sum(f.rate for f in self.flows if component in (f.source, f.target))

    @property
    def crossing(self) -> float:
        """What crosses from one zone to another, B/s: a receiver is in any zone alike."""
        return sum(flow.rate for flow in self.flows) * (1 - 1 / VALUES["zones"])

    @property
    def cpus(self) -> float:
        """The cores that all pods are given."""
        return sum(row.needed * row.cpus for row in self.pods)

    @property
    def memory(self) -> float:
        """The memory that all pods are given, B."""
        return sum(row.needed * row.memory for row in self.pods)

    @property
    def nodes(self) -> int:
        """Nodes that hold these pods; one in each zone at least."""
        share = VALUES["node_share"]
        return max(
            round(VALUES["zones"]),
            math.ceil(self.cpus / (VALUES["node_cpus"] * share)),
            math.ceil(self.memory / (VALUES["node_memory"] * share)),
        )


def cluster_estimate(model: Model, given: Kubernetes, load: Load) -> Cluster:
    """Return what a region needs, components in the order of the pipeline."""
    traces = model.spec.stack.jaeger is not None
    derive = _derive(model, given, load, hop=traces)
    pods = [derive]
    if traces:
        pods.append(_sample(model, given, load))
    pods.append(_current(model, given))
    # Of what is counted each `derive` has series of its own; the rest is there once.
    counted = counted_series(model)
    own = sum(row.needed for row in pods) * VALUES["pod_series"]
    series = counted * derive.needed + load.series - counted + own
    samples = series / seconds(model.spec.scrape.interval)
    pods.append(_prometheus(model, given, series, samples))
    pods += _others(model, given, load)
    return Cluster(pods, _flows(model, given, load, samples), _stores(model, given, load), series,
                   samples)  # fmt: skip


def most_reported(model: Model) -> float:
    """Return the series of all processes that are planned for: SDK metrics, gauges of events."""
    of_process = series_budget(model.spec, model.metrics).of_process
    return float(of_process * model.spec.collector.max_processes)


def _values(model: Model) -> float:
    """Return how many values of these series are reported per second: one of each every 10 s."""
    return most_reported(model) / (SDK_INTERVAL_MS / 1000)


def held_spans(model: Model, load: Load) -> float:
    """Return the spans that wait for a decision at the peak, in all ``sample``."""
    return load.at_peak * held_seconds(model.spec, load.duration, load.unended) * load.spans


def room_for_spans(memory_mib: float) -> float:
    """Return how many spans that wait a pod of ``sample`` has room for."""
    return memory_mib * MIB * SHARE_OF_POD * SHARE_OF_MEMORY / SPAN_BYTES


def _derive(model: Model, given: Kubernetes, load: Load, *, hop: bool) -> Pods:
    span = VALUES["derive_span"] + (VALUES["hop_span"] if hop else 0.0)
    cores = load.at_peak * (load.spans * span + load.records * VALUES["derive_record"]) * _US
    cores += _values(model) * VALUES["derive_value"] * _US
    memory = VALUES["otelcol_base"] + counted_series(model) * VALUES["derive_series"]
    return _scaled("derive", given.derive, cores, _for_cores(given.derive, cores), memory)


def _sample(model: Model, given: Kubernetes, load: Load) -> Pods:
    cores = load.at_peak * load.spans * VALUES["sample_span"] * _US
    held = held_spans(model, load)
    needed = max(
        _for_cores(given.sample, cores), math.ceil(held / room_for_spans(given.sample.memory_mib))
    )
    memory = VALUES["otelcol_base"] + held * SPAN_BYTES / needed
    return _scaled("sample", given.sample, cores, needed, memory)


def _current(model: Model, given: Kubernetes) -> Pods:
    return _pods(
        "current",
        given.current,
        1,
        cores=_values(model) * VALUES["current_value"] * _US,
        memory=VALUES["otelcol_base"] + most_reported(model) * VALUES["current_series"],
    )


def _prometheus(model: Model, given: Kubernetes, series: float, samples: float) -> Pods:
    kept = days(model.spec.retention.metrics) * DAY * VALUES["sample_disk"]
    wal = 10_800 * VALUES["wal_sample"]
    return _pods(
        "prometheus",
        given.prometheus,
        given.prometheus.replicas,
        memory=VALUES["prometheus_base"] + series * VALUES["series_memory"],
        disk=samples * (kept + wal),
    )


def _others(model: Model, given: Kubernetes, load: Load) -> list[Pods]:
    """Return the pods whose need on a cluster is carried over from one machine."""
    found = [
        _pods(
            "alertmanager",
            given.alertmanager,
            given.alertmanager.replicas,
            memory=VALUES["alertmanager_base"],
        )
    ]
    if (jaeger := given.jaeger) and (jaeger.cassandra or jaeger.opensearch):
        found.append(_pods("jaeger", jaeger, jaeger.replicas, memory=VALUES["jaeger_base"]))
    if (loki := given.loki) and loki.s3:
        taken = load.requests_per_day * load.records * VALUES["record_bytes"]
        needed = max(loki.replicas, math.ceil(taken / VALUES["loki_pod"]))
        row = _pods("loki", loki, needed, memory=VALUES["loki_base"], most=loki.replicas)
        found.append(row)
    return found


def _flows(model: Model, given: Kubernetes, load: Load, samples: float) -> list[Flow]:
    spans = load.at_peak * load.spans * VALUES["span_bytes"]
    records = load.at_peak * load.records * VALUES["record_bytes"]
    count = given.prometheus.replicas
    found = [Flow("services", "derive", spans + records)]
    if model.spec.stack.jaeger is not None:
        found += [Flow("derive", "sample", spans), Flow("sample", "traces", spans * load.kept)]
    found.append(Flow("derive", "current", _values(model) * VALUES["value_bytes"]))
    if model.spec.stack.loki is not None:
        found.append(Flow("derive", "logs", records))
    scraped = count * samples * VALUES["scrape_series"]
    found.append(Flow("collectors", "prometheus", scraped, compressed=True))
    if given.prometheus.remote_write:
        sent = count * samples * VALUES["sample_bytes"]
        found.append(Flow("prometheus", "remote store", sent, compressed=True))
    return found


def _stores(model: Model, given: Kubernetes, load: Load) -> list[Stored]:
    kept, found = model.spec.retention, []
    if given.jaeger is not None:
        copies = 1
        if given.jaeger.cassandra:
            copies = given.jaeger.cassandra.replication
        elif given.jaeger.opensearch:
            copies = 1 + given.jaeger.opensearch.replicas
        spans = load.requests_per_day * load.spans * load.kept
        per_day = spans * VALUES["span_disk"] * copies
        found.append(Stored("traces", kept.traces, per_day, per_day * days(kept.traces)))
    if given.loki is not None:
        per_day = load.requests_per_day * load.records * VALUES["record_disk"]
        found.append(Stored("log records", kept.logs, per_day, per_day * days(kept.logs)))
    return found


def _for_cores(pods: Scaled, cores: float) -> int:
    return max(pods.replicas, math.ceil(cores / (pods.cpus * pods.busy)))


def _scaled(component: str, pods: Scaled, cores: float, needed: int, memory: float) -> Pods:
    return _pods(component, pods, needed, cores=cores, memory=memory, most=pods.most)


def _pods(
    component: str,
    pod: Pod,
    needed: int,
    *,
    memory: float,
    cores: float | None = None,
    disk: float | None = None,
    most: int | None = None,
) -> Pods:
    given = float(getattr(pod, "disk_gib", 0)) * 1024 * MIB
    return Pods(
        component, cores, pod.cpus, needed, most or needed, memory, float(pod.memory_mib) * MIB,
        disk, given,
    )  # fmt: skip
