"""What Prometheus scrapes: one PodMonitor for each job, named as on one machine.

Pods, not Services: a pod that is to end leaves its Service at once, and is scraped until it has
ended, so that what it counted last is not lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.model import conventions
from imsobs.model.series_budget import series_budget
from imsobs.outputs.kubernetes import collectors, stores
from imsobs.outputs.kubernetes.objects import Cluster, Object


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield the monitors."""
    model = cluster.model
    namespace = model.spec.service.namespace
    limits = series_budget(model.spec, model.metrics).limits
    ports = {
        conventions.scrape_job(namespace, "metrics"): ["prometheus/derived", "prometheus/current"],
        conventions.scrape_job(namespace, "processes"): ["prometheus/processes"],
        conventions.scrape_job(namespace, "state"): ["prometheus/state"],
    }
    exposed = {name for one in cluster.roles.values() for name in one["exporters"]}
    roles = {
        "app.kubernetes.io/component": "opentelemetry-collector",
        "app.kubernetes.io/managed-by": "opentelemetry-operator",
    }
    for job, exporters in ports.items():
        named = [collectors.PORTS[name] for name in exporters if name in exposed]
        drop = {"action": "labeldrop", "regex": "|".join(conventions.RENAMED_LABELS)}
        limit = {"sampleLimit": limits[job]} if job in limits else {}
        if named:
            yield _monitor(cluster, job, roles, named, relabelled=[drop], **limit)
    yield _monitor(cluster, "otelcol", roles, [collectors.TELEMETRY])
    for name in (stores.PROMETHEUS, stores.ALERTMANAGER):
        yield _monitor(cluster, name, stores.operated(name), ["web"])
    if stores.own_jaeger(cluster):
        yield _monitor(cluster, stores.JAEGER, cluster.selected(stores.JAEGER), ["telemetry"])
    if stores.own_loki(cluster):
        yield _monitor(cluster, stores.LOKI, cluster.selected(stores.LOKI), ["http"])


def _monitor(
    cluster: Cluster,
    job: str,
    selected: dict[str, str],
    ports: list[str],
    relabelled: list[Object] | None = None,
    **limits: Any,
) -> Object:
    more = {"metricRelabelings": relabelled} if relabelled else {}
    endpoints = [{"port": port, "relabelings": _names(job), **more} for port in ports]
    spec = {"selector": {"matchLabels": selected}, "podMetricsEndpoints": endpoints, **limits}
    return cluster.object("PodMonitor", job, job, spec=spec)


def _names(job: str) -> list[Object]:
    """Return what names a target: its job as rules know it, and its pod, which outlives a restart.

    A series per address would begin anew with every pod, and count towards the budget twice.
    """
    pod, port = "__meta_kubernetes_pod_name", "__meta_kubernetes_pod_container_port_number"
    return [
        {"action": "replace", "targetLabel": "job", "replacement": job},
        {
            "action": "replace",
            "sourceLabels": [pod, port],
            "separator": ":",
            "targetLabel": "instance",
        },
        # Which container and port it is, the job says already.
        {"action": "labeldrop", "regex": "container|endpoint|namespace|pod"},
    ]
