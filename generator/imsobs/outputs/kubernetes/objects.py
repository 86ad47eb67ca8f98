"""What every object of Kubernetes shares: names, labels, what its pods may do and use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from imsobs.model import Model, conventions
from imsobs.outputs.collector import probe
from imsobs.outputs.stack.hardening import USERS
from imsobs.spec.schema.kubernetes import Kubernetes, Pod, Workload

Object = dict[str, Any]

API = {
    "ConfigMap": "v1",
    "Namespace": "v1",
    "ResourceQuota": "v1",
    "Secret": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "StatefulSet": "apps/v1",
    "Deployment": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "Alertmanager": "monitoring.coreos.com/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "Prometheus": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "OpenTelemetryCollector": "opentelemetry.io/v1beta1",
    "Instrumentation": "opentelemetry.io/v1alpha1",
    "GrafanaDashboard": "grafana.integreatly.org/v1beta1",
    "GrafanaDatasource": "grafana.integreatly.org/v1beta1",
}
"""Kind -> its group and version."""
_HOST = "kubernetes.io/hostname"
_ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True)
class Cluster:
    """The spec's section for Kubernetes, and the model that it is rendered from.

    model: with the limits that grow with the number of Collectors (``scaled``). roles: role ->
    the Collector's configuration, of the roles that the spec needs.
    """

    model: Model
    spec: Kubernetes
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Return the namespace of everything."""
        return self.spec.namespace or conventions.stack_name(self.model.spec.service.namespace)

    def pod(self, role: str) -> Pod:
        """Return what the pods of a role of the Collector are given."""
        found: Pod = getattr(self.spec, role)
        return found

    def host(self, service: str) -> str:
        """Return the name of a Service as pods of any namespace reach it."""
        return f"{service}.{self.namespace}.svc"

    @property
    def senders(self) -> list[str]:
        """Return the namespaces whose pods may send telemetry."""
        return list(self.spec.senders) or [self.model.spec.service.namespace]

    @property
    def service_urls(self) -> dict[str, str]:
        """Return where health routes are asked: variable of the Collector -> address."""
        service = self.model.spec.service
        first = self.spec.service_url or self._within(service.names[0], service.url)
        others = [one for one in probe.asked(self.model) if one.service != service.names[0]]
        return {"IMSOBS_SERVICE_URL": first} | {
            one.url.name: self._within(one.service, one.url.default or "") for one in others
        }

    def _within(self, service: str, url: str) -> str:
        return f"http://{service}.{self.senders[0]}.svc:{port_of(url)}"

    @property
    def environment(self) -> str:
        """Return the environment that the service and its health report as."""
        return self.spec.environment or self.model.spec.service.environments[0]

    def selected(self, component: str) -> dict[str, str]:
        """Return the labels by which the pods of a component that is rendered here are found."""
        return {
            "app.kubernetes.io/name": component,
            "app.kubernetes.io/part-of": self.model.spec.service.namespace,
        }

    def labels(self, component: str) -> dict[str, str]:
        """Return the labels of an object that belongs to a component."""
        return {**self.selected(component), "app.kubernetes.io/managed-by": "imsobs"}

    def object(self, kind: str, name: str, component: str, **body: Any) -> Object:
        """Return an object of this namespace."""
        return {
            "apiVersion": API[kind],
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "labels": self.labels(component),
            },
            **body,
        }

    def account(self, component: str, *, token: bool = False) -> Object:
        """Return a ServiceAccount; token: whether its pods ask the API server anything."""
        return self.object(
            "ServiceAccount", component, component, automountServiceAccountToken=token
        )

    def allowed(self, component: str, rules: list[Object]) -> list[Object]:
        """Return the Role of a component's account in this namespace, and its binding."""
        role = self.object("Role", component, component, rules=rules)
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": component}
        subject = {"kind": "ServiceAccount", "name": component, "namespace": self.namespace}
        binding = self.object(
            "RoleBinding", component, component, roleRef=reference, subjects=[subject]
        )
        return [role, binding]

    def disruption(self, component: str, selected: dict[str, str]) -> Object:
        """Return the budget by which a drained node takes one pod at a time."""
        return self.object(
            "PodDisruptionBudget",
            component,
            component,
            spec={"maxUnavailable": 1, "selector": {"matchLabels": selected}},
        )


def port_of(url: str) -> int:
    """Return the port of a URL."""
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


def reads(groups: list[str], resources: list[str]) -> Object:
    """Return the rule of a Role that reads and watches resources."""
    return {"apiGroups": groups, "resources": resources, "verbs": ["get", "list", "watch"]}


def pod_security(component: str) -> Object:
    """Return a pod's security context as the level ``restricted`` wants it, with its own user."""
    user = int(USERS[component].partition(":")[0])
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Object:
    """Return a container's security context as the level ``restricted`` wants it."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def resources(cpus: float, memory_mib: int) -> Object:
    """Return what a pod is given.

    Memory is bounded, for it cannot be taken back; cores are not: a pod that is held back
    answers late, and is not cheaper for it.
    """
    memory = f"{memory_mib}Mi"
    return {
        "requests": {"cpu": f"{round(cpus * 1000)}m", "memory": memory},
        "limits": {"memory": memory},
    }


def spread(selected: dict[str, str]) -> list[Object]:
    """Return how pods are spread: over nodes and zones, as far as there are several."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selected},
        }
        for key in (_HOST, _ZONE)
    ]


def claim(workload: Workload) -> Object:
    """Return the spec of a pod's volume."""
    found: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{workload.disk_gib}Gi"}},
    }
    if workload.storage_class is not None:
        found["storageClassName"] = workload.storage_class
    return found


def variables(values: Mapping[str, str]) -> list[Object]:
    """Return the variables of a container whose values are in the open."""
    return [{"name": name, "value": value} for name, value in values.items()]


def from_secret(name: str, secret: str, key: str) -> Object:
    """Return a variable of a container that is a key of a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
