"""Addresses at which components reach each other: loopback natively, names in containers."""

from __future__ import annotations

from dataclasses import dataclass

from imsobs import artifacts
from imsobs.model import Model

# Alias of a service on the internal network only: the bare service name also resolves on
# the network of the published ports, where containers cannot talk to each other.
_SUFFIX = ".stack"


LOKI_PATH = "/${IMSOBS_LOKI_PATH}"
"""The path below which Loki answers natively; the runtime knows it (runtime/paths.py)."""


@dataclass(frozen=True)
class Network:
    """The network of one way of running the stack.

    targets: folder of Prometheus' target files. bind: address that components listen on.
    """

    name: str
    targets: str
    bind: str

    def at(self, component: str, port: int) -> str:
        """Return host:port of a component as the others reach it."""
        return f"{self.host(component)}:{port}"

    def host(self, component: str) -> str:
        """Return the host of a component as the others reach it."""
        return "127.0.0.1" if self.name == "native" else component + _SUFFIX

    def loki(self, port: int) -> str:
        """Return Loki's base URL as the others reach it."""
        return f"http://{self.at('loki', port)}" + (LOKI_PATH if self.name == "native" else "")


NATIVE = Network("native", artifacts.NATIVE_TARGETS, "127.0.0.1")
COMPOSE = Network("compose", artifacts.COMPOSE_TARGETS, "0.0.0.0")  # noqa: S104 - its own namespace


def collector_environment(model: Model, network: Network) -> dict[str, str]:
    """Return the variables that collector/config.yaml reads for its neighbours."""
    stack = model.spec.stack
    found = {"IMSOBS_BIND_ADDRESS": network.bind}
    if stack.jaeger:
        found["IMSOBS_JAEGER_ENDPOINT"] = network.at("jaeger", stack.jaeger.ports.otlp_grpc)
    if stack.loki:
        found["IMSOBS_LOKI_ENDPOINT"] = network.loki(stack.loki.ports.http)
    return found


def grafana_environment(model: Model, network: Network, dashboards: str) -> dict[str, str]:
    """Return the variables that the provisioning files read."""
    stack = model.spec.stack
    alertmanager = network.at("alertmanager", stack.alertmanager.ports.http)
    stores = {}
    if stack.loki:
        stores["IMSOBS_LOKI_URL"] = network.loki(stack.loki.ports.http)
    if stack.jaeger:
        stores["IMSOBS_JAEGER_URL"] = f"http://{network.at('jaeger', stack.jaeger.ports.http)}"
    return {
        "IMSOBS_PROMETHEUS_URL": f"http://{network.at('prometheus', stack.prometheus.ports.http)}",
        "IMSOBS_ALERTMANAGER_URL": f"http://{alertmanager}",
        **stores,
        "IMSOBS_DASHBOARDS": dashboards,
    }
