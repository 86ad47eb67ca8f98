"""Prometheus, several times, as an object of prometheus-operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from imsobs.outputs.kubernetes import rules, stores
from imsobs.outputs.kubernetes.objects import (
    Cluster,
    Object,
    claim,
    pod_security,
    reads,
    resources,
    spread,
)
from imsobs.outputs.prometheus import server
from imsobs.outputs.stack.hardening import image_of
from imsobs.shipped import shipped
from imsobs.spec.schema.distributed import RemoteWrite, Thanos

NAME = stores.PROMETHEUS
SELECTED = stores.operated(NAME)
PORT = 9090
"""The port that the operator has Prometheus listen at."""
# Cores and memory in MiB of Thanos' sidecar: it reads blocks that are done.
SIDECAR = (0.1, 256)
_UNDERSCORE = re.compile("_(.)")


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield the account with what it may read, Prometheus, and its budget of disruptions."""
    yield cluster.account(NAME, token=True)
    yield from cluster.allowed(
        NAME,
        [reads([""], ["pods", "services"]), reads(["discovery.k8s.io"], ["endpointslices"])],
    )
    yield cluster.object("Prometheus", stores.MAIN, NAME, spec=_spec(cluster))
    yield cluster.disruption(NAME, SELECTED)


def external_labels(cluster: Cluster, region: str | None = None) -> dict[str, str]:
    """Return the labels of every series that leaves a Prometheus, and of every alert.

    Pods have the same names in every region. With one name of the cluster for all, a store that
    takes the samples of one pod of each cluster would take those of all regions for one pair's.
    """
    name, regional = cluster.spec.cluster, {}
    if region is not None:
        name = f"{name}-{region}"
        regional = {"region": region, **cluster.spec.regions[region].external_labels}
    return {"cluster": name, **cluster.spec.external_labels, **regional}


def _spec(cluster: Cluster) -> Object:
    model, given = cluster.model, cluster.spec.prometheus
    component = model.spec.stack.prometheus
    ours = {"matchLabels": {"app.kubernetes.io/part-of": model.spec.service.namespace}}
    limit = component.size_limit_mib
    spec: dict[str, Any] = {
        "version": shipped().image_tag(NAME, component.version),
        "image": image_of(NAME, component),
        "replicas": given.replicas,
        # One shard: rules need all series, and several would each see some.
        "shards": 1,
        "serviceAccountName": NAME,
        "podMonitorSelector": ours,
        **(rules.mounted(cluster) if rules.are_files(cluster) else {"ruleSelector": ours}),
        "serviceDiscoveryRole": "EndpointSlice",
        "scrapeInterval": model.spec.scrape.interval,
        "scrapeTimeout": model.spec.scrape.timeout,
        "evaluationInterval": model.spec.scrape.interval,
        "scrapeProtocols": list(server.PROTOCOLS),
        "enableFeatures": list(server.FEATURES),
        "externalLabels": external_labels(cluster),
        "replicaExternalLabelName": given.replica_label,
        # Without this the operator adds a label of its own.
        "prometheusExternalLabelName": "",
        "retention": model.spec.retention.metrics,
        **({"retentionSize": f"{limit}MB"} if limit else {}),
        "storage": {"volumeClaimTemplate": {"spec": claim(given)}},
        "resources": resources(given.cpus, given.memory_mib),
        "securityContext": pod_security(NAME),
        "topologySpreadConstraints": spread(SELECTED),
        "additionalArgs": [{"name": "web.cors.origin", "value": "none"}],
        "alerting": {"alertmanagers": [_alertmanagers(cluster)]},
    }
    if given.remote_write:
        spec["remoteWrite"] = [remote_write(given.remote_write)]
    if given.thanos:
        spec["thanos"] = _thanos(given.thanos)
    return spec


def _alertmanagers(cluster: Cluster) -> Object:
    """Return where alerts are sent, with the owner of the service that each is of."""
    relabelled = [_operated(rule) for rule in server.owner_relabelings(cluster.model)]
    return {
        "namespace": cluster.namespace,
        "name": stores.GOVERNING[stores.ALERTMANAGER],
        "port": "web",
        "apiVersion": "v2",
        **({"alertRelabelings": relabelled} if relabelled else {}),
    }


def _operated(rule: dict[str, Any]) -> Object:
    """Return a relabeling of prometheus.yaml as the operator spells it: sourceLabels."""
    return {_UNDERSCORE.sub(lambda found: found[1].upper(), key): rule[key] for key in rule}


def remote_write(target: RemoteWrite, url: str | None = None) -> Object:
    """Return where samples are sent: with exemplars, as the tenant and with the token given."""
    found: Object = {"url": url or target.url, "name": "store", "sendExemplars": True}
    if target.tenant is not None:
        found["headers"] = {"X-Scope-OrgID": target.tenant}
    if target.bearer is not None:
        found["authorization"] = {"credentials": {"name": target.bearer.name, "key": "token"}}
    return found


def _thanos(thanos: Thanos) -> Object:
    return {
        "version": f"v{thanos.version}",
        "image": f"{thanos.image}:v{thanos.version}",
        "objectStorageConfig": {"name": thanos.secret, "key": "objstore.yml"},
        "resources": resources(*SIDECAR),
    }
