"""What of a cluster is too low for a load, and what to do: the estimate against the spec.

Each finding is a key of the spec, and what it should be. What no key helps against is where the
design ends: then the traffic is split, by region or cell, each with a stack of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from imsobs.model import Model
from imsobs.model.cluster_constants import VALUES
from imsobs.model.cluster_estimate import (
    Cluster,
    Pods,
    cluster_estimate,
    held_spans,
    room_for_spans,
)
from imsobs.model.estimate import MIB, Load, human
from imsobs.spec.schema.kubernetes import Kubernetes

# The share of what a pod has that may be needed by the estimate, which is not a measurement.
_SHARE = 0.8
_GIB = 1024 * MIB
# The largest pod that is proposed: half the cores and a quarter of the memory of a node.
_LARGE_CPUS, _LARGE_MIB = 8, 16_384
_MOST_REGIONS = 1 << 14


@dataclass(frozen=True)
class Finding:
    """A key of the spec that is too low for the load. path: the key; text: what to do."""

    path: str
    text: str


def cluster_findings(model: Model, given: Kubernetes, load: Load) -> list[Finding]:
    """Return what is too low, and into how many regions the load would have to be split."""
    found = [*_found(model, given, load)]
    if found and (count := _regions(model, given, load)):
        text = f"or split the traffic over {count:,} regions or cells of this size"
        found.append(Finding("kubernetes.regions", text))
    return found


def _regions(model: Model, given: Kubernetes, load: Load) -> int | None:
    """Return the least number of regions for each of which the section is enough."""

    def enough(count: int) -> bool:
        part = replace(load, requests_per_day=load.requests_per_day / count)
        return not any(_found(model, given, part))

    high = 2
    while not enough(high):
        high *= 2
        if high > _MOST_REGIONS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _found(model: Model, given: Kubernetes, load: Load) -> Iterator[Finding]:
    cluster = cluster_estimate(model, given, load)
    yield from _derive(given, cluster)
    yield from _sample(model, load, cluster)
    yield from _current(model, load, cluster)
    yield from _prometheus(cluster)
    yield from _loki(cluster)
    for row in cluster.pods:
        yield from _memory(row)


def _derive(given: Kubernetes, cluster: Cluster) -> Iterator[Finding]:
    row = cluster.row("derive")
    if row is None or row.cores is None or row.needed <= row.most:
        return
    text = f"{row.needed:,} pods are needed, {row.most:,} are allowed; raise it"
    if row.cpus < _LARGE_CPUS:
        large = math.ceil(row.cores / (_LARGE_CPUS * given.derive.busy))
        text += (
            f", or give each more (derive.cpus): of {_LARGE_CPUS} cores {large:,} are enough,"
            " and have fewer series together"
        )
    yield Finding("kubernetes.derive.most", text)


def _sample(model: Model, load: Load, cluster: Cluster) -> Iterator[Finding]:
    row, ring = cluster.row("sample"), round(VALUES["ring_samples"])
    if row is None or row.cores is None or row.needed <= row.most:
        return
    text = f"{row.needed:,} pods are needed, {row.most:,} are allowed; "
    if row.needed > ring:
        text += f"beyond {ring} traces are spread unevenly: "
    else:
        text += "raise it, or "
    if row.memory < _LARGE_MIB * MIB:
        large = math.ceil(held_spans(model, load) / room_for_spans(_LARGE_MIB))
        text += f"give each more (sample.memory_mib): of {_LARGE_MIB} {large:,} hold as much; or "
    longest = model.spec.sampling.longest_request
    text += f"hold traces for less time (sampling.longest_request is {longest})"
    yield Finding("kubernetes.sample.most", text)


def _current(model: Model, load: Load, cluster: Cluster) -> Iterator[Finding]:
    planned = model.spec.collector.max_processes
    processes = math.ceil(load.at_peak / VALUES["requests_process"])
    if processes > planned:
        text = (
            f"{processes:,} processes of the service are likely at the peak, {planned:,} are"
            " planned for; beyond, gauges and SDK metrics of all are refused"
        )
        yield Finding("collector.max_processes", text)
    row = cluster.row("current")
    if row and row.cores is not None and row.cores > row.cpus * _SHARE:
        enough = math.ceil(row.cores / _SHARE * 10) / 10
        text = f"{row.cores:.2g} cores are needed; raise it to {enough:g}"
        yield Finding("kubernetes.current.cpus", text)


def _prometheus(cluster: Cluster) -> Iterator[Finding]:
    row, most = cluster.row("prometheus"), VALUES["prometheus_series"]
    if row is None:
        return
    if cluster.series > most:
        text = (
            f"each Prometheus would have {_about(cluster.series)} series, most of them once for"
            f" each derive, and is run with {_about(most)} at most; give derive more cores each, so"
            " that there are fewer"
        )
        yield Finding("kubernetes.derive.cpus", text)
    if row.disk_needed is not None and row.disk_needed > row.disk * _SHARE:
        text = (
            f"{human(row.disk_needed)} are needed; raise it to"
            f" {math.ceil(row.disk_needed / _SHARE / _GIB)}"
        )
        yield Finding("kubernetes.prometheus.disk_gib", text)


def _loki(cluster: Cluster) -> Iterator[Finding]:
    row = cluster.row("loki")
    if row and row.needed > row.most:
        text = (
            f"{row.needed:,} pods are needed, {row.most:,} are given; raise it, or run Loki in its"
            " own modes and give its address (loki.otlp), as its documentation advises beyond"
            f" {human(VALUES['loki_pod'])} a day"
        )
        yield Finding("kubernetes.loki.replicas", text)


def _memory(row: Pods) -> Iterator[Finding]:
    # Pods of sample are as many as their memory asks for.
    if row.component == "sample" or row.memory_needed is None:
        return
    if row.memory_needed > row.memory * _SHARE:
        text = (
            f"{human(row.memory_needed)} are needed; raise it to"
            f" {math.ceil(row.memory_needed / _SHARE / _GIB) * 1024}"
        )
        yield Finding(f"kubernetes.{row.component}.memory_mib", text)


def _about(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"
