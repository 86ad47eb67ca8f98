"""A real Cortex evaluates the rules over all regions, on what a Prometheus of each region sends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import small_specs
import yaml
from alertmanager import ROOT, wait_for
from kubernetes_server import scale_binary

from bench.scale.cluster import free_block
from bench.scale.cortex import PORT, alone
from bench.scale.node import Node
from imsobs.compile import render_model
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300)]
TENANT = "shop"
SPEC = """
stack: {jaeger: null, loki: null}
slos: {pages: {min_failures: 10}}
kubernetes:
  prometheus: {remote_write: {url: "http://mimir.svc/api/v1/push", tenant: shop}}
  regions: {eu: {}, us: {}}
"""
OWN = {"service_name": "orders-api", "deployment_environment_name": "production"}
# Region -> bad events of a thousand.
BAD = {"eu": 20, "us": 280}
# Remote write waits some seconds for more to send.
_SECONDS = 90.0


def _region(name: str, store: str) -> dict[str, Any]:
    """Return the configuration of a region's Prometheus, which records what it would have."""
    return {
        "global": {
            "evaluation_interval": "1s",
            "external_labels": {"cluster": f"main-{name}", "region": name},
        },
        "rule_files": ["rules.yaml"],
        "remote_write": [{"url": f"{store}/api/v1/push",
                          "headers": {"X-Scope-OrgID": TENANT}}],
    }  # fmt: skip


def _recorded(bad: int) -> dict[str, Any]:
    rules = [
        {"record": f"slo:pages:{what}{window}", "expr": f"vector({value})", "labels": OWN}
        for what, value in (("events", 1000), ("bad_events", bad))
        for window in ("5m", "1h")
    ]
    up = {"record": "up", "expr": "vector(1)", "labels": {"job": "prometheus"}}
    return {"groups": [{"name": "recorded", "rules": [*rules, up]}]}


class Store:
    """Cortex, asked as the tenant."""

    def __init__(self, url: str) -> None:
        self._base = f"{url}/prometheus/api/v1"

    def data(self, path: str, **params: str) -> Any:
        """Return the data of an answer; empty while there is none."""
        with httpx.Client(trust_env=False, timeout=10) as client:
            headers = {"X-Scope-OrgID": TENANT}
            answer = client.get(f"{self._base}/{path}", params=params, headers=headers)
        return answer.json()["data"] if answer.is_success else {}

    def value(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each series that a query has now."""
        rows = self.data("query", query=query).get("result", [])
        return [(row["metric"], float(row["value"][1])) for row in rows]


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The rules, as they are rendered."""
    folder = tmp_path_factory.mktemp("spec")
    slo = small_specs.PARTS["an objective and a band"]
    pages = render_model(small_specs.model_of(folder, slo, SPEC))
    return pages["stack/kubernetes/global/rules.yaml"]


@pytest.fixture(scope="module")
def store(groups: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    scale_binary("cortex")
    folder = tmp_path_factory.mktemp("store")
    rules = folder / "rules" / TENANT
    rules.mkdir(parents=True)
    (rules / "rules.yaml").write_bytes(groups)
    address = f"{free_block()}.70"
    url = f"http://{address}:{PORT}"
    with ExitStack() as stack:

        def run(node: Node) -> None:
            stack.callback(node.stop, signal.SIGKILL)
            node.start()

        run(alone(address, folder))
        for (region, bad), own in zip(BAD.items(), free_ports(len(BAD)), strict=True):
            place = folder / region
            place.mkdir()
            (place / "prometheus.yaml").write_text(yaml.safe_dump(_region(region, url)))
            (place / "rules.yaml").write_text(yaml.safe_dump(_recorded(bad)))
            command: list[str | Path] = [
                resolve_binary("prometheus", ROOT),
                f"--config.file={place / 'prometheus.yaml'}",
                f"--storage.tsdb.path={place / 'data'}",
                f"--web.listen-address=127.0.0.1:{own}",
            ]
            run(Node("127.0.0.1", command, place, f"http://127.0.0.1:{own}/-/ready"))
        yield Store(url)


def test_the_ruler_loads_every_rule(store: Store, groups: bytes) -> None:
    written = {group["name"]: len(group["rules"]) for group in yaml.safe_load(groups)["groups"]}

    def loaded() -> bool:
        found = store.data("rules").get("groups", [])
        return {group["name"]: len(group["rules"]) for group in found} == written

    wait_for(loaded, _SECONDS, "all rules are loaded")


def test_events_of_both_regions_are_one_objective(store: Store) -> None:
    ratio = "global_slo:pages:error_ratio1h"
    wait_for(lambda: store.value(f"{ratio} == 0.15"), _SECONDS, "the share over both regions")
    ((labels, value),) = store.value(ratio)
    assert value == sum(BAD.values()) / 2000
    assert labels == {"__name__": ratio, **OWN}, "it is of no region"


def test_the_alert_is_on_its_way_and_no_region_is_absent(store: Store) -> None:
    burns = "GlobalSLOPagesBurnFast"
    # It waits longer than the test does.
    pending = f'ALERTS{{alertname="{burns}",alertstate="pending"}}'
    wait_for(lambda: store.value(pending), _SECONDS, "the alert is pending")
    ((labels, _),) = store.value(pending)
    assert labels.items() >= {**OWN, "team": "me", "slo": "pages", "severity": "critical"}.items()
    assert store.value('ALERTS{alertname="RegionAbsent"}') == []
    ill = [rule for group in store.data("rules")["groups"] for rule in group["rules"]
           if rule.get("lastError")]  # fmt: skip
    assert ill == []
