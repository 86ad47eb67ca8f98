"""A StatefulSet of pods that are rendered here, with its Service, account and configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from imsobs.outputs.kubernetes.objects import (
    Cluster,
    Object,
    claim,
    container_security,
    pod_security,
    spread,
)
from imsobs.spec.schema.kubernetes import Workload

_TMP = {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}
_GRACE_S = 60


@dataclass(frozen=True)
class Pods:
    """Pods of one kind.

    files: name -> text, mounted at ``folder``. ports: name -> number, all of them served by the
    Service too. ready: path and port that answer once a pod may be asked. volume: each pod's own,
    mounted at ``data``; None: nothing is kept. ordered: whether they start one after the other.
    """

    image: str
    replicas: int
    resources: Object
    arguments: list[str]
    files: dict[str, str]
    folder: str
    environment: list[Object]
    ports: dict[str, int]
    ready: tuple[str, str]
    ordered: bool = False
    volume: Workload | None = None
    data: str = "/data"
    headless: dict[str, int] = field(default_factory=dict)


def objects_of(cluster: Cluster, name: str, pods: Pods) -> Iterator[Object]:
    """Yield account, configuration, Services, StatefulSet and budget of disruptions."""
    labels = cluster.labels(name)
    selected = cluster.selected(name)
    yield cluster.account(name)
    yield cluster.object("ConfigMap", name, name, data=pods.files)
    yield cluster.object(
        "Service", name, name, spec={"selector": selected, "ports": _served(pods.ports)}
    )
    headless = {
        "clusterIP": "None",
        # Pods find each other before they are ready.
        "publishNotReadyAddresses": True,
        "selector": selected,
        "ports": _served({**pods.ports, **pods.headless}),
    }
    yield cluster.object("Service", f"{name}-pods", name, spec=headless)
    yield cluster.object(
        "StatefulSet", name, name, spec=_stateful_set(name, pods, selected, labels)
    )
    yield cluster.disruption(name, selected)


def _served(ports: dict[str, int]) -> list[Object]:
    return [{"name": name, "port": port, "targetPort": port} for name, port in ports.items()]


def _stateful_set(
    name: str, pods: Pods, selected: dict[str, str], labels: dict[str, str]
) -> Object:
    # Pods read their files at start only: a change of them is one of the template.
    digest = hashlib.sha256("\n".join(pods.files.values()).encode()).hexdigest()[:16]
    spec: dict[str, Any] = {
        "serviceName": f"{name}-pods",
        "replicas": pods.replicas,
        "podManagementPolicy": "OrderedReady" if pods.ordered else "Parallel",
        "selector": {"matchLabels": selected},
        "template": {
            "metadata": {"labels": labels, "annotations": {"imsobs/config": digest}},
            "spec": {
                "serviceAccountName": name,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": pod_security(name),
                "topologySpreadConstraints": spread(selected),
                "terminationGracePeriodSeconds": _GRACE_S,
                "containers": [_container(name, pods)],
                "volumes": [{"name": "config", "configMap": {"name": name}}, _TMP],
            },
        },
    }
    if pods.volume:
        claimed = {"metadata": {"name": "data"}, "spec": claim(pods.volume)}
        spec["volumeClaimTemplates"] = [claimed]
    return spec


def _container(name: str, pods: Pods) -> Object:
    path, port = pods.ready
    probe = {"httpGet": {"path": path, "port": port}, "periodSeconds": 10}
    data = [{"name": "data", "mountPath": pods.data}] if pods.volume else []
    opened = {**pods.ports, **pods.headless}
    return {
        "name": name,
        "image": pods.image,
        "args": pods.arguments,
        "env": pods.environment,
        "ports": [
            {"name": each, "containerPort": number, "protocol": "TCP"}
            for each, number in opened.items()
        ],
        "readinessProbe": probe,
        # A start may take long: indices are read, a schema is made.
        "startupProbe": {**probe, "failureThreshold": 60},
        "resources": pods.resources,
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "config", "mountPath": pods.folder, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
            *data,
        ],
    }
