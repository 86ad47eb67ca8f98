"""Preflight of a cluster: what it lacks before the manifests are applied, with remedies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from imsobs.model import Model
from imsobs.model.cluster_findings import cluster_findings
from imsobs.model.estimate import Load
from imsobs.runtime.cluster import room
from imsobs.runtime.cluster.kubectl import Answer, Kubectl
from imsobs.runtime.cluster.manifests import Manifests, Needed, manifests
from imsobs.runtime.doctor import Finding

# The lifecycle hook `sleep` is on by default since.
OLDEST = (1, 30)
# API group -> who defines its kinds.
_OPERATORS = {
    "opentelemetry.io": "opentelemetry-operator",
    "monitoring.coreos.com": "prometheus-operator",
    "grafana.integreatly.org": "grafana-operator",
}
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_METRICS = "/apis/metrics.k8s.io/v1beta1"


def examine(
    model: Model,
    pages: Mapping[str, bytes],
    kubectl: Kubectl | None,
    requests_per_day: float,
) -> list[Finding]:
    """Return every finding; those of level "fail" stand against applying the manifests.

    pages: the rendered files. kubectl: None where there is none.
    """
    wanted = manifests(pages)
    own = [*_images(wanted), *_capacity(model, requests_per_day)]
    if (found := list(reached(kubectl)))[-1].level != "ok" or kubectl is None:
        return [*found, *own]
    space = kubectl.get("namespace", wanted.namespace)
    return [
        *found,
        *_definitions(wanted, kubectl),
        *_metrics(wanted, kubectl),
        *_storage(wanted, kubectl),
        *_namespace(wanted, space),
        *_secrets(model, wanted, kubectl, space),
        *([] if space.absent else room.quotas(wanted, kubectl)),
        *room.nodes(wanted, kubectl),
        *own,
    ]


def reached(kubectl: Kubectl | None) -> Iterator[Finding]:
    """Yield whether a cluster answers, and of which version; the last is "ok" if it can be used."""
    if kubectl is None:
        remedy = "install kubectl, of the cluster's version or one beside it"
        yield Finding("kubectl", "fail", "not on PATH", remedy)
        return
    context = kubectl.chosen()
    answer = kubectl.version()
    if (server := answer.data) is None:
        remedy = "kubectl config get-contexts; name one with --context"
        yield Finding("cluster", "fail", f"context {context or '(none)'}: {answer.why}", remedy)
        return
    detail = f"context {context or '(none)'}, Kubernetes {server['gitVersion']}"
    # Some providers write 30+.
    version = tuple(int(re.sub(r"\D.*", "", server[part]) or 0) for part in ("major", "minor"))
    if version < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        why = f"{detail}: {oldest} is the oldest that knows preStop with sleep"
        yield Finding("cluster", "fail", why, "upgrade the cluster, or name another with --context")
        return
    yield Finding("cluster", "ok", detail)


def _definitions(wanted: Manifests, kubectl: Kubectl) -> Iterator[Finding]:
    """Yield whether the operators' kinds are served, in the versions that are rendered."""
    for version, kinds in sorted(wanted.definitions().items()):
        operator = _OPERATORS.get(version.partition("/")[0], "its operator")
        remedy = f"install {operator} with its definitions (docs/guide/kubernetes.md)"
        answer = kubectl.raw(f"/apis/{version}")
        served = {one["kind"] for one in (answer.data or {}).get("resources", [])}
        if lacking := sorted(kinds - served):
            why = f"lacks {', '.join(lacking)}" if served else "is not served"
            yield Finding("definitions", "fail", f"{version} {why}", remedy)
        else:
            yield Finding("definitions", "ok", f"{version}: {', '.join(sorted(kinds))}")


def _metrics(wanted: Manifests, kubectl: Kubectl) -> Iterator[Finding]:
    if not wanted.scales():
        return
    answer = kubectl.raw(_METRICS)
    if answer.data is None:
        remedy = "install metrics-server, or set most to replicas in derive and sample"
        detail = f"no autoscaler works: {_METRICS} does not answer ({answer.why})"
        yield Finding("metrics API", "fail", detail, remedy)
    else:
        yield Finding("metrics API", "ok", "the autoscalers can read what pods use")


def _storage(wanted: Manifests, kubectl: Kubectl) -> Iterator[Finding]:
    answer = kubectl.get("storageclasses")
    if answer.data is None:
        yield room.unseen("storage", "StorageClasses", answer.why)
        return
    items = answer.data["items"]
    names = {one["metadata"]["name"] for one in items}
    default = sorted(
        one["metadata"]["name"]
        for one in items
        if one["metadata"].get("annotations", {}).get(_DEFAULT_CLASS) == "true"
    )
    known = f"the cluster has {', '.join(sorted(names)) or 'none'}"
    for name in sorted(wanted.storage_classes(), key=lambda name: name or ""):
        if name is None and not default:
            remedy = "name one with storage_class in the spec, or make one the default"
            yield Finding("storage", "fail", f"no StorageClass is the default; {known}", remedy)
        elif name is not None and name not in names:
            detail = f"there is no StorageClass {name}; {known}"
            yield Finding("storage", "fail", detail, "correct storage_class in the spec")
        else:
            yield Finding("storage", "ok", name or f"{', '.join(default)}, the default")


def _namespace(wanted: Manifests, space: Answer) -> Iterator[Finding]:
    name = wanted.namespace
    if space.absent:
        remedy = "kubectl apply --server-side -f base/namespace.yaml of stack/kubernetes"
        yield Finding("namespace", "fail", f"there is no namespace {name}", remedy)
    elif space.data is None:
        yield room.unseen("namespace", f"the namespace {name}", space.why)
    else:
        yield Finding("namespace", "ok", name)


def _secrets(model: Model, wanted: Manifests, kubectl: Kubectl, space: Answer) -> Iterator[Finding]:
    """Yield whether the Secrets that are read are there with their keys; no value is read."""
    given = model.spec.kubernetes
    senders = list(given.senders) if given else []
    for secret in wanted.secrets(senders or [model.spec.service.namespace]):
        if secret.namespace == wanted.namespace and space.absent:
            yield Finding("secrets", "fail", f"{secret.text} is missing", _make(secret))
            continue
        answer = kubectl.secret_keys(secret.name, secret.namespace)
        if answer.absent:
            yield Finding("secrets", "fail", f"{secret.text} is missing", _make(secret))
        elif answer.data is None:
            yield room.unseen("secrets", secret.text, answer.why)
        elif lacking := sorted(secret.keys - answer.data):
            detail = f"{secret.text} lacks {', '.join(lacking)}"
            remedy = f"add to it: {', '.join(lacking)} (kubectl -n {secret.namespace} edit secret)"
            yield Finding("secrets", "fail", detail, remedy)
        else:
            yield Finding("secrets", "ok", f"{secret.text} has {', '.join(sorted(secret.keys))}")


def _make(secret: Needed) -> str:
    files = " ".join(f"--from-file={key}" for key in sorted(secret.keys))
    return f"kubectl -n {secret.namespace} create secret generic {secret.name} {files}"


def _images(wanted: Manifests) -> Iterator[Finding]:
    """Yield whether what is pulled is what was chosen."""
    images = sorted(wanted.images())
    by_tag = [image for image in images if "@sha256:" not in image]
    if by_tag:
        detail = f"pulled by tag, which its owner can move: {', '.join(by_tag)}"
        yield Finding("images", "info", detail, "imsobs pin asks the registry for digests")
    else:
        yield Finding("images", "ok", f"all {len(images)} are pulled by digest")


def _capacity(model: Model, requests_per_day: float) -> Iterator[Finding]:
    """Yield which keys of the section ``kubernetes`` are too low for the rate."""
    if (given := model.spec.kubernetes) is None:
        return
    found = cluster_findings(model, given, Load.of(model, requests_per_day))
    for one in found:
        yield Finding("capacity", "fail", f"{one.path}: {one.text}", "imsobs estimate says more")
    if not found:
        detail = f"the section kubernetes is enough for {requests_per_day:,.0f} requests a day"
        yield Finding("capacity", "ok", detail)
