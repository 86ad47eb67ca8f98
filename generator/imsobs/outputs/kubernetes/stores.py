"""Where traces, log records and samples are kept: addresses, whether rendered here or not."""

from __future__ import annotations

from dataclasses import dataclass

from imsobs.outputs.kubernetes.objects import Cluster
from imsobs.spec.schema.distributed import Cassandra, ObjectStore, OpenSearch
from imsobs.spec.schema.kubernetes import KubernetesJaeger, KubernetesLoki
from imsobs.spec.schema.stack import Jaeger, Loki

PROMETHEUS, ALERTMANAGER, JAEGER, LOKI = "prometheus", "alertmanager", "jaeger", "loki"
# The one object of each operator's kind, and the Services that the operators make.
MAIN = "main"
GOVERNING = {PROMETHEUS: "prometheus-operated", ALERTMANAGER: "alertmanager-operated"}


def operated(name: str) -> dict[str, str]:
    """Return the labels by which the pods that prometheus-operator makes are found."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": MAIN}


@dataclass(frozen=True)
class OwnJaeger:
    """A Jaeger that is rendered: its pods, what it is on one machine, and where traces are kept."""

    pods: KubernetesJaeger
    component: Jaeger
    store: Cassandra | OpenSearch


@dataclass(frozen=True)
class OwnLoki:
    """A Loki that is rendered: its pods, what it is on one machine, and where records are kept."""

    pods: KubernetesLoki
    component: Loki
    bucket: ObjectStore


def own_jaeger(cluster: Cluster) -> OwnJaeger | None:
    """Return the Jaeger that is rendered; None where traces go elsewhere, or nowhere."""
    pods, component = cluster.spec.jaeger, cluster.model.spec.stack.jaeger
    store = pods and (pods.cassandra or pods.opensearch)
    return OwnJaeger(pods, component, store) if pods and component and store else None


def own_loki(cluster: Cluster) -> OwnLoki | None:
    """Return the Loki that is rendered; None where records go elsewhere, or nowhere."""
    pods, component = cluster.spec.loki, cluster.model.spec.stack.loki
    bucket = pods and pods.s3
    return OwnLoki(pods, component, bucket) if pods and component and bucket else None


def traces_address(cluster: Cluster) -> str | None:
    """Return host:port that takes traces (OTLP over gRPC)."""
    if own := own_jaeger(cluster):
        return f"{cluster.host(JAEGER)}:{own.component.ports.otlp_grpc}"
    return cluster.spec.jaeger.otlp if cluster.spec.jaeger else None


def logs_url(cluster: Cluster) -> str | None:
    """Return the address of Loki."""
    if own := own_loki(cluster):
        return f"http://{cluster.host(LOKI)}:{own.component.ports.http}"
    return cluster.spec.loki.otlp if cluster.spec.loki else None
