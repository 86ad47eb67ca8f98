"""Jaeger on a distributed store: several pods that hold nothing themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import yamlio
from imsobs.outputs.kubernetes import stores
from imsobs.outputs.kubernetes.objects import Cluster, Object, from_secret, resources
from imsobs.outputs.kubernetes.pods import Pods, objects_of
from imsobs.outputs.references import COLLECTOR, Reference, written
from imsobs.outputs.stack.hardening import image_of
from imsobs.outputs.traces import jaeger
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.distributed import Cassandra, OpenSearch
from imsobs.spec.schema.kubernetes import KubernetesJaeger

NAME = stores.JAEGER
CASSANDRA_PORT = 9042
_USER, _PASSWORD = "JAEGER_STORE_USERNAME", "JAEGER_STORE_PASSWORD"


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield Jaeger, where it is rendered here.

    Pods start one after the other: the first makes the schema, and two at once would make it
    twice.
    """
    if not (own := stores.own_jaeger(cluster)):
        return
    given, component = own
    ports = component.ports
    secret = (given.cassandra or given.opensearch or OpenSearch(urls=["http://none"])).secret
    pods = Pods(
        image=image_of(NAME, component),
        replicas=given.replicas,
        resources=resources(given.cpus, given.memory_mib),
        arguments=["--config=/etc/jaeger/jaeger.yaml"],
        files={"jaeger.yaml": yamlio.dump(configuration(cluster, given))},
        folder="/etc/jaeger",
        environment=[
            {"name": "IMSOBS_BIND_ADDRESS", "value": "0.0.0.0"},  # noqa: S104 - a pod's own
            {"name": "GOMEMLIMIT", "value": f"{given.memory_mib * 8 // 10}MiB"},
            *(
                [
                    from_secret(_USER, secret, "username"),
                    from_secret(_PASSWORD, secret, "password"),
                ]
                if secret
                else []
            ),
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


def configuration(cluster: Cluster, given: KubernetesJaeger) -> dict[str, Any]:
    """Return jaeger.yaml: the one machine's, on another store."""
    component = cluster.model.spec.stack.jaeger
    if component is None:
        raise ValueError("a stack without Jaeger has no configuration of it")
    sections = jaeger.sections(cluster.model, component)
    kept_s = seconds(cluster.model.spec.retention.traces)
    backend = (
        {"cassandra": _cassandra(given.cassandra, kept_s)}
        if given.cassandra
        else {"opensearch": _opensearch(given.opensearch)}
        if given.opensearch
        else {}
    )
    sections["extensions"]["jaeger_storage"] = {"backends": {"traces": backend}}
    found: dict[str, Any] = written(sections, COLLECTOR)
    return found


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
            "port": CASSANDRA_PORT,
            "local_dc": store.datacenter,
            **_basic(store.secret),
            "tls": {"insecure": True},
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
