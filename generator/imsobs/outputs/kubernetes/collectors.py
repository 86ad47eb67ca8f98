"""The Collector's three roles as objects of opentelemetry-operator (ADR 41)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.model import Model, ingest
from imsobs.outputs.collector import probe, settings
from imsobs.outputs.collector.roles import (
    CURRENT,
    DERIVE,
    SAMPLE,
    DnsName,
    Topology,
    role_config,
    roles,
)
from imsobs.outputs.kubernetes import stores
from imsobs.outputs.kubernetes.objects import (
    Cluster,
    Object,
    claim,
    container_security,
    from_secret,
    pod_security,
    resources,
    spread,
    variables,
)
from imsobs.outputs.kubernetes.scaled import sized
from imsobs.outputs.references import COLLECTOR, written
from imsobs.outputs.stack import ingest as protection
from imsobs.outputs.stack.hardening import image_of
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.kubernetes import Pod, Scaled, Workload

ROLES = (DERIVE, SAMPLE, CURRENT)
# Where a pod's volume is, and the Secret that protects the OTLP ports.
STATE, SECRETS = "/var/lib/imsobs", "/etc/imsobs/secrets"
OTLP_SECRET = "otlp"  # noqa: S105 - a Secret's name
# The Secret with the headers by which the health routes are asked, by the names of variables.
PROBE_SECRET = "probe"  # noqa: S105 - a Secret's name
# A pod that ends has this long, besides, to hand on what waits in memory.
_HAND_OVER_S = 30
# A pod that comes or goes moves traces to another, which then lacks what came before.
_CALM_S = 600
# Exporter -> name of the port that Prometheus scrapes.
PORTS = {
    "prometheus/derived": "derived",
    "prometheus/current": "current",
    "prometheus/processes": "processes",
    "prometheus/state": "state",
}
TELEMETRY = "telemetry"


def service(role: str) -> str:
    """Return the name of the Service and of the pods that the operator makes for a role."""
    return f"{role}-collector"


def selected(cluster: Cluster, role: str) -> dict[str, str]:
    """Return the labels by which the operator's pods of a role are found."""
    return {
        "app.kubernetes.io/component": "opentelemetry-collector",
        "app.kubernetes.io/instance": f"{cluster.namespace}.{role}",
    }


def stays_s(cluster: Cluster, role: str) -> int:
    """Return how long a pod that is to end goes on, s.

    Long enough to be scraped twice: what was counted after the last scrape is lost. ``sample``
    is sent no more spans then, and decides what it holds.
    """
    spec = cluster.model.spec
    scraped = 2 * seconds(spec.scrape.interval) + 5
    decided = seconds(spec.sampling.decision_wait) + seconds(spec.sampling.slow) + 5
    return max(scraped, decided) if role == SAMPLE else scraped


def configs(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Return role -> the Collector's configuration, of those that the spec needs."""
    stack = cluster.model.spec.stack
    port = stack.otelcol.ports.otlp_grpc
    topology = Topology(
        # By name: a pod that is to end leaves it at once. Those that watch endpoints keep it.
        sample=DnsName(cluster.host(f"{service(SAMPLE)}-headless"), port),
        current=f"{cluster.host(service(CURRENT))}:{port}",
        jaeger=stores.traces_address(cluster) if stack.jaeger else None,
        loki=stores.logs_url(cluster) if stack.loki else None,
    )
    found = {
        role: role_config(role, _sized(cluster, role), topology) for role in roles(cluster.model)
    }
    if tenant := cluster.spec.loki and cluster.spec.loki.tenant:
        logs = found[DERIVE]["exporters"][settings.LOGS]
        found[DERIVE]["exporters"][settings.LOGS] = {**logs, "headers": {"X-Scope-OrgID": tenant}}
    if ingest.secrets(stack.ingest):
        found[DERIVE] = _laid_over(
            found[DERIVE], written(protection.sections(cluster.model), COLLECTOR)
        )
    return found


def _sized(cluster: Cluster, role: str) -> Model:
    """Return the model of a role's Collectors, whose limits are those of their pods."""
    return sized(cluster.model, cluster.pod(role).memory_mib)


def _laid_over(below: Any, above: Any) -> Any:
    """Return one configuration laid over another, as the Collector does with two files."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    merged = {
        key: _laid_over(below[key], above[key]) if key in below else above[key] for key in above
    }
    return {**below, **merged}


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield each role's account and Collector."""
    for role, config in cluster.roles.items():
        yield cluster.account(role)
        yield cluster.object(
            "OpenTelemetryCollector", role, role, spec=_collector(cluster, role, config)
        )


def _collector(cluster: Cluster, role: str, config: dict[str, Any]) -> Object:
    pod = cluster.pod(role)
    stack = cluster.model.spec.stack
    stays = stays_s(cluster, role)
    protected = ingest.secrets(stack.ingest) if role == DERIVE else []
    return {
        "mode": "statefulset",
        "managementState": "managed",
        # The configuration belongs to this version; the operator rewrites it for none.
        "upgradeStrategy": "none",
        "image": image_of("otelcol", stack.otelcol),
        "serviceAccount": role,
        **_number(pod),
        "resources": resources(pod.cpus, pod.memory_mib),
        "podSecurityContext": pod_security("otelcol"),
        "securityContext": container_security(),
        "env": _environment(cluster, role, protected),
        "ports": _ports(cluster, config),
        **_volumes(pod, protected),
        "podDisruptionBudget": {"maxUnavailable": 1},
        "topologySpreadConstraints": spread(selected(cluster, role)),
        "lifecycle": {"preStop": {"sleep": {"seconds": stays}}},
        "terminationGracePeriodSeconds": stays + _HAND_OVER_S,
        "config": config,
    }


def _volumes(pod: Pod, protected: list[str]) -> Object:
    """Return the volume of what waits for a store, and that of the secrets."""
    found: Object = {}
    mounts: list[Object] = []
    if isinstance(pod, Workload):
        mounts.append({"name": "state", "mountPath": STATE})
        found["volumeClaimTemplates"] = [{"metadata": {"name": "state"}, "spec": claim(pod)}]
        # What waits there is sent when a pod of that name comes back.
        kept = {"whenDeleted": "Retain", "whenScaled": "Retain"}
        found["persistentVolumeClaimRetentionPolicy"] = kept
    if protected:
        mounts.append({"name": "otlp", "mountPath": SECRETS, "readOnly": True})
        found["volumes"] = [{"name": "otlp", "secret": {"secretName": OTLP_SECRET}}]
    return {**found, **({"volumeMounts": mounts} if mounts else {})}


def _number(workload: Pod) -> Object:
    """Return how many pods there are, and what the autoscaler may make of them."""
    if not isinstance(workload, Scaled):
        return {"replicas": 1}
    if workload.most == workload.replicas:
        return {"replicas": workload.replicas}
    calm = {"stabilizationWindowSeconds": _CALM_S, "policies": [_one_pod(_CALM_S)]}
    return {
        # No number of replicas: it is the autoscaler's, and every apply would set it back.
        "autoscaler": {
            "minReplicas": workload.replicas,
            "maxReplicas": workload.most,
            "targetCPUUtilization": round(workload.busy * 100),
            "behavior": {"scaleUp": {"policies": [_one_pod(60)]}, "scaleDown": calm},
        },
    }


def _one_pod(seconds_each: int) -> Object:
    return {"type": "Pods", "value": 1, "periodSeconds": seconds_each}


def _environment(cluster: Cluster, role: str, protected: list[str]) -> list[Object]:
    found = {
        # A pod's own network; who may reach it is the NetworkPolicies' to say.
        "IMSOBS_BIND_ADDRESS": "0.0.0.0",  # noqa: S104
        "IMSOBS_STATE": STATE,
        **settings.runtime(_sized(cluster, role)),
    }
    secrets: list[Object] = []
    if role == DERIVE:
        found |= {
            protection.VARIABLES[name]: f"{SECRETS}/{ingest.FILES[name]}" for name in protected
        }
        if cluster.model.spec.stack.loki:
            # As compose chooses it: with Loki, nothing is kept in a file.
            found["IMSOBS_LOG_EXPORTER"] = settings.LOGS
    if role == CURRENT:
        found |= cluster.service_urls
        found["IMSOBS_ENVIRONMENT"] = cluster.environment
        headers = probe.variables(cluster.model)
        secrets = [from_secret(name, PROBE_SECRET, name) for name in headers]
    return [*variables(found), *secrets]


def _ports(cluster: Cluster, config: dict[str, Any]) -> list[Object]:
    """Return the ports of a pod, by the names that the monitors know.

    Names of ports are at most 15 characters, and one that the operator infers from the
    configuration gives way to these.
    """
    ports = cluster.model.spec.stack.otelcol.ports
    number = {
        "prometheus/derived": ports.metrics,
        "prometheus/current": ports.current,
        "prometheus/processes": ports.processes,
        "prometheus/state": ports.state,
    }
    named = {
        "otlp-grpc": ports.otlp_grpc,
        "otlp-http": ports.otlp_http,
        **{PORTS[name]: number[name] for name in config["exporters"] if name in number},
        TELEMETRY: ports.telemetry,
    }
    if "http" not in config["receivers"]["otlp"]["protocols"]:
        del named["otlp-http"]
    return [{"name": name, "port": port, "protocol": "TCP"} for name, port in named.items()]
