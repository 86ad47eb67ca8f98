"""Jaeger on a distributed store: several pods that hold nothing themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import yamlio
from imsobs.model import Model
from imsobs.outputs.kubernetes import stores
from imsobs.outputs.kubernetes.objects import (
    Cluster,
    Object,
    from_secret,
    port_of,
    resources,
    variables,
)
from imsobs.outputs.kubernetes.pods import Pods, objects_of
from imsobs.outputs.references import COLLECTOR, Reference, written
from imsobs.outputs.stack.hardening import go_runtime, image_of
from imsobs.outputs.traces import jaeger
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.distributed import Cassandra, OpenSearch

NAME = stores.JAEGER
_CASSANDRA_PORT = 9042
# Without one, Jaeger waits for ever for a node that hangs. Longer than Cassandra itself waits (5 s,
# for a read); three tries of it are shorter than a Collector waits for Jaeger.
_CASSANDRA_TIMEOUT = "6s"
# How many spans are written one after the other, and how many such writes are made side by side.
# More spans than one request can have may wait for that.
_SPANS_OF_A_WRITER, _WRITERS, _WAITING_SPANS = 50, 32, 200_000
_USER, _PASSWORD = "JAEGER_STORE_USERNAME", "JAEGER_STORE_PASSWORD"


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield Jaeger, where it is rendered here.

    Pods start one after the other: the first makes the schema, and two at once would make it
    twice.
    """
    if not (own := stores.own_jaeger(cluster)):
        return
    given, component = own.pods, own.component
    ports, secret = component.ports, own.store.secret
    account = [from_secret(_USER, secret, "username")] if secret else []
    account += [from_secret(_PASSWORD, secret, "password")] if secret else []
    pods = Pods(
        image=image_of(NAME, component),
        replicas=given.replicas,
        resources=resources(given.cpus, given.memory_mib),
        arguments=["--config=/etc/jaeger/jaeger.yaml"],
        files={"jaeger.yaml": yamlio.dump(configuration(cluster.model, own))},
        folder="/etc/jaeger",
        environment=[
            {"name": "IMSOBS_BIND_ADDRESS", "value": "0.0.0.0"},  # noqa: S104 - a pod's own
            *variables(go_runtime(given.memory_mib)),
            *account,
        ],
        ports={
            "otlp-grpc": ports.otlp_grpc,
            "http": ports.http,
            "health": ports.health,
            "telemetry": ports.telemetry,
        },
        ready=("/", "health"),
        ordered=True,
    )
    yield from objects_of(cluster, NAME, pods)


def store_ports(store: Cassandra | OpenSearch) -> tuple[int, ...]:
    """Return the ports at which Jaeger reaches where traces are kept."""
    if isinstance(store, Cassandra):
        return (_CASSANDRA_PORT,)
    return tuple(port_of(url) for url in store.urls)


def configuration(model: Model, own: stores.OwnJaeger) -> dict[str, Any]:
    """Return jaeger.yaml: the one machine's, on another store."""
    sections = jaeger.sections(model, own.component)
    if isinstance(own.store, Cassandra):
        backend = {"cassandra": _cassandra(own.store, seconds(model.spec.retention.traces))}
        _answer_once_stored(sections)
    else:
        backend = {"opensearch": _opensearch(own.store)}
    sections["extensions"]["jaeger_storage"] = {"backends": {"traces": backend}}
    found: dict[str, Any] = written(sections, COLLECTOR)
    return found


def _answer_once_stored(sections: dict[str, Any]) -> None:
    """Let Jaeger answer a Collector when the store has answered, and no sooner.

    A batch processor answers at once: what it holds is lost with the pod, and when the store
    refuses it. Here the Collector's queue on disk keeps what is not stored. A write is one span
    after the other, so that many are made side by side.
    """
    del sections["processors"]
    sections["service"]["pipelines"]["traces"]["processors"] = []
    sections["exporters"]["jaeger_storage_exporter"]["queue"] = {
        "enabled": True,
        "wait_for_result": True,
        "block_on_overflow": True,
        "sizer": "items",
        "queue_size": _WAITING_SPANS,
        "num_consumers": _WRITERS,
        "batch": {"flush_timeout": "200ms", "min_size": 0, "max_size": _SPANS_OF_A_WRITER},
    }


def _basic(secret: str | None) -> dict[str, Any]:
    if secret is None:
        return {}
    return {"auth": {"basic": {"username": Reference(_USER), "password": Reference(_PASSWORD)}}}


def _cassandra(store: Cassandra, kept_s: int) -> dict[str, Any]:
    return {
        "schema": {
            "keyspace": store.keyspace,
            # Nothing is made that is there already.
            "create": True,
            "datacenter": store.datacenter,
            "replication_factor": store.replication,
            "trace_ttl": f"{kept_s // 3600}h",
            "dependencies_ttl": f"{kept_s // 3600}h",
        },
        "connection": {
            "servers": list(store.servers),
            "port": _CASSANDRA_PORT,
            "local_dc": store.datacenter,
            **_basic(store.secret),
            "tls": {"insecure": True},
            "timeout": _CASSANDRA_TIMEOUT,
        },
        "query": {
            # Of three copies any one may be away, and whichever two are read have what was stored.
            # Of two, both would have to be there for every write.
            "consistency": "LOCAL_QUORUM" if store.replication > 2 else "LOCAL_ONE",
            "timeout": _CASSANDRA_TIMEOUT,
        },
    }


def _opensearch(store: OpenSearch) -> dict[str, Any]:
    each = {"shards": store.shards, "replicas": store.replicas}
    prefix = {"index_prefix": store.index_prefix} if store.index_prefix else {}
    kinds = ("spans", "services", "dependencies", "sampling")
    return {
        "server_urls": list(store.urls),
        **_basic(store.secret),
        "indices": {**prefix, **{kind: dict(each) for kind in kinds}},
    }
