"""Dashboards and data sources, for a Grafana that runs already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from imsobs import yamlio
from imsobs.outputs import grafana
from imsobs.outputs.grafana import provisioning
from imsobs.outputs.kubernetes import alertmanager, prometheus, stores
from imsobs.outputs.kubernetes.objects import Cluster, Object
from imsobs.outputs.references import GRAFANA, filled, written

NAME = "grafana"
_SELECTOR = {"matchLabels": {"dashboards": "grafana"}}
# How often grafana-operator writes anew what somebody changed.
_RESYNC = "10m"


def dashboards(cluster: Cluster) -> Iterator[tuple[str, list[Object]]]:
    """Yield uid -> the objects of a dashboard."""
    for page in grafana.plan(cluster.model):
        uid = page.data["uid"]
        name, file = f"dashboard-{uid}", f"{uid}.json"
        text = json.dumps(page.data, separators=(",", ":"), ensure_ascii=False)
        found = cluster.object("ConfigMap", name, NAME, data={file: text})
        folder = cluster.model.spec.service.namespace.upper()
        found["metadata"]["labels"]["grafana_dashboard"] = "1"
        found["metadata"]["annotations"] = {"grafana_folder": folder}
        operated = []
        if cluster.spec.grafana.by == "operator":
            spec = {
                "instanceSelector": _SELECTOR,
                "allowCrossNamespaceImport": True,
                "folder": folder,
                "resyncPeriod": _RESYNC,
                "configMapRef": {"name": name, "key": file},
            }
            operated.append(cluster.object("GrafanaDashboard", name, NAME, spec=spec))
        yield uid, [found, *operated]


def data_sources(cluster: Cluster) -> Iterator[Object]:
    """Yield the data sources, as Grafana's file and, on request, as the operator's objects."""
    sources = filled(provisioning.data_sources(cluster.model), _urls(cluster))
    if tenant := cluster.spec.loki and cluster.spec.loki.tenant:
        for source in sources:
            if source["type"] == "loki":
                source["jsonData"]["httpHeaderName1"] = "X-Scope-OrgID"
                source["secureJsonData"] = {"httpHeaderValue1": tenant}
    # Grafana expands what begins with a dollar in its file, and nothing that comes by its API.
    file = written({"apiVersion": 1, "prune": True, "datasources": sources}, GRAFANA)
    found = cluster.object(
        "ConfigMap", "datasources", NAME, data={"datasources.yaml": yamlio.dump(file)}
    )
    found["metadata"]["labels"]["grafana_datasource"] = "1"
    yield found
    if cluster.spec.grafana.by == "operator":
        for source in sources:
            yield cluster.object("GrafanaDatasource", source["uid"], NAME, spec=_operated(source))


def _operated(source: dict[str, Any]) -> Object:
    return {
        "instanceSelector": _SELECTOR,
        "allowCrossNamespaceImport": True,
        "resyncPeriod": _RESYNC,
        "uid": source["uid"],
        "datasource": {key: value for key, value in source.items() if key != "uid"},
    }


def _urls(cluster: Cluster) -> dict[str, str]:
    stack = cluster.model.spec.stack
    governing = stores.GOVERNING
    found = {
        "IMSOBS_PROMETHEUS_URL": f"http://{cluster.host(governing['prometheus'])}:{prometheus.PORT}",
        "IMSOBS_ALERTMANAGER_URL": (
            f"http://{cluster.host(governing['alertmanager'])}:{alertmanager.PORT}"
        ),
    }
    if stack.loki and (url := stores.logs_url(cluster)):
        found["IMSOBS_LOKI_URL"] = url
    if stack.jaeger:
        host = cluster.host(stores.JAEGER)
        if not stores.own_jaeger(cluster):
            host = str(stores.traces_address(cluster)).rpartition(":")[0]
        found["IMSOBS_JAEGER_URL"] = f"http://{host}:{stack.jaeger.ports.http}"
    return found
