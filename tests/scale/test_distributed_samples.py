"""Two Prometheus that write to Cortex: every series there once, and right, whoever dies."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
import yaml
from alertmanager import wait_for
from kubernetes_server import scale_binary
from kubernetes_specs import manifests
from scale.conftest import COUNTERS, See
from scale.names import Names
from scale.samples import (
    FAILOVER_SECONDS,
    OVERLAY,
    TENANT,
    Stage,
    elected,
    results,
    same_in_both,
)

from bench.scale import cluster as clusters
from bench.scale.cortex import PORT, Cortex
from bench.scale.prometheus import Prometheus, Refused
from imsobs.compile import render_model
from imsobs.outputs import grafana
from imsobs.outputs.collector.roles import DERIVE, SAMPLE
from imsobs.preview.interpolate import panel_queries

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300), pytest.mark.usefixtures("roles_binary")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    scale_binary("cortex")
    scale_binary("etcd")
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here: a process cannot be given a name server of its own")
    folder = tmp_path_factory.mktemp("samples")
    with clusters.running(folder, OVERLAY, samples=1) as cluster:
        cortex = Cortex(cluster, TENANT, FAILOVER_SECONDS).start()
        names = Names(f"{cluster.block}.1", [node.address for node in cortex.nodes])
        try:
            cluster.start(**{DERIVE: 2, SAMPLE: 1})
            rendered = manifests(render_model(cluster.model))
            yield Stage(cluster, cortex, rendered, names.resolv_conf(folder))
        finally:
            names.close()


@pytest.fixture(scope="module")
def pair(stage: Stage) -> list[Prometheus]:
    """The two Prometheus of a cluster without regions."""
    return [stage.prometheus(pod) for pod in range(2)]


@pytest.fixture(scope="module")
def regions(stage: Stage, pair: list[Prometheus]) -> dict[str, list[Prometheus]]:
    """Two in a region, and one in another whose pods have the same names, instead of the pair."""
    for one in pair:
        one.node.stop()
    return {
        "eu": [stage.prometheus(pod, "eu") for pod in range(2)],
        "us": [stage.prometheus(0, "us")],
    }


def test_every_series_is_in_the_store_once_and_right(
    stage: Stage, pair: list[Prometheus], see: See
) -> None:
    stage.crowd(960, pause=0.2).wait()
    stage.await_counted(stage.sent)
    here = same_in_both(stage, elected(stage, pair), node=2)
    assert stage.cortex.query('{__replica__!=""}') == []
    # Both were heard; what one of them sent was left out.
    received = stage.cortex.nodes[0].total(PORT, "cortex_distributor_samples_in_total")
    dropped = stage.cortex.nodes[0].total(PORT, "cortex_distributor_deduped_samples_total")
    assert dropped > received * 0.1, (received, dropped)
    born = stage.cortex.query('{__name__=~"ims_.+_total",job="ims-metrics"}[1h]')
    assert {row["metric"]["__name__"] for row in born} >= {*COUNTERS.values()}
    late = [row["metric"] for row in born if float(row["values"][0][1]) != 0]
    assert late == [], "increase() would miss what was counted first"
    of_rules = results(stage, here)
    assert len(of_rules) > 30, "too few rules have a value: there is nothing to see"
    see(
        f"all {len(here):,} series of a moment, {len(of_rules)} of them results of rules, are in"
        f" Cortex once, with the same value; {len(born)} counters begin at 0;"
        f" {stage.counted()['requests']:,} of {stage.sent['requests']:,} requests;"
        f" {dropped / received:.0%} of the samples that came were of the other Prometheus"
    )


def test_rules_that_the_store_evaluates_as_well_come_twice(
    stage: Stage, pair: list[Prometheus], see: See
) -> None:
    name = "service:ims_requests:rate5m"
    (expr,) = [record.expr for record in stage.cluster.model.records if record.name == name]
    assert len(stage.cortex.query(name)) == len(pair[0].query(name)) == 1
    file = stage.cortex.rule_files / "rules.yaml"
    rules = [{"record": name, "expr": expr}]
    file.write_text(yaml.safe_dump({"groups": [{"name": "again", "rules": rules}]}), "utf-8")
    twice = wait_for(lambda: len(stage.cortex.query(name)) > 1, 60, "the result of the ruler")
    file.unlink()
    assert twice
    see(f"{name}: 1 series by Prometheus alone, {len(stage.cortex.query(name))} with a ruler")


def test_the_store_refuses_counts_and_answers_the_rest(stage: Stage, see: See) -> None:
    queries = {
        query.expr
        for page in grafana.plan(stage.cluster.model)
        for query in panel_queries(page.data, seconds=900)
        if query.source == "prometheus"
    }
    refused: dict[str, str] = {}
    for query in queries:
        try:
            stage.cortex.query(query)
        except Refused as error:
            refused[query] = str(error)
    assert {query for query in queries if "anchored" in query} == refused.keys() != set()
    (why,) = {re.sub(r"^[\d:]+ ", "", text) for text in refused.values()}
    see(
        f"{sum(query not in refused for query in queries)} of {len(queries)} queries of panels are"
        f" answered; the others count: {why}"
    )


def test_a_node_of_the_store_that_is_killed_costs_nothing(
    stage: Stage, pair: list[Prometheus], see: See
) -> None:
    first, second, _ = stage.cortex.nodes
    crowd = stage.crowd(960, pause=0.7)
    time.sleep(2)
    # Both Prometheus write to it: its address is the first of the name.
    first.stop(signal.SIGKILL)
    time.sleep(4)
    away = stage.counted()
    first.start()
    crowd.wait()
    stage.await_counted(stage.sent)
    # What the first one missed meanwhile, the others have: two of three are enough.
    second.stop(signal.SIGKILL)
    stage.await_counted(stage.sent, node=0)
    here = same_in_both(stage, elected(stage, pair, node=2), node=0)
    second.start()
    see(
        f"the node that both write to killed (-9), back after 4 s, then another: {len(here):,}"
        f" series as in Prometheus, {stage.counted(node=0)['requests']:,} of"
        f" {stage.sent['requests']:,} requests ({away['requests']:,} while it was away)"
    )


def test_the_prometheus_that_is_listened_to_is_killed(
    stage: Stage, regions: dict[str, list[Prometheus]], see: See
) -> None:
    pods, (elsewhere,) = regions["eu"], regions["us"]
    eu = 'region="eu"'
    stage.await_counted(stage.sent, eu)
    stage.await_counted(stage.sent, 'region="us"')
    heard = elected(stage, pods)
    (other,) = [one for one in pods if one is not heard]
    stage.cluster.node(DERIVE, 2).start()
    other.scrape(**{DERIVE: [0, 1, 2], SAMPLE: [0]})
    new = f'instance="{stage.cluster.address(DERIVE, 2)}:{stage.cluster.ports.metrics}"'
    wait_for(lambda: other.query(f"up{{{new}}} == 1"), 30, "a third process is scraped")
    crowd = stage.crowd(960, pause=0.6)
    time.sleep(2)
    heard.node.stop(signal.SIGKILL)
    # Series that begin while nobody is listened to.
    late = stage.crowd(100, pause=0.0, derive=[2]).wait()
    wait_for(lambda: elected(stage, pods) is other, FAILOVER_SECONDS * 3, "the other one")
    crowd.wait()
    stage.await_counted(stage.sent, eu)
    heard.node.start()
    # A result that was left out comes with the next evaluation.
    here = same_in_both(stage, other, node=2, of_rules=False)
    assert elected(stage, pods) is other, "the one that came back is not listened to"
    selected = f"{COUNTERS['requests']}{{{eu}}}"
    assert not any(float(row["value"][1]) for row in stage.cortex.query(f"resets({selected}[1h])"))
    silent = max(
        after - before
        for row in stage.cortex.query(f"{selected}[1h]")
        for (before, _), (after, _) in zip(row["values"], row["values"][1:], strict=False)
    )
    assert silent < FAILOVER_SECONDS * 1.5 + 5, silent
    first = {
        where: float(ask.query(f"{COUNTERS['requests']}{{{labels}}}[1h]")[0]["values"][0][1])
        for where, ask, labels in (
            ("Prometheus", other, new),
            ("Cortex", stage.cortex, f"{new},{eu}"),
        )
    }
    assert first == {"Prometheus": 0, "Cortex": late.number}
    assert elsewhere.node.running is not None
    see(
        f"killed (-9); {silent:.0f} s without a sample, {FAILOVER_SECONDS} s being waited for;"
        f" then {stage.counted(eu)['requests']:,} of {stage.sent['requests']:,} requests, no"
        f" reset, {len(here):,} series as in the other; a series that began meanwhile begins at"
        f" {first['Cortex']:.0f}, not 0"
    )
