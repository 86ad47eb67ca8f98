"""Where traces, log records and samples are kept: addresses, whether rendered here or not."""

from __future__ import annotations

from imsobs.outputs.kubernetes.objects import Cluster
from imsobs.spec.schema.kubernetes import KubernetesJaeger, KubernetesLoki
from imsobs.spec.schema.stack import Jaeger, Loki

PROMETHEUS, ALERTMANAGER, JAEGER, LOKI = "prometheus", "alertmanager", "jaeger", "loki"
# The one object of each operator's kind, and the Services that the operators make.
MAIN = "main"
GOVERNING = {PROMETHEUS: "prometheus-operated", ALERTMANAGER: "alertmanager-operated"}


def operated(name: str) -> dict[str, str]:
    """Return the labels by which the pods that prometheus-operator makes are found."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": MAIN}


def own_jaeger(cluster: Cluster) -> tuple[KubernetesJaeger, Jaeger] | None:
    """Return the Jaeger that is rendered; None where traces go elsewhere, or nowhere."""
    given, stack = cluster.spec.jaeger, cluster.model.spec.stack.jaeger
    return (given, stack) if given and stack and given.otlp is None else None


def own_loki(cluster: Cluster) -> tuple[KubernetesLoki, Loki] | None:
    """Return the Loki that is rendered; None where records go elsewhere, or nowhere."""
    given, stack = cluster.spec.loki, cluster.model.spec.stack.loki
    return (given, stack) if given and stack and given.otlp is None else None


def traces_address(cluster: Cluster) -> str | None:
    """Return host:port that takes traces (OTLP over gRPC)."""
    if own := own_jaeger(cluster):
        return f"{cluster.host(JAEGER)}:{own[1].ports.otlp_grpc}"
    return cluster.spec.jaeger.otlp if cluster.spec.jaeger else None


def logs_url(cluster: Cluster) -> str | None:
    """Return the address of Loki."""
    if own := own_loki(cluster):
        return f"http://{cluster.host(LOKI)}:{own[1].ports.http}"
    return cluster.spec.loki.otlp if cluster.spec.loki else None
