"""Room in a cluster: quotas that stand in the way, and what the nodes have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from imsobs.runtime.cluster.kubectl import Kubectl
from imsobs.runtime.cluster.manifests import Manifests
from imsobs.runtime.doctor import Finding

_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(m|[kMGTPE]|[KMGTPE]i)?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** (n + 1) for n, letter in enumerate("kMGTPE")},
    **{f"{letter}i": Decimal(1024) ** (n + 1) for n, letter in enumerate("KMGTPE")},
}
# What a quota may require of every pod, and the pods here do not set.
_UNSAID = ("limits.cpu", "limits.ephemeral-storage", "requests.ephemeral-storage")
# Kubernetes' older names of the same.
_SAME = {"cpu": "requests.cpu", "memory": "requests.memory"}


def quantity(text: str) -> Decimal:
    """Return the number that a quantity of Kubernetes is: ``500m``, ``1Gi``. Raises ValueError."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no quantity")
    return Decimal(found[1]) * _FACTORS[found[2] or ""]


def unseen(check: str, what: str, why: str) -> Finding:
    """Return that something cannot be looked at, which is no fault of the cluster."""
    return Finding(
        check, "warn", f"cannot look at {what}: {why}", "use an account that may read it"
    )


def _need(wanted: Manifests) -> dict[str, str]:
    """Return what all pods together may use, which is the quota that is rendered."""
    (quota,) = wanted.of("ResourceQuota")
    return {str(name): str(amount) for name, amount in quota["spec"]["hard"].items()}


def quotas(wanted: Manifests, kubectl: Kubectl) -> Iterator[Finding]:
    """Yield whether other quotas of the namespace leave enough."""
    need = _need(wanted)
    own = {one["metadata"]["name"] for one in wanted.of("ResourceQuota")}
    answer = kubectl.get("resourcequotas", namespace=wanted.namespace)
    if answer.data is None:
        yield unseen("quota", "quotas", answer.why)
        return
    tight = False
    for one in answer.data["items"]:
        if (name := one["metadata"]["name"]) in own:
            continue
        for resource, allowed in one["spec"].get("hard", {}).items():
            needed = need.get(_SAME.get(resource, resource))
            if resource in _UNSAID:
                tight = True
                detail = f"{name} requires {resource} of every pod, and pods here set none"
                remedy = "set a default by a LimitRange, or remove it from the quota"
                yield Finding("quota", "fail", detail, remedy)
            elif needed is not None and quantity(str(allowed)) < quantity(needed):
                tight = True
                detail = f"{name} allows {resource} {allowed}, and {needed} may be used at most"
                yield Finding("quota", "fail", detail, "raise it, or lower most in the spec")
    if not tight:
        listed = ", ".join(f"{resource} {amount}" for resource, amount in need.items())
        yield Finding("quota", "ok", f"no other quota is below what may be used at most: {listed}")


def nodes(wanted: Manifests, kubectl: Kubectl) -> Iterator[Finding]:
    """Yield what the nodes have, beside the most that is asked for; others use them too."""
    need = _need(wanted)
    answer = kubectl.get("nodes")
    if answer.data is None:
        yield unseen("nodes", "nodes", answer.why)
        return
    each = [one["status"].get("allocatable", {}) for one in answer.data["items"]]
    have = {
        resource: sum((quantity(str(one.get(resource, "0"))) for one in each), Decimal(0))
        for resource in ("cpu", "memory")
    }
    cores, memory = quantity(need["requests.cpu"]), quantity(need["requests.memory"])
    gib = Decimal(1024) ** 3
    detail = (
        f"{len(each)} with {have['cpu']:.0f} cores and {have['memory'] / gib:.0f} GiB;"
        f" {cores:.0f} cores and {memory / gib:.0f} GiB may be asked for at most"
    )
    if have["cpu"] < cores or have["memory"] < memory:
        remedy = "add nodes, or let an autoscaler of nodes add them"
        yield Finding("nodes", "warn", detail, remedy)
    else:
        yield Finding("nodes", "ok", detail)
