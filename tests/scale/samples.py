"""Collectors and Cortex, and Prometheus that are made of what is rendered for Kubernetes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from alertmanager import wait_for
from scale.conftest import COUNTERS

from bench.scale.cluster import KEEP_ALL, Cluster
from bench.scale.cortex import PORT, Cortex, operated
from bench.scale.known import Crowd
from bench.scale.prometheus import Prometheus
from imsobs.outputs.collector.roles import DERIVE, SAMPLE

TENANT, STORE = "ims", "cortex.test"
# Cortex' own default: 30.
FAILOVER_SECONDS = 10
# Of the series that come of the cluster without regions.
MAIN = 'cluster="main"'
OVERLAY = {
    **KEEP_ALL,
    "kubernetes": {
        "jaeger": {"otlp": "jaeger.test:4317"},
        "loki": {"otlp": "http://loki.test:3100"},
        "prometheus": {
            "remote_write": {"url": f"http://{STORE}:{PORT}/api/v1/push", "tenant": TENANT}
        },
        "regions": {"eu": {}, "us": {}},
    },
}
# Remote write waits up to 5 s for more to send.
DELIVERED_SECONDS = 30
Series = Mapping[frozenset[tuple[str, str]], float]


@dataclass
class Stage:
    """Collectors, Cortex, and the Prometheus that are made of what is rendered for Kubernetes."""

    cluster: Cluster
    cortex: Cortex
    rendered: Mapping[str, bytes]
    names: Path
    sent: Counter[str] = field(default_factory=Counter)
    _numbers: int = 0

    def prometheus(self, pod: int, region: str | None = None) -> Prometheus:
        """Start a pod of the object Prometheus, of a region as it is patched there."""
        (found,) = self._objects("base/prometheus.yaml", "Prometheus")
        if region is not None:
            patched = yaml.safe_load(self.rendered[f"regions/{region}/kustomization.yaml"])
            (patch,) = patched["patches"]
            found["spec"] |= yaml.safe_load(patch["patch"])["spec"]
        given = operated(found, f"prometheus-main-{pod}")
        made = Prometheus(
            self.cluster, self._numbers, rules=self._rules(), resolv_conf=self.names, **given
        )
        self._numbers += 1
        made.start(**{DERIVE: [0, 1], SAMPLE: [0]})
        wait_for(lambda: len(made.query("up == 1")) >= 6, 60, "all is scraped")
        return made

    def _rules(self) -> list[Path]:
        folder = self.cluster.folder / "rules"
        folder.mkdir(exist_ok=True)
        for one in self._objects("base/rules.yaml", "ConfigMap"):
            for name, text in one["data"].items():
                (folder / name).write_text(text, "utf-8")
        return sorted(folder.iterdir())

    def _objects(self, file: str, kind: str) -> list[dict[str, Any]]:
        return [one for one in yaml.safe_load_all(self.rendered[file]) if one["kind"] == kind]

    def crowd(self, number: int, pause: float, derive: Sequence[int] = (0, 1)) -> Crowd:
        """Return senders that have started; what they send is part of ``sent``."""
        targets = [self.cluster.address(DERIVE, n) for n in derive]
        crowd = Crowd(targets, number, pause, first=self.sent["requests"]).start()
        self.sent.update(crowd.truth())
        return crowd

    def counted(self, labels: str = MAIN, node: int = 1) -> Counter[str]:
        """Return what Cortex has counted, as a node answers."""
        found = {
            what: round(self.cortex.counted(f"{name}{{{labels}}}", node=node))
            for what, name in COUNTERS.items()
        }
        return Counter(found)

    def await_counted(self, wanted: Counter[str], labels: str = MAIN, node: int = 1) -> None:
        """Wait until Cortex has counted this."""
        wait_for(
            lambda: self.counted(labels, node) == wanted,
            DELIVERED_SECONDS,
            f"{self.counted(labels, node)} are {wanted}",
        )


def _series(rows: Sequence[Mapping[str, Any]], added: Mapping[str, str] = {}) -> Series:
    found = {frozenset({**row["metric"], **added}.items()): float(row["value"][1]) for row in rows}
    assert len(found) == len(rows), "labels that are there twice"
    return found


def _differences(here: Series, there: Series) -> list[str]:
    """Return the series that are in one alone, or have another value."""
    return [
        f"{dict(labels)}: {here.get(labels)} and {there.get(labels)}"
        for labels in here.keys() | there.keys()
        # Nothing is equal to NaN.
        if repr(here.get(labels)) != repr(there.get(labels))
    ]


def results(stage: Stage, series: Series) -> Series:
    """Return those that are results of rules."""
    names = {record.name for record in stage.cluster.model.records} | {"ALERTS", "ALERTS_FOR_STATE"}
    return {labels: value for labels, value in series.items() if dict(labels)["__name__"] in names}


def same_in_both(
    stage: Stage, prometheus: Prometheus, node: int, *, of_rules: bool = True
) -> Series:
    """Hold every series of a moment in Cortex against those of a Prometheus; return them.

    of_rules: results of rules too.
    """
    labels = {name: text for name, text in prometheus.labels.items() if name != "__replica__"}
    everything, at = '__name__=~".+"', time.time() - 1
    selected = f'{{{everything},cluster="{labels["cluster"]}"}}'
    until = time.monotonic() + DELIVERED_SECONDS
    while True:
        # Asked again as well: a 0 is written for a moment that is over.
        here = _series(prometheus.query(f"{{{everything}}}", at), labels)
        there = _series(stage.cortex.query(selected, at, node=node))
        apart = {} if of_rules else results(stage, here)
        if not (found := _differences({**here, **apart}, {**there, **apart})):
            return here
        assert time.monotonic() < until, (len(found), len(here), found[:5])
        time.sleep(0.5)


def elected(stage: Stage, pods: Sequence[Prometheus], node: int = 1) -> Prometheus:
    """Return the Prometheus of a cluster whose samples are taken."""
    group = pods[0].labels["cluster"]
    name = wait_for(lambda: stage.cortex.elected(group, node=node), 20, f"one of {group}")
    (found,) = [one for one in pods if one.labels["__replica__"] == name]
    return found
