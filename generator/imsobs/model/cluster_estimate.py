"""Estimate of a cluster: pods, cores, memory, disk and network of each role at a request rate.

Formulas and constants are in the open, as those of one machine (``model.estimate``): what is
measured here, and what is carried over from there or assumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from imsobs.model import Model
from imsobs.model.estimate import CONSTANTS, MIB, Constant, Load, constants
from imsobs.model.sampling import SHARE_OF_MEMORY, SHARE_OF_POD, SPAN_BYTES, held_seconds
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.kubernetes import Kubernetes, Pod, Scaled

CLUSTER_CONSTANTS = {
    "derive_span": Constant(
        20.0,
        "us",
        "CPU per span that is taken in and counted",
        "measured: 15 to 20 (bench.collector)",
    ),
    "derive_record": Constant(
        27.0,
        "us",
        "CPU per log record that is taken in, counted, redacted and sent",
        "measured: 25 to 28 (bench.collector)",
    ),
    "hop_span": Constant(
        10.0, "us", "CPU per span that is sent to another Collector, on either side", "assumed"
    ),
    "sample_span": Constant(
        18.0,
        "us",
        "CPU per span that is held, decided on, redacted and sent",
        "measured: 16 to 21 (bench.collector)",
    ),
    "span_bytes": Constant(330.0, "B", "a span in OTLP", "measured: 330 (bench.collector)"),
    "record_bytes": Constant(337.0, "B", "a log record in OTLP", "measured: 337 (bench.collector)"),
    "sample_bytes": Constant(
        5.0, "B", "a sample by remote write, compressed", "assumed: 3 to 5, with its labels"
    ),
    "pod_series": Constant(
        143.0,
        "",
        "series that a Collector exposes about itself",
        "measured: a role with the spec of this repository",
    ),
    "ring_samples": Constant(
        600.0, "", "pods of sample among which traces are still spread evenly", "simulated"
    ),
}
CLUSTER_FORMULAS = (
    "derive cores = spans/s x (derive_span + hop_span) + records/s x derive_record, at the peak",
    "sample cores = spans/s x (hop_span + sample_span), at the peak",
    "pods = cores / (cpus x busy); those of sample also so that traces held fit into their memory,"
    " half of what the limiter allows",
    "series = derived series x pods of derive + those of current + pods x pod_series",
    "prometheus memory = prometheus_base + series x series_memory, in each of its pods",
    "network of derive = in: spans and records; out: spans to sample, records to Loki",
)
_US = 1e-6


@dataclass(frozen=True)
class Pods:
    """What a kind of pods needs at the peak.

    cores: of all of them. needed: pods; most: as the spec says. memory, disk: of each, as the
    spec gives it, B; memory_needed: by the estimate, B; None where it is not estimated. network:
    in and out of all of them, B/s.
    """

    component: str
    cores: float | None
    needed: int
    most: int
    memory_needed: float | None
    memory: float
    disk: float
    network: float


def cluster_estimate(model: Model, given: Kubernetes, load: Load) -> list[Pods]:
    """Return what each kind of pods needs, in the order of the pipeline."""
    value = {name: one.value for name, one in {**CONSTANTS, **CLUSTER_CONSTANTS}.items()}
    spans, records = (load.at_peak * each for each in (load.spans, load.records))
    span_bytes, record_bytes = spans * value["span_bytes"], records * value["record_bytes"]
    derive_cores = spans * value["derive_span"] + records * value["derive_record"]
    has_traces = model.spec.stack.jaeger is not None
    derive_cores += spans * value["hop_span"] if has_traces else 0.0
    derive = _needed(given.derive, derive_cores * _US)
    rows = [
        _pods("derive", given.derive, derive_cores * _US, derive, given.derive.most,
              None, span_bytes * (1 + has_traces) + record_bytes * 2)
    ]  # fmt: skip
    if has_traces:
        cores = spans * (value["hop_span"] + value["sample_span"]) * _US
        held = load.at_peak * held_seconds(model.spec, load.duration, load.unended) * load.spans
        needed = max(_needed(given.sample, cores), _for_traces(given.sample, held))
        memory = value["otelcol_base"] + held * SPAN_BYTES / needed
        rows.append(_pods("sample", given.sample, cores, needed, given.sample.most, memory,
                          span_bytes * (1 + load.kept)))  # fmt: skip
    rows.append(_pods("current", given.current, None, 1, 1, value["otelcol_base"], 0.0))
    series = cluster_series(rows, load)
    sent = series / seconds(model.spec.scrape.interval)
    memory = value["prometheus_base"] + series * value["series_memory"]
    written = sent * value["sample_bytes"] if given.prometheus.remote_write else 0.0
    count = given.prometheus.replicas
    rows.append(_pods("prometheus", given.prometheus, None, count, count, memory, count * written))
    return rows


def cluster_series(rows: list[Pods], load: Load) -> float:
    """Return the series that each Prometheus holds of these Collectors."""
    collectors = [row for row in rows if row.component != "prometheus"]
    derive = next(row.needed for row in collectors if row.component == "derive")
    own = sum(row.needed for row in collectors) * CLUSTER_CONSTANTS["pod_series"].value
    return load.series * derive + own


def cluster_explanation() -> list[str]:
    """Return the formulas and constants as lines of text."""
    return [*CLUSTER_FORMULAS, "", *constants(CLUSTER_CONSTANTS)]


def _needed(pods: Scaled, cores: float) -> int:
    return max(pods.replicas, math.ceil(cores / (pods.cpus * pods.busy)))


def _for_traces(pods: Scaled, held_spans: float) -> int:
    """Return the pods of ``sample`` whose memory holds these spans."""
    room = pods.memory_mib * MIB * SHARE_OF_POD * SHARE_OF_MEMORY / SPAN_BYTES
    return math.ceil(held_spans / room)


def _pods(
    component: str,
    pod: Pod,
    cores: float | None,
    needed: int,
    most: int,
    memory: float | None,
    network: float,
) -> Pods:
    disk = float(getattr(pod, "disk_gib", 0)) * 1024 * MIB
    return Pods(component, cores, needed, most, memory, float(pod.memory_mib) * MIB, disk, network)
