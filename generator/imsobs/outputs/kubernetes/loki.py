"""Loki on an object store: several pods of the whole program, each record held by three."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import yamlio
from imsobs.outputs.kubernetes import stores
from imsobs.outputs.kubernetes.objects import Cluster, Object, from_secret, resources, variables
from imsobs.outputs.kubernetes.pods import Pods, objects_of
from imsobs.outputs.logs import loki
from imsobs.outputs.references import LOKI, Reference, written
from imsobs.outputs.stack.hardening import go_runtime, image_of
from imsobs.spec.schema.distributed import ObjectStore

NAME = stores.LOKI
GOSSIP_PORT = 7946
_DATA = "/loki"
_KEY, _SECRET = "LOKI_S3_ACCESS_KEY_ID", "LOKI_S3_SECRET_ACCESS_KEY"


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield Loki, where it is rendered here."""
    if not (own := stores.own_loki(cluster)):
        return
    given, component, secret = own.pods, own.component, own.bucket.secret
    keys = [from_secret(_KEY, secret, "access_key_id")] if secret else []
    keys += [from_secret(_SECRET, secret, "secret_access_key")] if secret else []
    pods = Pods(
        image=image_of(NAME, component),
        replicas=given.replicas,
        resources=resources(given.cpus, given.memory_mib),
        arguments=["-config.file=/etc/loki/loki.yaml", "-config.expand-env=true"],
        files={"loki.yaml": yamlio.dump(configuration(cluster, own))},
        folder="/etc/loki",
        environment=[
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            *variables(go_runtime(given.memory_mib)),
            *keys,
        ],
        ports={"http": component.ports.http},
        headless={"grpc": component.ports.grpc, "gossip": GOSSIP_PORT},
        ready=("/ready", "http"),
        volume=given,
        data=_DATA,
    )
    yield from objects_of(cluster, NAME, pods)


def configuration(cluster: Cluster, own: stores.OwnLoki) -> dict[str, Any]:
    """Return loki.yaml: the one machine's, in a ring and on an object store."""
    given, component = own.pods, own.component
    one = loki.sections(cluster.model, component)
    address = Reference("POD_IP")
    copies = min(3, given.replicas)
    sections = {
        **one,
        "auth_enabled": given.tenant is not None,
        "server": {
            "http_listen_address": address,
            "http_listen_port": component.ports.http,
            "grpc_listen_address": address,
            "grpc_listen_port": component.ports.grpc,
            "log_level": "warn",
        },
        "common": {
            "instance_addr": address,
            "path_prefix": _DATA,
            "replication_factor": copies,
            "ring": {"instance_addr": address, "kvstore": {"store": "memberlist"}},
            "storage": {"s3": _s3(own.bucket)},
        },
        "memberlist": {
            "bind_addr": [address],
            "bind_port": GOSSIP_PORT,
            "join_members": [f"{NAME}-pods.{cluster.namespace}.svc:{GOSSIP_PORT}"],
        },
        "schema_config": {
            "configs": [{**one["schema_config"]["configs"][0], "object_store": "s3"}]
        },
        "compactor": {
            **one["compactor"],
            "working_directory": f"{_DATA}/compactor",
            "delete_request_store": "s3",
        },
    }
    # Alone in its ring it waited for nobody; here it has neighbours.
    del sections["ingester"]
    found: dict[str, Any] = written(sections, LOKI)
    return found


def _s3(store: ObjectStore) -> dict[str, Any]:
    keys = {"access_key_id": Reference(_KEY), "secret_access_key": Reference(_SECRET)}
    # Stores other than that of AWS name a bucket in the path.
    elsewhere = {"endpoint": store.endpoint, "s3forcepathstyle": True} if store.endpoint else {}
    return {
        "bucketnames": store.bucket,
        "region": store.region,
        **elsewhere,
        **(keys if store.secret else {}),
    }
