"""Real Cassandra nodes on loopback addresses, as small as they can be."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.harness import ROOT
from bench.scale.node import Node
from imsobs import yamlio
from imsobs.runtime.build.binaries import resolve_binary

PORT = 9042
DATACENTER = "dc1"
# The account that Cassandra makes when there is none.
USER = PASSWORD = "cassandra"  # noqa: S105 - everybody knows it
_HAS_ACCOUNT = f"Created default superuser role '{USER}'"
# Half a minute, and several where much else runs.
_START_SECONDS = 400.0
_HEAP_MIB = 384
_LOG = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""


class CassandraNode(Node):
    """A node that is ready once it answers clients."""

    def await_ready(self) -> None:
        """Wait until clients can connect to it."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process().poll() is None:
            try:
                with socket.create_connection((self.address, PORT), timeout=1):
                    return
            except OSError:
                time.sleep(0.2)
        raise SystemExit(f"{self.address}: Cassandra does not start:\n{self.log()[-3000:]}")

    def log(self) -> str:
        """Return what it has logged."""
        return (self.folder / "log").read_text("utf-8", errors="replace")


def await_account(nodes: Sequence[CassandraNode]) -> None:
    """Wait until one of new nodes has made the account, which is after they answer clients."""
    deadline = time.monotonic() + _START_SECONDS
    while not any(_HAS_ACCOUNT in node.log() for node in nodes):
        if time.monotonic() > deadline:
            raise SystemExit(f"Cassandra makes no account:\n{nodes[0].log()[-3000:]}")
        time.sleep(0.2)


def nodes_of(folder: Path, addresses: Sequence[str]) -> list[CassandraNode]:
    """Return nodes that know of each other, each an even part of the ring; not started.

    Passwords are asked for, and every node holds the accounts.
    """
    made = []
    for number, address in enumerate(addresses):
        home = folder / f"cassandra-{number}"
        (home / "conf").mkdir(parents=True)
        token = -(2**63) + number * (2**64 // len(addresses))
        config = _config(home, address, addresses, token)
        (home / "conf/cassandra.yaml").write_text(yamlio.dump(config), "utf-8")
        (home / "conf/logback.xml").write_text(_LOG, "utf-8")
        (home / "conf/rackdc.properties").write_text(f"dc={DATACENTER}\nrack=rack1\n", "utf-8")
        command: list[str | Path] = [resolve_binary("cassandra", ROOT)]
        env = {"JDK_JAVA_OPTIONS": " ".join(_options(home))}
        made.append(CassandraNode(address, command, home, "", env))
    return made


def _config(home: Path, address: str, addresses: Sequence[str], token: int) -> dict[str, Any]:
    # Seeds wait for nobody and fetch nothing: there is nothing yet.
    seeds = [{"seeds": ",".join(addresses)}]
    provider = "org.apache.cassandra.locator.SimpleSeedProvider"
    return {
        "cluster_name": "traces",
        "num_tokens": 1,
        "initial_token": str(token),
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "authenticator": "PasswordAuthenticator",
        "default_keyspace_rf": len(addresses),
        "commitlog_sync": "periodic",
        "commitlog_sync_period": "10000ms",
        "commitlog_directory": str(home / "commitlog"),
        "data_file_directories": [str(home / "data")],
        "saved_caches_directory": str(home / "caches"),
        "hints_directory": str(home / "hints"),
        "cdc_raw_directory": str(home / "cdc"),
        "listen_address": address,
        "rpc_address": address,
        "native_transport_port": PORT,
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "memtable_heap_space": "64MiB",
        "file_cache_size": "32MiB",
        "key_cache_size": "8MiB",
        "concurrent_reads": 4,
        "concurrent_writes": 4,
        "seed_provider": [{"class_name": provider, "parameters": seeds}],
    }


def _options(home: Path) -> list[str]:
    """Return Java's options: small, and no waiting for more nodes than there are."""
    conf = f"file://{home / 'conf'}"
    properties = {
        "cassandra.storagedir": home,
        "cassandra.config": f"{conf}/cassandra.yaml",
        "cassandra-rackdc.properties": f"{conf}/rackdc.properties",
        "logback.configurationFile": home / "conf/logback.xml",
        "cassandra-foreground": "yes",
        "cassandra.ring_delay_ms": 2000,
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "cassandra.superuser_setup_delay_ms": 1000,
        "jdk.attach.allowAttachSelf": "true",
    }
    heap = [f"-Xms{_HEAP_MIB}m", f"-Xmx{_HEAP_MIB}m", "-XX:+UseSerialGC"]
    started = ["-XX:ActiveProcessorCount=2", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    return [*heap, *started, *(f"-D{name}={value}" for name, value in properties.items())]
