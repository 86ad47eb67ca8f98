"""What Prometheus makes of the derived series: first events, idle ones, restarts, two writers."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from golden import otlp
from golden.collector import ROOT, Collector
from golden.prometheus import Prometheus
from golden.stores import trace_ids, wait_until

from imsobs.runtime.build.binaries import resolve_binary

pytestmark = pytest.mark.native
OVERLAY = {
    "sampling": {"decision_wait": "1s", "slow": "0s", "rate": 1.0},
    "scrape": {"interval": "2s", "timeout": "1s"},
}


@pytest.fixture(scope="module")
def collectors(
    otelcol: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Collector]]:
    """Two Collectors, as behind a load balancer."""
    folders = [tmp_path_factory.mktemp("collector") for _ in range(2)]
    running = [Collector(otelcol, folder, OVERLAY).start() for folder in folders]
    yield running
    for collector in running:
        collector.close()


@pytest.fixture(scope="module")
def prometheus(
    collectors: list[Collector], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes both, and has begun to."""
    binary = resolve_binary("prometheus", ROOT)
    running = Prometheus(binary, tmp_path_factory.mktemp("prometheus"), collectors).start()
    wait_until(lambda: running.value("sum(up)") == 2, "not scraped")
    yield running
    running.close()


class Violations:
    """Violations of one policy, which nothing else in this module counts."""

    def __init__(self, prometheus: Prometheus, policy: str) -> None:
        self.prometheus = prometheus
        self.policy = policy
        self.series = f'ims_policy_violations_total{{policy="{policy}"}}'

    def send(self, collector: Collector, times: int = 1) -> None:
        """Let a Collector receive some."""
        attributes = {
            "event": "policy_evaluated",
            "policy": self.policy,
            "decision": "deny",
            "duration_seconds": 0.001,
        }
        record = {"attributes": attributes, "count": times}
        collector.send("logs", otlp.logs("ims-core", [record]))

    def wait_for(self, total: int) -> None:
        """Wait until the series add up to a total."""
        query = f"sum({self.series})"
        wait_until(lambda: self.prometheus.value(query) == total, f"never {total}")

    def value(self, expression: str) -> float:
        """Return the value of an expression in which ``$`` stands for the series."""
        return self.prometheus.value(expression.replace("$", self.series)) or 0.0


def test_first_event_counts_and_stays(collectors: list[Collector], prometheus: Prometheus) -> None:
    pii = Violations(prometheus, "pii")
    assert prometheus.query(pii.series) == [], "not idle"
    pii.send(collectors[0])
    pii.wait_for(1)
    wait_until(
        lambda: pii.value("sum(increase($[1m] anchored))") == 1, "the first event is not counted"
    )
    count = f"ims_policy_duration_seconds_count{{policy='{pii.policy}'}}"
    assert prometheus.value(f"sum(increase({count}[1m] anchored))") == 1
    # Idle: still exposed, and fresh at every scrape.
    later = time.time() + 2
    wait_until(lambda: pii.value("max(timestamp($))") > later, "exposed no longer")
    assert pii.value("sum($)") == 1
    labels = prometheus.query(pii.series)[0]["metric"]
    planned = collectors[0].model.series["ims_policy_violations_total"].labels
    assert set(labels) == {"__name__", *planned}


def test_two_collectors_do_not_fight(collectors: list[Collector], prometheus: Prometheus) -> None:
    budget = Violations(prometheus, "budget")
    budget.send(collectors[0], 2)
    budget.send(collectors[1], 3)
    budget.wait_for(5)
    rows = prometheus.query(budget.series)
    assert len({row["metric"]["instance"] for row in rows}) == len(rows) == 2
    budget.send(collectors[0])
    budget.wait_for(6)
    assert budget.value("sum(resets($[1m]))") == 0, "one series, two writers"


def test_exemplars_lead_to_stored_traces(
    collectors: list[Collector], prometheus: Prometheus
) -> None:
    span = {"kind": "server", "duration": 0.2, "attributes": {"http.request.method": "GET"}}
    collectors[0].send("traces", otlp.traces("ims-core", [span] * 3))
    metric = "ims_kept_request_duration_seconds_bucket"
    wait_until(lambda: bool(prometheus.exemplars(metric)), "no exemplar")
    found = {entry["labels"]["trace_id"] for entry in prometheus.exemplars(metric)}
    assert found
    assert found <= set(trace_ids(collectors[0]))


@pytest.mark.parametrize(
    ("how", "policy"),
    [(signal.SIGTERM, "content_safety"), (signal.SIGKILL, "prompt_injection")],
    ids=["end", "kill"],
)
def test_restart_loses_and_doubles_nothing(
    how: signal.Signals, policy: str, collectors: list[Collector], prometheus: Prometheus
) -> None:
    violations, collector = Violations(prometheus, policy), collectors[0]
    violations.send(collector, 5)
    violations.wait_for(5)
    collector.stop(how)
    wait_until(lambda: prometheus.value("sum(up)") == 1, "the end was not seen")
    collector.start()
    violations.send(collector, 3)
    violations.wait_for(3)
    wait_until(
        lambda: violations.value("sum(increase($[1m] anchored))") == 5 + 3, "lost or doubled"
    )
    assert violations.value("min(min_over_time(sum(rate($[10s]))[30s:1s]))") >= 0
