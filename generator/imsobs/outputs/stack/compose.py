"""Plan of stack/compose.yaml: the stack in containers, each with as little as it needs.

References to the environment are the plan's own; every other ``$`` is doubled (references.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions, ingest
from imsobs.outputs.references import COMPOSE, Reference, written
from imsobs.outputs.stack import containers, digests
from imsobs.outputs.stack.containers import PASSWORD_SECRET
from imsobs.outputs.stack.hardening import USERS, VOLUMES, service, volume
from imsobs.pages import Page, YamlPage

Service = dict[str, Any]
_REFUSAL = "no default password; set it in the environment or in stack/.env, then run imsobs up"


def plan(model: Model, read: Mapping[str, list[Page]]) -> Iterator[Page]:
    """Yield compose.yaml. read: service -> the pages that it reads at its start."""
    planned = written(_sections(model, read), COMPOSE)
    yield YamlPage(artifacts.COMPOSE, planned, "stack/compose.yaml.j2")


def _sections(model: Model, read: Mapping[str, list[Page]]) -> dict[str, Any]:
    stack = model.spec.stack
    names = [*([PASSWORD_SECRET] if stack.grafana else []), *ingest.secrets(stack.ingest)]
    services = {
        "prepare": _prepare(model),
        "otelcol": containers.otelcol(model),
        "prometheus": containers.prometheus(model),
        "alertmanager": containers.alertmanager(model),
        **({"jaeger": containers.jaeger(model, stack.jaeger)} if stack.jaeger else {}),
        **({"loki": containers.loki(model, stack.loki)} if stack.loki else {}),
        **({"grafana": containers.grafana(model, stack.grafana)} if stack.grafana else {}),
        **({"promtail": containers.promtail(model, stack.promtail)} if stack.promtail else {}),
        **({"gateway": containers.gateway(model, stack.gateway)} if stack.gateway else {}),
    }
    password = Reference("GRAFANA_ADMIN_PASSWORD", required=_REFUSAL)
    for name, pages in read.items():
        services[name]["labels"] = digests.label(pages)
    return {
        "name": conventions.stack_name(model.spec.service.namespace),
        "x-required": {"grafana-admin-password": password} if stack.grafana else {},
        "services": services,
        "networks": _networks(),
        "volumes": {name: {} for name in _volumes(model)},
        "secrets": {name: {"file": f"../secrets/{_file(name)}"} for name in names},
    }


def _volumes(model: Model) -> list[str]:
    there = model.spec.stack.components()
    return [name for name in VOLUMES if name in there]


def _file(secret: str) -> str:
    return ingest.FILES.get(secret, secret)


def _networks() -> dict[str, Any]:
    bridge = "com.docker.network.bridge"
    closed = {f"{bridge}.enable_icc": "false", f"{bridge}.enable_ip_masquerade": "false"}
    return {
        "stack": {"internal": True},
        "local": {"driver_opts": closed},
        "outbound": {"driver_opts": {f"{bridge}.enable_icc": "false"}},
    }


def _prepare(model: Model) -> Service:
    """Give each volume to the user that needs it: an image may not contain the folder."""
    chown = " && ".join(f"chown {USERS[name]} /volumes/{name}" for name in _volumes(model))
    return {
        **service("prometheus", model.spec.stack.prometheus, ""),
        "user": "0:0",
        "cap_add": ["CHOWN"],
        "restart": "no",
        "network_mode": "none",
        "entrypoint": ["/bin/sh", "-c", chown],
        "volumes": [volume(name, f"/volumes/{name}") for name in _volumes(model)],
    }
