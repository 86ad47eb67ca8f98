"""Who may reach whom: everything that is not listed here is refused, in and out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from imsobs.outputs.kubernetes import (
    alertmanager,
    collectors,
    jaeger,
    loki,
    prometheus,
    stores,
)
from imsobs.outputs.kubernetes.objects import Cluster, Object, port_of

_DNS = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
_API_SERVER = (443, 6443)


@dataclass
class _Rules:
    """What one component may be asked and may ask: peers (None: anybody) and ports."""

    selected: dict[str, str]
    ingress: list[tuple[list[Object] | None, tuple[int, ...]]] = field(default_factory=list)
    egress: list[tuple[list[Object] | None, tuple[int, ...]]] = field(default_factory=list)


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield the policy that refuses everything, that of names, and one of each component."""
    everybody: Object = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    yield cluster.object("NetworkPolicy", "refuse", "network", spec=everybody)
    names = {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [_namespace("kube-system")], "ports": _DNS}],
    }
    yield cluster.object("NetworkPolicy", "names", "network", spec=names)
    for name, rules in _components(cluster).items():
        spec = {
            "podSelector": {"matchLabels": rules.selected},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_rule("from", *one) for one in rules.ingress],
            "egress": [_rule("to", *one) for one in rules.egress],
        }
        yield cluster.object("NetworkPolicy", name, "network", spec=spec)


def _rule(way: str, peers: list[Object] | None, ports: tuple[int, ...]) -> Object:
    named = [{"protocol": "TCP", "port": port} for port in sorted(set(ports))]
    return {**({way: peers} if peers is not None else {}), "ports": named}


def _namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _components(cluster: Cluster) -> dict[str, _Rules]:
    stack, spec = cluster.model.spec.stack, cluster.spec
    found = {role: _Rules(collectors.selected(cluster, role)) for role in cluster.roles}
    found["prometheus"] = _Rules(prometheus.SELECTED)
    found["alertmanager"] = _Rules(alertmanager.SELECTED)
    if stores.own_jaeger(cluster):
        found["jaeger"] = _Rules(cluster.selected(stores.JAEGER))
    if stores.own_loki(cluster):
        found["loki"] = _Rules(cluster.selected(stores.LOKI))
    _within(cluster, found)
    _from_outside(cluster, found)
    ports = stack.otelcol.ports
    found["derive"].ingress.append(
        ([_namespace(name) for name in cluster.senders], (ports.otlp_grpc, ports.otlp_http))
    )
    if "current" in found:
        asked = tuple(dict.fromkeys(map(port_of, cluster.service_urls.values())))
        found["current"].egress.append(([_namespace(name) for name in cluster.senders], asked))
    # The API server is no pod: only its port can be told.
    found["prometheus"].egress.append((None, _API_SERVER))
    if spec.prometheus.remote_write:
        regional = [region.remote_write for region in spec.regions.values() if region.remote_write]
        to = tuple(port_of(url) for url in (spec.prometheus.remote_write.url, *regional))
        found["prometheus"].egress.append((None, to))
    found["alertmanager"].egress.append((None, _receivers(cluster)))
    return found


def _within(cluster: Cluster, found: dict[str, _Rules]) -> None:
    """Add what goes from one component to another."""
    stack = cluster.model.spec.stack
    ports = stack.otelcol.ports
    scraped = (ports.metrics, ports.current, ports.processes, ports.state, ports.telemetry)
    edges = [
        ("derive", "sample", (ports.otlp_grpc,)),
        ("derive", "current", (ports.otlp_grpc,)),
        *(("prometheus", role, scraped) for role in collectors.ROLES),
        ("prometheus", "prometheus", (prometheus.PORT,)),
        ("prometheus", "alertmanager", (alertmanager.PORT,)),
        ("alertmanager", "alertmanager", (alertmanager.MESH_PORT,)),
    ]
    if own := stores.own_jaeger(cluster):
        edges.append(("sample", "jaeger", (own.component.ports.otlp_grpc,)))
        edges.append(("prometheus", "jaeger", (own.component.ports.telemetry,)))
    if own_loki := stores.own_loki(cluster):
        of_loki = own_loki.component.ports
        edges.append(("derive", "loki", (of_loki.http,)))
        edges.append(("prometheus", "loki", (of_loki.http,)))
        edges.append(("loki", "loki", (of_loki.http, of_loki.grpc, loki.GOSSIP_PORT)))
    for source, target, at in edges:
        if source in found and target in found:
            found[source].egress.append(
                ([{"podSelector": {"matchLabels": found[target].selected}}], at)
            )
            found[target].ingress.append(
                ([{"podSelector": {"matchLabels": found[source].selected}}], at)
            )


def _from_outside(cluster: Cluster, found: dict[str, _Rules]) -> None:
    """Add who may query, and the stores that are elsewhere."""
    spec = cluster.spec
    viewers = [_namespace(name) for name in spec.grafana.namespaces or [cluster.namespace]]
    queried = {"prometheus": prometheus.PORT, "alertmanager": alertmanager.PORT}
    if own := stores.own_jaeger(cluster):
        queried["jaeger"] = own.component.ports.http
        found["jaeger"].egress.append((None, jaeger.store_ports(own.store)))
    elif "sample" in found and (address := stores.traces_address(cluster)):
        found["sample"].egress.append((None, (int(address.rpartition(":")[2]),)))
    if own_loki := stores.own_loki(cluster):
        queried["loki"] = own_loki.component.ports.http
        endpoint = own_loki.bucket.endpoint or "https://s3"
        found["loki"].egress.append((None, (port_of(endpoint),)))
    elif url := stores.logs_url(cluster):
        found["derive"].egress.append((None, (port_of(url),)))
    for name, port in queried.items():
        found[name].ingress.append((viewers, (port,)))


def _receivers(cluster: Cluster) -> tuple[int, ...]:
    """Return the ports of receivers: those of mail relays, and that of HTTPS."""
    mails = [r.email for r in cluster.model.spec.receivers.values() if r.email is not None]
    return (443, *(int(mail.smarthost.rpartition(":")[2]) for mail in mails))
