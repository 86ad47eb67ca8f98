"""Alertmanager, several times, as an object of prometheus-operator.

Its configuration is the one machine's with absolute paths: the operator puts configuration and
templates into one folder, and each Secret into one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imsobs import yamlio
from imsobs.model import Model
from imsobs.outputs import alertmanager
from imsobs.outputs.kubernetes import stores
from imsobs.outputs.kubernetes.objects import (
    Cluster,
    Object,
    claim,
    pod_security,
    resources,
    spread,
)
from imsobs.outputs.stack.hardening import image_of
from imsobs.pages import TextPage, YamlPage, render_page
from imsobs.shipped import shipped

NAME = stores.ALERTMANAGER
SELECTED = stores.operated(NAME)
PORT, MESH_PORT = 9093, 9094
"""The ports that the operator has Alertmanager listen at."""
CONFIG = "alertmanager-config"
_FOLDER = "/etc/alertmanager"
_TEMPLATE = "notifications.tmpl"


def objects(cluster: Cluster) -> Iterator[Object]:
    """Yield the account, the configuration, Alertmanager, and its budget of disruptions."""
    yield cluster.account(NAME)
    # A Secret by its kind alone: receivers' secrets are in another, which is not rendered.
    yield cluster.object("Secret", CONFIG, NAME, type="Opaque", stringData=configuration(cluster))
    yield cluster.object("Alertmanager", stores.MAIN, NAME, spec=_spec(cluster))
    yield cluster.disruption(NAME, SELECTED)


def configuration(cluster: Cluster) -> dict[str, str]:
    """Return file -> text of Alertmanager's configuration and its templates."""
    found = {}
    for page in alertmanager.plan(_with_absolute_secrets(cluster)):
        match page:
            case YamlPage() if "route" in page.sections:
                sections = {**page.sections, "templates": [f"{_FOLDER}/config/{_TEMPLATE}"]}
                found["alertmanager.yaml"] = yamlio.dump(sections)
            case TextPage():
                found[_TEMPLATE] = render_page(page).decode()
    return found


def _with_absolute_secrets(cluster: Cluster) -> Model:
    folder = f"{_FOLDER}/secrets/{cluster.spec.alertmanager.secret}"
    spec = cluster.model.spec
    routing = spec.routing.model_copy(update={"secrets": folder})
    return replace(cluster.model, spec=spec.model_copy(update={"routing": routing}))


def _spec(cluster: Cluster) -> Object:
    given, component = cluster.spec.alertmanager, cluster.model.spec.stack.alertmanager
    # A Secret that nobody reads would be missed.
    reads = any(receiver.secret_files() for receiver in cluster.model.spec.receivers.values())
    return {
        "version": shipped().image_tag(NAME, component.version),
        "image": image_of(NAME, component),
        "replicas": given.replicas,
        "serviceAccountName": NAME,
        "configSecret": CONFIG,
        **({"secrets": [given.secret]} if reads else {}),
        "storage": {"volumeClaimTemplate": {"spec": claim(given)}},
        "resources": resources(given.cpus, given.memory_mib),
        "securityContext": pod_security(NAME),
        "topologySpreadConstraints": spread(SELECTED),
    }
