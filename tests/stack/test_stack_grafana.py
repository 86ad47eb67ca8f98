"""Grafana in its container: data sources and dashboards are provisioned, panels answer."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest
from stack.containers import Launcher, Started, eventually
from testcontainers.core.network import Network

from imsobs.runtime import secrets as stack_secrets

PORT = 3000


@pytest.fixture
def grafana(network: Network, launch: Launcher) -> Started:
    started = launch("grafana", ports=(PORT,), network=network)
    launch("prometheus", ports=(9090,), network=network).wait_healthy()
    launch("jaeger", ports=(16686,), network=network).wait_healthy()
    started.wait_healthy(120)
    return started


@pytest.fixture
def admin(grafana: Started) -> httpx.Client:
    password = os.environ[stack_secrets.PASSWORD]
    auth = httpx.BasicAuth("admin", password)
    return httpx.Client(base_url=grafana.url(PORT), auth=auth, trust_env=False, timeout=30)


def test_it_wants_the_password(grafana: Started, client: httpx.Client) -> None:
    assert client.get(grafana.url(PORT, "/api/datasources")).status_code == 401
    known = httpx.BasicAuth("admin", "admin")
    assert client.get(grafana.url(PORT, "/api/datasources"), auth=known).status_code == 401


def test_data_sources_are_there_and_healthy(admin: httpx.Client) -> None:
    found = {source["uid"] for source in admin.get("/api/datasources").json()}
    assert found == {"prometheus", "loki", "jaeger", "alertmanager"}
    for uid in ("prometheus", "jaeger"):
        health = eventually(lambda uid=uid: admin.get(f"/api/datasources/uid/{uid}/health").json())
        assert health["status"] == "OK", health


def test_every_dashboard_is_listed(admin: httpx.Client, project: Path) -> None:
    wanted = {json.loads(p.read_text())["uid"] for p in (project / "dashboards").glob("*.json")}

    def listed() -> bool:
        rows = admin.get("/api/search", params={"type": "dash-db"}).json()
        return {row["uid"] for row in rows} == wanted

    eventually(listed, 60)


def test_every_metric_query_is_taken_through_the_proxy(admin: httpx.Client, project: Path) -> None:
    asked = 0
    for path in sorted((project / "dashboards").glob("*.json")):
        for expression in _expressions(json.loads(path.read_text())):
            url = "/api/datasources/proxy/uid/prometheus/api/v1/query"
            answer = admin.get(url, params={"query": expression})
            assert answer.is_success, f"{path.name}: {expression}: {answer.text}"
            asked += 1
    assert asked > 0


def _expressions(node: object) -> list[str]:
    found: list[str] = []
    if isinstance(node, dict):
        source = node.get("datasource")
        uid = source.get("uid") if isinstance(source, dict) else None
        if isinstance(node.get("expr"), str) and uid == "prometheus":
            found.append(_without_variables(node["expr"]))
        for value in node.values():
            found += _expressions(value)
    elif isinstance(node, list):
        for value in node:
            found += _expressions(value)
    return found


def _without_variables(expression: str) -> str:
    for name, value in (("__rate_interval", "5m"), ("__interval", "1m"), ("__range", "1h")):
        expression = expression.replace("${" + name + "}", value).replace("$" + name, value)
    for name in ("service", "vendor", "environment"):
        expression = expression.replace("${" + name + ":regex}", ".*").replace("$" + name, ".*")
    return expression
