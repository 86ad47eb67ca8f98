"""A distributed store of samples: Cortex on three nodes, each of which keeps every sample.

Every node is a whole Cortex. Its ring, and which Prometheus of a pair it takes samples of, are in
etcd, which that needs; blocks would go to a folder that stands for an object store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.harness import ROOT
from bench.scale.cluster import Cluster
from bench.scale.node import Node
from bench.scale.prometheus import ask, grown
from imsobs import yamlio
from imsobs.runtime.build.binaries import resolve_binary

NODES = 3
PORT = 9009
_GRPC, _ETCD, _PEERS = 9095, 2379, 2380


@dataclass
class Cortex:
    """Three nodes and their etcd, not started.

    tenant: whose samples are asked for. failover: seconds without a sample of the Prometheus whose
    samples are taken, after which those of the other are (Cortex' own default: 30).
    """

    cluster: Cluster
    tenant: str
    failover: int = 30

    def __post_init__(self) -> None:
        self.folder = self.cluster.folder / "cortex"
        self.rule_files = self.folder / "rules" / self.tenant
        self.rule_files.mkdir(parents=True)
        self.etcd = self._etcd()
        self.nodes = [self._node(number) for number in range(NODES)]
        named = {f"cortex-{number}": node for number, node in enumerate(self.nodes)}
        self.cluster.nodes |= {"etcd": self.etcd, **named}

    def start(self) -> Cortex:
        """Start all; wait until every node is ready."""
        self.etcd.start()
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.await_ready()
        return self

    def query(self, query: str, at: float | None = None, *, node: int = 1) -> list[dict[str, Any]]:
        """Return the result of an instant query that a node answers."""
        headers = {"X-Scope-OrgID": self.tenant}
        return ask(f"http://{self.nodes[node].address}:{PORT}/prometheus", query, at, headers)

    def counted(self, selector: str, *, node: int = 1) -> float:
        """Return what counters of a selector have counted since they began, restarts included."""
        return grown(self.query(f"{selector}[1h]", node=node))

    def elected(self, group: str, *, node: int = 1) -> str | None:
        """Return the replica whose samples a node takes of a pair of Prometheus."""
        url = f"http://{self.nodes[node].address}:{PORT}/distributor/ha_tracker"
        with httpx.Client(trust_env=False, timeout=10) as client:
            found = client.get(url, headers={"Accept": "application/json"}).json()["elected"]
        known = {(row["userID"], row["cluster"]): row["replica"] for row in found}
        return known.get((self.tenant, group))

    def _etcd(self) -> Node:
        address, folder = self.cluster.address("etcd"), self.folder / "etcd"
        client, peers = f"http://{address}:{_ETCD}", f"http://{address}:{_PEERS}"
        command: list[str | Path] = [
            resolve_binary("etcd", ROOT),
            f"--data-dir={folder / 'data'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
        ]
        return Node(address, command, folder, f"{client}/health")

    def _node(self, number: int) -> Node:
        address, folder = self.cluster.address("cortex", number), self.folder / f"node-{number}"
        endpoint = f"{self.etcd.address}:{_ETCD}"
        kept = {"kvstore": {"store": "etcd", "etcd": {"endpoints": [endpoint]}}}
        config = _config(address, folder, kept, NODES)
        config["distributor"] |= {
            "shard_by_all_labels": True,
            # Three nodes on two cores are slow to answer each other.
            "remote_timeout": "10s",
            "ha_tracker": {
                **kept,
                "enable_ha_tracker": True,
                "ha_tracker_update_timeout": f"{self.failover // 2}s",
                "ha_tracker_update_timeout_jitter_max": "0s",
                "ha_tracker_failover_timeout": f"{self.failover}s",
            },
        }
        config["ruler"]["enable_sharding"] = True
        config["limits"] = {
            "accept_ha_samples": True,
            # All that two seconds of scrapes bring, at once.
            "ingestion_rate": 1_000_000,
            "ingestion_burst_size": 1_000_000,
        }
        return _made(address, folder, config)


def alone(address: str, folder: Path) -> Node:
    """Return a Cortex of one node, which needs no etcd and takes the samples of all.

    Its ruler reads the rules of a tenant from the folder ``rules/TENANT``.
    """
    place = folder / "node-0"
    return _made(address, place, _config(address, place, {"kvstore": {"store": "inmemory"}}, 1))


def _made(address: str, folder: Path, config: Mapping[str, Any]) -> Node:
    (folder / "rules").mkdir(parents=True)
    file = folder / "cortex.yaml"
    file.write_text(yamlio.dump(dict(config)), "utf-8")
    command: list[str | Path] = [
        resolve_binary("cortex", ROOT),
        f"-config.file={file}",
        # No key of the file.
        f"-ingester.lifecycler.ID={folder.name}",
    ]
    return Node(address, command, folder, f"http://{address}:{PORT}/ready")


def _config(address: str, folder: Path, ring: Mapping[str, Any], copies: int) -> dict[str, Any]:
    """Return the configuration of a node. folder: its own, beside what all nodes share."""
    instance = {**ring, "instance_id": folder.name, "instance_addr": address}
    return {
        "target": "distributor,ingester,querier,query-frontend,store-gateway,ruler",
        "auth_enabled": True,
        "server": {
            "http_listen_address": address,
            "http_listen_port": PORT,
            "grpc_listen_address": address,
            "grpc_listen_port": _GRPC,
            "log_level": "warn",
        },
        "distributor": {"ring": instance},
        "ingester": {
            "lifecycler": {
                "address": address,
                "ring": {**ring, "replication_factor": copies},
                "min_ready_duration": "0s",
                "final_sleep": "0s",
            }
        },
        "blocks_storage": {
            "backend": "filesystem",
            "filesystem": {"dir": str(folder.parent / "blocks")},
            "tsdb": {"dir": str(folder / "tsdb")},
            "bucket_store": {"sync_dir": str(folder / "sync")},
        },
        "querier": {
            "active_query_tracker_dir": str(folder / "queries"),
            "store_gateway_addresses": f"{address}:{_GRPC}",
        },
        "frontend_worker": {
            "frontend_address": f"{address}:{_GRPC}",
            "match_max_concurrent": True,
        },
        "ruler": {
            "enable_api": True,
            "ring": instance,
            "rule_path": str(folder / "rules"),
            "poll_interval": "1s",
            "evaluation_interval": "1s",
        },
        "ruler_storage": {
            "backend": "local",
            "local": {"directory": str(folder.parent / "rules")},
        },
    }


def operated(prometheus: Mapping[str, Any], pod: str) -> dict[str, Any]:
    """Return the external labels and remote_write of a pod of an object Prometheus.

    They are what prometheus-operator makes of the object (``tests/scale`` holds it to that), whose
    keys are those of the file in another spelling.
    """
    spec = prometheus["spec"]
    labels = {**spec["externalLabels"], spec["replicaExternalLabelName"]: pod}
    written = [{_snake(key): value for key, value in one.items()} for one in spec["remoteWrite"]]
    return {"labels": labels, "remote_write": written}


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
