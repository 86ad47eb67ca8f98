"""The Collector in three roles, for more than one machine (ADR 40).

A request is counted where it is first received, and only what may arrive twice crosses a hop:

- ``derive`` takes OTLP from the services, counts, exposes the series of its own, stores log
  records. Any number of processes; sums over their ``instance`` are the truth.
- ``sample`` gets whole traces, by trace id, decides on them, redacts and stores them.
- ``current`` owns the last value of every gauge and of every metric of an SDK, and probes: a
  process whose connection moves to another ``derive`` is still seen once. One process.

All of it is the configuration of the single Collector, cut into pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from imsobs.model import Model
from imsobs.model.kinds import pipeline, sdk
from imsobs.model.labels import exact
from imsobs.model.metrics import ResolvedMetric
from imsobs.outputs.collector import exemplars, probe, sections, state
from imsobs.outputs.collector.ottl import matches, transform
from imsobs.outputs.collector.parts import ACCEPTED
from imsobs.outputs.collector.pruned import pruned
from imsobs.outputs.collector.settings import (
    FILE,
    LARGEST_BATCH_MIB,
    LOGS,
    MIB,
    STORAGE,
    TRACES,
    gathered,
    patient,
    store,
)
from imsobs.outputs.references import COLLECTOR, written

DERIVE, SAMPLE, CURRENT = "derive", "sample", "current"
# Exporters between the roles.
SPREAD, OWNER = "load_balancing/traces", "otlp_grpc/current"
_SPREAD_QUEUE, _OWNER_QUEUE = "batch/spread", "batch/current"
# What one process owns: where the single Collector exposes it -> the metrics.
_OWNED: Mapping[str, Callable[[Model], list[ResolvedMetric]]] = {
    "prometheus/state": state.state_metrics,
    "prometheus/processes": lambda model: [*sdk.KIND.metrics(model), *pipeline.KIND.alive(model)],
}
_OF_TRACES = "traces/store"
_OF_PROBE = ("metrics/probe", "metrics/health")
_ADD_UP = "delta_to_cumulative"
# Between what counts and a hop: it hands on at once, and answers before the hop does. Were a hop's
# failure that of the request, the service would send it again, and it would be counted again.
_HAND_OVER = {"timeout": "0s"}
# A point keeps the time at which `derive` received it, so that of two values of a series the later
# stays, whatever waited on its way. But a clock that is ahead must not freeze a series.
_TIMES = {
    "context": "datapoint",
    "statements": ["set(datapoint.time, Now()) where datapoint.time > Now()"],
}
# A hop inside one network: what is not answered by then is sent again.
_HOP_TIMEOUT = "5s"

# After this long a sender over gRPC has to connect anew, and finds another process; over HTTP it
# connects for every request. Whoever takes a process out of service waits that long before its last
# scrape.
CONNECTION_AGE = "10s"

Sections = dict[str, Any]


class Processes(Protocol):
    """Where the processes of ``sample`` are found."""

    def resolver(self) -> Sections:
        """Return the resolver of ``load_balancing``."""


@dataclass(frozen=True)
class Hosts:
    """Processes of ``sample`` by name: ``host`` or ``host:port``.

    Who owns which trace changes only with this list: what is meant for a process that is away
    waits for it. The names must outlive a restart, as those of a StatefulSet's pods do.
    """

    hosts: tuple[str, ...]

    def resolver(self) -> Sections:
        """Return the resolver of ``load_balancing``."""
        return {"static": {"hostnames": list(self.hosts)}}


@dataclass(frozen=True)
class DnsName:
    """Processes of ``sample``: the addresses that a name resolves to, asked every five seconds.

    Of a headless service, Kubernetes names the pods that are ready: one that is to end is sent no
    more, while it still takes what is on its way.
    """

    hostname: str
    port: int

    def resolver(self) -> Sections:
        """Return the resolver of ``load_balancing``."""
        # The port is text in this configuration, and the timeout 1 s if it is not set.
        return {"dns": {"hostname": self.hostname, "port": str(self.port), "interval": "5s"}}


@dataclass(frozen=True)
class Topology:
    """Where the roles find each other and the stores.

    sample: the processes of ``sample``. current: where ``current`` takes OTLP over gRPC,
    ``host:port``. jaeger, loki: ``host:port`` and the URL of the stores; those of the environment
    (``IMSOBS_JAEGER_ENDPOINT``, ``IMSOBS_LOKI_ENDPOINT``) when None. Every process listens at
    ``IMSOBS_BIND_ADDRESS``, at the ports of the single Collector.
    """

    sample: Processes
    current: str
    jaeger: str | None = None
    loki: str | None = None


def role_configs(model: Model, topology: Topology) -> dict[str, Sections]:
    """Return role -> its configuration, of the roles that the spec needs."""
    return {role: role_config(role, model, topology) for role in roles(model)}


def roles(model: Model) -> list[str]:
    """Return the roles that the spec needs: what has nothing to do is left out."""
    sample = [SAMPLE] if model.spec.stack.jaeger else []
    is_owned = probe.is_on(model) or any(metrics(model) for metrics in _OWNED.values())
    return [DERIVE, *sample, *([CURRENT] if is_owned else [])]


def role_config(role: str, model: Model, topology: Topology) -> Sections:
    """Return the configuration of a role, references written in the Collector's syntax."""
    whole = sections(model)
    if role == DERIVE:
        cut = _derive(whole, model, topology)
    elif role == SAMPLE:
        cut = _sample(whole, model, topology)
    else:
        cut = _current(whole, model)
    found: Sections = written(pruned(cut), COLLECTOR)
    return found


def _derive(whole: Sections, model: Model, topology: Topology) -> Sections:
    """Return what takes in, counts, stores log records, and hands on the rest."""
    pipelines = {
        name: _handed_on(one) if _OWNED.keys() & {*map(_plain, one["exporters"])} else one
        for name, one in whole["service"]["pipelines"].items()
        if name not in (_OF_TRACES, *_OF_PROBE)
    }
    processors, exporters = dict(whole["processors"]), dict(whole["exporters"])
    if model.spec.stack.jaeger:
        pipelines["traces/spread"] = {
            "receivers": [ACCEPTED],
            "processors": [_SPREAD_QUEUE],
            "exporters": [SPREAD],
        }
        exporters[SPREAD] = _spread(model, topology)
        processors[_SPREAD_QUEUE] = _HAND_OVER
    exporters[OWNER] = _owner(model, topology)
    processors[_OWNER_QUEUE] = _HAND_OVER
    if LOGS in exporters and topology.loki is not None:
        exporters[LOGS] = {**exporters[LOGS], "endpoint": f"{topology.loki}/otlp"}
    receivers = _from_services(whole)
    return _cut(whole, pipelines, receivers=receivers, processors=processors, exporters=exporters)


def _from_services(whole: Sections) -> Sections:
    """Return the receivers of what a balancer stands before.

    A connection that is kept stays with its process: a new process would get no traffic, and one
    that is to end would be sent to until it does, after its last scrape. So none is kept.
    """
    protocols = whole["receivers"]["otlp"]["protocols"]
    age = {"max_connection_age": CONNECTION_AGE, "max_connection_age_grace": _HOP_TIMEOUT}
    grpc = {**protocols["grpc"], "keepalive": {"server_parameters": age}}
    http = {**protocols["http"], "keepalive": {"enabled": False}}
    return {**whole["receivers"], "otlp": {"protocols": {"grpc": grpc, "http": http}}}


def _plain(name: Any) -> str:
    # What is chosen when the Collector starts is no text yet.
    return name if isinstance(name, str) else ""


def _handed_on(one: Sections) -> Sections:
    """Return the pipeline of what one process owns, handed on to it instead of exposed."""
    # Deltas are added up by their owner, which drops one that comes a second time.
    labelled = [name for name in one["processors"] if name != _ADD_UP]
    return {**one, "processors": [_OWNER_QUEUE, *labelled], "exporters": [OWNER]}


def _spread(model: Model, topology: Topology) -> Sections:
    """Return the exporter that sends every trace to its owner.

    A queue for each owner, in memory: one that is slow or away holds up no other. A queue before
    the balancing would send a request again to all owners because one of them failed.
    """
    hop = {
        "tls": {"insecure": True},
        "timeout": _HOP_TIMEOUT,
        "retry_on_failure": patient("5s"),
        "sending_queue": {
            "enabled": True,
            "sizer": "bytes",
            "queue_size": model.spec.collector.memory_limit_mib * MIB // 8,
            "batch": gathered("200ms"),
        },
    }
    return {
        "routing_key": "traceID",
        "protocol": {"otlp": hop},
        "resolver": topology.sample.resolver(),
    }


def _owner(model: Model, topology: Topology) -> Sections:
    """Return the exporter of what has one owner: on disk while that is away, and in order."""
    hop = store(topology.current, model)
    in_order = {**hop["sending_queue"], "num_consumers": 1}
    return {**hop, "timeout": _HOP_TIMEOUT, "sending_queue": in_order}


def _sample(whole: Sections, model: Model, topology: Topology) -> Sections:
    """Return what decides on traces, redacts and stores them, and measures those that are kept."""
    kept = ("traces/in", "metrics/derived", _OF_TRACES, *exemplars.pipelines(model))
    exporters = dict(whole["exporters"])
    if topology.jaeger is not None:
        exporters[TRACES] = {**exporters[TRACES], "endpoint": topology.jaeger}
    pipelines = {name: whole["service"]["pipelines"][name] for name in kept}
    return _cut(whole, pipelines, receivers=_from_roles(whole), exporters=exporters)


def _current(whole: Sections, model: Model) -> Sections:
    """Return what exposes the last value of each series, and probes."""
    given = whole["service"]["pipelines"]
    pipelines = {name: given[name] for name in ("metrics/in", *_OF_PROBE) if name in given}
    processors = {**whole["processors"], "transform/current": transform(metric_statements=[_TIMES])}
    for exporter, metrics in _OWNED.items():
        if not (names := [metric.exposed for metric in metrics(model)]):
            continue
        what = exporter.partition("/")[2]
        processors[f"filter/{what}"] = {
            "error_mode": "ignore",
            "metrics": {"metric": [f"not {matches('name', exact(names))}"]},
        }
        pipelines[f"metrics/{what}"] = {
            "receivers": [ACCEPTED],
            # The last for SDKs that are set to send deltas: gauges pass.
            "processors": [f"filter/{what}", "transform/current", _ADD_UP],
            "exporters": [exporter],
        }
    return _cut(whole, pipelines, receivers=_from_roles(whole), processors=processors)


def _from_roles(whole: Sections) -> Sections:
    """Return the receivers of a role that only other roles send to."""
    grpc = {
        **whole["receivers"]["otlp"]["protocols"]["grpc"],
        # As large as `derive` gathers it.
        "max_recv_msg_size_mib": LARGEST_BATCH_MIB,
    }
    return {**whole["receivers"], "otlp": {"protocols": {"grpc": grpc}}}


def _cut(whole: Sections, pipelines: Sections, **changed: Sections) -> Sections:
    """Return the sections of some pipelines only, without exporters and a disk of no use there."""
    given = {**whole, **changed}
    used = {name for one in pipelines.values() for name in map(_plain, one["exporters"])}
    if "logs/store" in pipelines:
        used |= {LOGS, FILE}
    exporters = {name: config for name, config in given["exporters"].items() if name in used}
    waits = any(config.get("sending_queue", {}).get("storage") for config in exporters.values())
    extensions = {n: c for n, c in given["extensions"].items() if waits or n != STORAGE}
    service = {**whole["service"], "extensions": list(extensions), "pipelines": pipelines}
    return {**given, "exporters": exporters, "extensions": extensions, "service": service}
