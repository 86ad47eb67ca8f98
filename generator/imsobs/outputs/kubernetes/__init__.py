"""Plan of stack/kubernetes/: objects of operators that such clusters already run (ADR 41).

Plain manifests and a kustomization that names them; nothing of our own runs in the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from imsobs import artifacts, yamlio
from imsobs.model import Model
from imsobs.outputs.kubernetes import (
    alertmanager,
    collectors,
    global_rules,
    grafana,
    instrumentation,
    jaeger,
    loki,
    monitors,
    namespace,
    network,
    prometheus,
    rules,
    stores,
)
from imsobs.outputs.kubernetes.objects import API, Cluster, Object
from imsobs.outputs.kubernetes.scaled import scaled
from imsobs.pages import Page, YamlPage, YamlStream
from imsobs.spec.schema.kubernetes import Instrumentation, Kubernetes

_KUSTOMIZE = "kustomize.config.k8s.io/v1beta1"
_COMPONENT = "kustomize.config.k8s.io/v1alpha1"
# File -> its objects; each is its own concern.
_FILES: dict[str, Callable[[Cluster], Iterator[Object]]] = {
    "namespace": namespace.objects,
    "network": network.objects,
    "collectors": collectors.objects,
    "monitors": monitors.objects,
    "prometheus": prometheus.objects,
    "rules": rules.files,
    "alertmanager": alertmanager.objects,
    "jaeger": jaeger.objects,
    "loki": loki.objects,
    "datasources": grafana.data_sources,
}


def plan(model: Model) -> Iterator[Page]:
    """Yield the manifests, where the spec has the section ``kubernetes``."""
    if model.spec.kubernetes is None:
        return
    cluster = cluster_of(model, model.spec.kubernetes)
    files = {f"{name}.yaml": list(objects(cluster)) for name, objects in _FILES.items()}
    files |= {f"rules/{name}.yaml": [rule] for name, rule in rules.objects(cluster)}
    files |= {f"dashboards/{uid}.yaml": found for uid, found in grafana.dashboards(cluster)}
    files = {name: found for name, found in files.items() if found}
    for name, found in files.items():
        yield YamlStream(f"{artifacts.KUBERNETES}/{name}", found)
    yield _kustomization(artifacts.KUBERNETES, resources=list(files))
    for region in cluster.spec.regions:
        yield _region(cluster, region)
    yield from global_rules.pages(cluster)
    if cluster.spec.instrumentation is not None:
        yield from _service(cluster, cluster.spec.instrumentation)


def cluster_of(model: Model, given: Kubernetes) -> Cluster:
    """Return what the manifests are planned from."""
    cluster = Cluster(scaled(model, given), given)
    return replace(cluster, roles=collectors.configs(cluster))


def _kustomization(folder: str, kind: str = "Kustomization", **body: object) -> YamlPage:
    version = _COMPONENT if kind == "Component" else _KUSTOMIZE
    return YamlPage(f"{folder}/kustomization.yaml", {"apiVersion": version, "kind": kind, **body})


def _region(cluster: Cluster, name: str) -> YamlPage:
    """Return the overlay of a region: the same objects, with its labels and addresses."""
    spec: Object = {"externalLabels": prometheus.external_labels(cluster, name)}
    url = cluster.spec.regions[name].remote_write
    target = cluster.spec.prometheus.remote_write
    if url is not None and target is not None:
        spec["remoteWrite"] = [prometheus.remote_write(target, url)]
    metadata = {"name": stores.MAIN, "namespace": cluster.namespace}
    patch = {"apiVersion": API["Prometheus"], "kind": "Prometheus", "metadata": metadata}
    patches = [{"patch": yamlio.dump({**patch, "spec": spec})}]
    folder = f"{artifacts.KUBERNETES_REGIONS}/{name}"
    # An overlay may not lie below what it is laid over.
    return _kustomization(folder, resources=["../../base"], patches=patches)


def _service(cluster: Cluster, given: Instrumentation) -> Iterator[Page]:
    folder = artifacts.KUBERNETES_SERVICE
    found = list(instrumentation.objects(cluster, given))
    yield YamlStream(f"{folder}/instrumentation.yaml", found)
    patches = instrumentation.patches(cluster, given)
    for deployment, patch in patches.items():
        yield YamlStream(f"{folder}/deployment-{deployment}.yaml", [patch])
    yield _kustomization(
        folder,
        "Component",
        resources=["instrumentation.yaml"],
        patches=[{"path": f"deployment-{deployment}.yaml"} for deployment in patches],
    )
