"""The namespace: what its pods may be, and what all of them together may use."""

from __future__ import annotations

import math
from collections.abc import Iterator

from imsobs.outputs.kubernetes import prometheus, stores
from imsobs.outputs.kubernetes.objects import Cluster, Object
from imsobs.spec.schema.kubernetes import Scaled, Workload

# Cores and memory in MiB of what prometheus-operator adds to each pod of its own: a container that
# reloads, before and beside.
_RELOADER = (0.02, 100)
# A pod that is being replaced and its successor exist at once.
_ROOM = 1.1


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield the namespace and its quota."""
    level = {
        f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
    }
    found = cluster.object("Namespace", cluster.namespace, "stack")
    del found["metadata"]["namespace"]
    found["metadata"]["labels"] |= level
    yield found
    yield cluster.object("ResourceQuota", "stack", "stack", spec={"hard": _quota(cluster)})


def pods(cluster: Cluster) -> dict[str, tuple[int, float, int, int]]:
    """Return component -> pods at most, cores, memory in MiB and disk in GiB of each."""
    spec = cluster.spec
    found: dict[str, tuple[int, float, int, int]] = {}
    for role in cluster.roles:
        pod = cluster.pod(role)
        most = pod.most if isinstance(pod, Scaled) else 1
        disk = pod.disk_gib if isinstance(pod, Workload) else 0
        found[role] = (most, pod.cpus, pod.memory_mib, disk)
    thanos = [prometheus.SIDECAR] if spec.prometheus.thanos else []
    for name, operated, more in (
        (stores.PROMETHEUS, spec.prometheus, [_RELOADER, *thanos]),
        (stores.ALERTMANAGER, spec.alertmanager, [_RELOADER]),
    ):
        cpus = operated.cpus + sum(each for each, _ in more)
        memory = operated.memory_mib + sum(each for _, each in more)
        found[name] = (operated.replicas, cpus, memory, operated.disk_gib)
    if own := stores.own_jaeger(cluster):
        found[stores.JAEGER] = (own.pods.replicas, own.pods.cpus, own.pods.memory_mib, 0)
    if own_loki := stores.own_loki(cluster):
        given = own_loki.pods
        found[stores.LOKI] = (given.replicas, given.cpus, given.memory_mib, given.disk_gib)
    return found


def _quota(cluster: Cluster) -> dict[str, str]:
    """Return what all pods together may use, when every autoscaler is at its most."""
    each = pods(cluster).values()
    memory = math.ceil(sum(count * mib for count, _, mib, _ in each) * _ROOM)
    return {
        "pods": str(math.ceil(sum(count for count, *_ in each) * _ROOM)),
        "requests.cpu": f"{math.ceil(sum(count * cpus for count, cpus, *_ in each) * _ROOM)}",
        "requests.memory": f"{memory}Mi",
        "limits.memory": f"{memory}Mi",
        "persistentvolumeclaims": str(sum(count for count, _, _, disk in each if disk)),
        "requests.storage": f"{sum(count * disk for count, _, _, disk in each)}Gi",
    }
