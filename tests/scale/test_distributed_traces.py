"""Two Jaeger on Cassandra nodes: every trace whole from both, while one of each dies."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import kubernetes_server
import pytest
from alertmanager import wait_for
from scale.conftest import See, tally

from bench.scale import cassandra
from bench.scale import cluster as clusters
from bench.scale.cassandra import CassandraNode
from bench.scale.cluster import KEEP_ALL, Cluster
from bench.scale.jaeger import Jaeger, Refused
from bench.scale.known import SPANS, Crowd
from imsobs.outputs.collector.roles import DERIVE, SAMPLE

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]

# A node counts as away after half a minute on a busy machine, and a Collector tries a store again
# after half a minute at the latest.
_PATIENCE_SECONDS = 120.0
# Longer than a query waits, three times over.
_HANGS_SECONDS = 20.0
# As many as copies of a trace, by default.
_NODES = 3


@dataclass(frozen=True)
class Shown:
    """What a Jaeger shows of a crowd's traces. twice: spans that it shows again."""

    whole: int
    partial: int
    absent: int
    twice: int

    @property
    def exact(self) -> bool:
        """Whether every trace is whole, and no span there twice."""
        return not (self.partial or self.absent or self.twice)


@dataclass
class Kept:
    """Collectors of two roles, two Jaeger, and the nodes that hold their traces."""

    cluster: Cluster
    nodes: list[CassandraNode]
    jaegers: list[Jaeger]
    _next: int = field(default=0, init=False)

    def crowd(self, number: int, *, pause: float) -> Crowd:
        """Return senders that have started."""
        first, self._next = self._next, self._next + number
        targets = [self.cluster.address(DERIVE, n) for n in range(2)]
        return Crowd(targets, number, pause, first=first, senders=4).start()

    def arriving(self, number: int) -> Crowd:
        """Return senders that still send, some of whose traces both Jaeger show already."""
        crowd = self.crowd(number, pause=0.4)
        first = list(crowd.traces())[: number // 8]
        for jaeger in self.jaegers:
            wait_for(lambda jaeger=jaeger: any(jaeger.spans(first)), 60, "the first traces")
        return crowd

    def shown(self, crowd: Crowd) -> list[Shown]:
        """Return what each Jaeger shows of a crowd, once every trace is whole, or after a while."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for jaeger in self.jaegers:
            _await_whole(jaeger, crowd, deadline)
        return self._look(crowd)

    def _look(self, crowd: Crowd) -> list[Shown]:
        return [_shown(jaeger, crowd) for jaeger in self.jaegers]


def _await_whole(jaeger: Jaeger, crowd: Crowd, deadline: float) -> None:
    """Ask for traces until each was whole once; asking for all of them each time is a load."""
    asked = list(crowd.traces())
    while asked and time.monotonic() < deadline:
        try:
            found = jaeger.spans(asked)
        except Refused:
            found = [Counter() for _ in asked]
        asked = [one for one, spans in zip(asked, found, strict=True) if len(spans) < SPANS]
        if asked:
            time.sleep(1)


def _shown(jaeger: Jaeger, crowd: Crowd) -> Shown:
    try:
        traces = jaeger.spans(crowd.traces())
    except Refused:
        # Until the others know that a node is away, what is asked of it fails.
        return Shown(0, 0, crowd.number, 0)
    return Shown(**tally(traces))


@pytest.fixture(scope="module")
def kept(roles_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """What the tests share; each leaves it as it was."""
    kubernetes_server.scale_binary("cassandra")
    folder, block = tmp_path_factory.mktemp("kept"), clusters.free_block()
    addresses = [f"{block}.{90 + n}" for n in range(_NODES)]
    store = {"servers": addresses, "secret": "cassandra"}
    stores = {"jaeger": {"cassandra": store}, "loki": {"otlp": "http://127.0.0.1:1"}}
    with clusters.running(folder, {**KEEP_ALL, "kubernetes": stores}, block) as cluster:
        nodes = cassandra.nodes_of(cluster.folder, addresses)
        secret = {"username": cassandra.USER, "password": cassandra.PASSWORD}
        jaegers = [
            Jaeger(cluster.folder / f"jaeger-{n}", cluster.model, f"{block}.{100 + n}", secret)
            for n in range(2)
        ]
        for n, node in enumerate(nodes):
            cluster.nodes[f"cassandra-{n}"] = node.start(wait=False)
        for node in nodes:
            node.await_ready()
        cassandra.await_account(nodes)
        for n, jaeger in enumerate(jaegers):
            cluster.nodes[f"jaeger-{n}"] = jaeger.node
            # In order, as the pods are: the first makes the schema.
            jaeger.node.start()
            sample = cluster.node(SAMPLE, n)
            sample.env = {**sample.env, "IMSOBS_JAEGER_ENDPOINT": jaeger.otlp}
        cluster.start(**{DERIVE: 2, SAMPLE: 2})
        yield Kept(cluster, nodes, jaegers)


def _whole(found: list[Shown], crowd: Crowd) -> str:
    """Say what was found; AssertionError unless both Jaeger show everything, and once."""
    assert [one.exact for one in found] == [True, True], found
    both = " and ".join(f"{one.whole:,}" for one in found)
    return f"{both} of {crowd.number:,} traces whole, 0 spans twice"


def test_a_node_of_cassandra_that_is_killed_costs_no_trace(kept: Kept, see: See) -> None:
    crowd = kept.arriving(960)
    node, jaeger = kept.nodes[1], kept.jaegers[1].node
    node.stop(signal.SIGKILL)
    away = _whole(kept.shown(crowd.wait()), crowd)
    # One that starts meanwhile finds the schema, and its account.
    jaeger.stop()
    jaeger.start()
    started = _whole(kept.shown(crowd), crowd)
    node.start()
    back = _whole(kept.shown(crowd), crowd)
    see(f"from each Jaeger: while it is away {away}; after a restart of one {started}; back {back}")


def test_a_node_of_cassandra_that_hangs_costs_no_trace(kept: Kept, see: See) -> None:
    node = kept.nodes[0]
    crowd = kept.arriving(960)
    node.pause()
    crowd.wait()
    time.sleep(_HANGS_SECONDS)
    node.proceed()
    see(f"from each Jaeger: {_whole(kept.shown(crowd), crowd)}")


def test_a_jaeger_that_is_killed_costs_no_trace(kept: Kept, see: See) -> None:
    jaeger = kept.jaegers[0].node
    crowd = kept.arriving(960)
    jaeger.stop(signal.SIGKILL)
    crowd.wait()
    jaeger.start()
    see(f"from each Jaeger: {_whole(kept.shown(crowd), crowd)}")
