"""A real Cortex evaluates the rules over all regions, on what a Prometheus of each region sends."""

from __future__ import annotations

import subprocess
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

from bench.project import await_http
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


def _cortex(folder: Path, port: int, grpc: int, rules: Path) -> dict[str, Any]:
    alone = {"kvstore": {"store": "inmemory"}}
    return {
        "target": "distributor,ingester,querier,query-frontend,store-gateway,ruler",
        "auth_enabled": True,
        "server": {
            "http_listen_address": "127.0.0.1", "http_listen_port": port,
            "grpc_listen_address": "127.0.0.1", "grpc_listen_port": grpc, "log_level": "warn",
        },
        "distributor": {"ring": {**alone, "instance_addr": "127.0.0.1"}},
        "ingester": {
            "lifecycler": {
                "address": "127.0.0.1", "ring": {**alone, "replication_factor": 1},
                "min_ready_duration": "0s", "final_sleep": "0s",
            },
        },
        "blocks_storage": {
            "backend": "filesystem", "filesystem": {"dir": str(folder / "blocks")},
            "tsdb": {"dir": str(folder / "tsdb")},
            "bucket_store": {"sync_dir": str(folder / "sync")},
        },
        "querier": {
            "active_query_tracker_dir": str(folder / "queries"),
            "store_gateway_addresses": f"127.0.0.1:{grpc}",
        },
        "frontend_worker": {"frontend_address": f"127.0.0.1:{grpc}", "match_max_concurrent": True},
        "ruler": {
            "rule_path": str(folder / "rules-read"), "poll_interval": "1s",
            "evaluation_interval": "1s", "ring": alone, "enable_api": True,
        },
        "ruler_storage": {"backend": "local", "local": {"directory": str(rules)}},
    }  # fmt: skip


def _region(name: str, store: int) -> dict[str, Any]:
    """Return the configuration of a region's Prometheus, which records what it would have."""
    return {
        "global": {
            "evaluation_interval": "1s",
            "external_labels": {"cluster": f"main-{name}", "region": name},
        },
        "rule_files": ["rules.yaml"],
        "remote_write": [{"url": f"http://127.0.0.1:{store}/api/v1/push",
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

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/prometheus/api/v1"

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
    cortex, folder = scale_binary("cortex"), tmp_path_factory.mktemp("store")
    rules = folder / "rules" / TENANT
    rules.mkdir(parents=True)
    (rules / "rules.yaml").write_bytes(groups)
    port, grpc, *scraped = free_ports(4)
    (folder / "cortex.yaml").write_text(yaml.safe_dump(_cortex(folder, port, grpc, rules.parent)))
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("w"))

        def run(*command: str | Path, at: Path, ready: str) -> None:
            process = subprocess.Popen(list(map(str, command)), cwd=at, stdout=log, stderr=log)
            stack.callback(process.wait, 60)
            stack.callback(process.kill)
            await_http(ready, process, folder / "log")

        ready = f"http://127.0.0.1:{port}/ready"
        run(cortex, f"-config.file={folder}/cortex.yaml", at=folder, ready=ready)
        prometheus = resolve_binary("prometheus", ROOT)
        for (region, bad), own in zip(BAD.items(), scraped, strict=True):
            place = folder / region
            place.mkdir()
            (place / "prometheus.yaml").write_text(yaml.safe_dump(_region(region, port)))
            (place / "rules.yaml").write_text(yaml.safe_dump(_recorded(bad)))
            run(prometheus, "--config.file=prometheus.yaml", "--storage.tsdb.path=data",
                f"--web.listen-address=127.0.0.1:{own}", at=place,
                ready=f"http://127.0.0.1:{own}/-/ready")  # fmt: skip
        yield Store(port)


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
