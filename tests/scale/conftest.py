"""A cluster to break: Collectors in their roles, store, Prometheus, senders with known totals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_server
import pytest
from alertmanager import wait_for
from scale.operated import Operated, operating

from bench.scale import cluster as clusters
from bench.scale.cluster import KEEP_ALL, Cluster
from bench.scale.known import RECORDS, SPANS, Crowd
from bench.scale.node import Node
from bench.scale.prometheus import Prometheus
from imsobs.outputs.collector.roles import CURRENT, DERIVE, SAMPLE

# Says what a test saw, for the page that `python -m bench.scale` writes.
See = Callable[[str], None]
COUNTERS = {
    "requests": "ims_requests_total",
    "calls": "ims_model_calls_total",
    "records": "ims_log_records_total",
}
# Nothing that waits for its turn does so for longer: the longest pause between two tries of a hop
# is 5 s, a trace is decided on after 2 s.
_STABLE_SECONDS = 12.0
# Two scrapes.
_SCRAPED_SECONDS = 2.5


@dataclass(frozen=True)
class Found:
    """What came of a crowd. counted: as Prometheus has it, less the truth.

    traces: whole, partial and absent ones in the store; twice: spans that were stored again;
    records: stored, and again.
    """

    lost: dict[str, int]
    whole: int
    partial: int
    absent: int
    twice: int
    records_lost: int
    records_twice: int

    @property
    def exact(self) -> bool:
        """Whether nothing was lost and nothing doubled."""
        counts = (self.partial, self.absent, self.twice, self.records_lost, self.records_twice)
        return not any(self.lost.values()) and not any(counts)

    def text(self, crowd: Crowd) -> str:
        """Return it in words."""
        count = ", ".join(
            f"{crowd.truth()[what] - lost:,} of {crowd.truth()[what]:,} {what}"
            for what, lost in self.lost.items()
        )
        traces = f"{self.whole:,} of {crowd.number:,} traces whole"
        traces += f", {self.partial} partial, {self.absent} absent, {self.twice} spans twice"
        stored = crowd.number * RECORDS - self.records_lost
        return (
            f"counted {count}; {traces};"
            f" {stored:,} of {crowd.number * RECORDS:,} records stored, {self.records_twice} twice"
        )


def tally(traces: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return how many traces are whole, partial and absent, and the spans that are there again.

    traces: of each, span id -> how often it is there.
    """
    return {
        "whole": sum(len(spans) == SPANS for spans in traces),
        "partial": sum(0 < len(spans) < SPANS for spans in traces),
        "absent": sum(not spans for spans in traces),
        "twice": sum(times - 1 for spans in traces for times in spans.values()),
    }


class Stage:
    """A cluster under observation. Every crowd has numbers of its own, and can be told apart."""

    def __init__(self, cluster: Cluster, prometheus: Prometheus) -> None:
        self.cluster, self.prometheus = cluster, prometheus
        self._next = 0
        self._before = dict.fromkeys(COUNTERS, 0.0)

    def derive(self, number: int) -> Node:
        """Return a process of `derive`."""
        return self.cluster.node(DERIVE, number)

    def sample(self, number: int) -> Node:
        """Return a process of `sample`."""
        return self.cluster.node(SAMPLE, number)

    def begun(self) -> list[float]:
        """Return how many traces each process of `sample` has seen that runs."""
        name = "otelcol_processor_tail_sampling_new_trace_id_received_total"
        port = self.cluster.ports.telemetry
        nodes = [node for key, node in self.cluster.nodes.items() if key.startswith(SAMPLE)]
        return [node.total(port, name) for node in nodes if node.running]

    def crowd(self, number: int, *, pause: float, derive: tuple[int, ...] = (0, 1)) -> Crowd:
        """Return senders that have started."""
        first, self._next = self._next, self._next + number
        self._before = self._settled()
        targets = [self.cluster.address(DERIVE, n) for n in derive]
        return Crowd(targets, number, pause, first=first).start()

    def _settled(self) -> dict[str, float]:
        """Return the counts once all that was counted is scraped."""
        counted, since = self._counted(), time.monotonic()
        while time.monotonic() - since < _SCRAPED_SECONDS:
            time.sleep(0.5)
            if (now := self._counted()) != counted:
                counted, since = now, time.monotonic()
        return counted

    def _counted(self) -> dict[str, float]:
        return {what: self.prometheus.counted(name) for what, name in COUNTERS.items()}

    def found(self, crowd: Crowd) -> Found:
        """Return what came of a crowd that has been answered, once nothing changes any more."""
        since, found = time.monotonic(), self._look(crowd)
        while not found.exact and time.monotonic() - since < _STABLE_SECONDS:
            time.sleep(0.5)
            if (now := self._look(crowd)) != found:
                since, found = time.monotonic(), now
        return found

    def _look(self, crowd: Crowd) -> Found:
        counted, truth = self._counted(), crowd.truth()
        lost = {what: round(truth[what] - counted[what] + self._before[what]) for what in truth}
        stored = self.cluster.stored_spans()
        mine = [stored.get(trace, {}) for trace in crowd.traces()]
        records = self.cluster.stored_records()
        mine_records = [records[body] for body in crowd.bodies()]
        return Found(
            lost,
            **tally(mine),
            records_lost=sum(not times for times in mine_records),
            records_twice=sum(max(0, times - 1) for times in mine_records),
        )


@pytest.fixture
def see(record_property: Callable[[str, object], None]) -> See:
    """Return what notes a figure of this test."""
    return lambda text: record_property("seen", text)


@pytest.fixture(scope="session")
def roles_binary() -> Path:
    """The Collector that balances, which is built on request only."""
    return kubernetes_server.scale_binary("otelcol-roles")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubernetes_server.ApiServer]:
    """An API server with the operators' definitions."""
    apiserver, etcd = map(kubernetes_server.scale_binary, ("kube-apiserver", "etcd"))
    folder = tmp_path_factory.mktemp("server")
    with kubernetes_server.running(apiserver, etcd, folder) as found:
        yield found


@pytest.fixture(scope="module")
def collected(
    server: kubernetes_server.ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operated]:
    """The server with opentelemetry-operator at work on the example."""
    with operating(server, tmp_path_factory.mktemp("operator")) as found:
        yield found


@contextmanager
def stage(folder: Path, samples: int = 2, **given: Any) -> Iterator[Stage]:
    """Run two processes of `derive`, of `sample` as many as said, and one of `current`."""
    with clusters.running(folder, KEEP_ALL, samples=samples, **given) as cluster:
        cluster.start(**{DERIVE: 2, SAMPLE: samples, CURRENT: 1})
        prometheus = Prometheus(cluster)
        prometheus.start(**{DERIVE: [0, 1], SAMPLE: [*range(samples)], CURRENT: [0]})
        # It takes up to five seconds to see its targets.
        wait_for(lambda: len(prometheus.query("up == 1")) >= 4 + 2 * samples, 30, "all is scraped")
        yield Stage(cluster, prometheus)


@pytest.fixture(scope="module")
def running(roles_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A cluster that the tests of a module share; each leaves it as it was."""
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made
