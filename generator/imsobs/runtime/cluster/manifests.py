"""What the rendered manifests need of a cluster: kinds, Secrets, volumes, images, room."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from imsobs import artifacts, yamlio

Object = dict[str, Any]

# Of Kubernetes itself, not of an operator.
_OWN_GROUP = re.compile(r"(^[a-z0-9]+|\.k8s\.io)$")
# Keys of which the value is {name, key}: one key of a Secret.
_KEYED = ("secretKeyRef", "credentials", "objectStorageConfig")
_ALERTMANAGER_CONFIG = "alertmanager.yaml"
# Begins the names of the ConfigMaps that Prometheus reads its rules from.
_RULES = "rules-"


@dataclass
class Needed:
    """A Secret that somebody else makes. keys: those that are read of it."""

    namespace: str
    name: str
    keys: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """Return it as a person names it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Manifests:
    """The objects that are rendered: those of the stack, and those of the service's namespaces."""

    stack: list[Object]
    service: list[Object]

    @property
    def namespace(self) -> str:
        """Return the namespace of the stack."""
        return str(self.of("Namespace")[0]["metadata"]["name"])

    @property
    def all(self) -> list[Object]:
        """Return every object."""
        return [*self.stack, *self.service]

    def of(self, kind: str) -> list[Object]:
        """Return the objects of the stack of a kind."""
        return [one for one in self.stack if one["kind"] == kind]

    def rule_files(self) -> Iterator[tuple[Object, str]]:
        """Yield (object, text) of each file of rules; of a PrometheusRule, its spec."""
        for one in self.of("PrometheusRule"):
            yield one, yamlio.dump(one["spec"])
        for one in self.of("ConfigMap"):
            if one["metadata"]["name"].startswith(_RULES):
                yield from ((one, text) for text in one["data"].values())

    def definitions(self) -> dict[str, set[str]]:
        """Return ``group/version`` -> kinds, of those that operators define."""
        found: dict[str, set[str]] = {}
        for one in self.all:
            group, _, version = one["apiVersion"].rpartition("/")
            if version and group and not _OWN_GROUP.search(group):
                found.setdefault(one["apiVersion"], set()).add(one["kind"])
        return found

    def scales(self) -> bool:
        """Return whether an autoscaler is rendered."""
        return any("autoscaler" in one["spec"] for one in self.of("OpenTelemetryCollector"))

    def storage_classes(self) -> set[str | None]:
        """Return the classes of all volumes; None: the cluster's default."""
        claims = [one for _, one in _dicts(self.stack) if "accessModes" in one]
        return {claim.get("storageClassName") for claim in claims}

    def images(self) -> set[str]:
        """Return the images of all pods."""
        found = (one.get("image") for _, one in _dicts(self.all))
        return {image for image in found if isinstance(image, str)}

    def secrets(self, services: list[str]) -> list[Needed]:
        """Return the Secrets that are read. services: the namespaces of the service."""
        found: dict[tuple[str, str], Needed] = {}
        for objects, namespaces in (
            (self.stack, [self.namespace]),
            (self.service, services if self.service else []),
        ):
            for name, keys in _secrets(objects):
                for space in namespaces:
                    found.setdefault((space, name), Needed(space, name)).keys |= keys
        own = {one["metadata"]["name"] for one in self.of("Secret")}
        return [one for (_, name), one in sorted(found.items()) if name not in own]


def manifests(pages: Mapping[str, bytes]) -> Manifests:
    """Return the objects of rendered files, dashboards left out: they need nothing."""

    def objects(folder: str) -> list[Object]:
        return [
            one
            for path, content in sorted(pages.items())
            if path.startswith(f"{folder}/")
            and not path.startswith(f"{folder}/dashboards/")
            and not path.endswith("kustomization.yaml")
            for one in yaml.load_all(content, yaml.CSafeLoader)
        ]

    return Manifests(objects(artifacts.KUBERNETES), objects(artifacts.KUBERNETES_SERVICE))


def _dicts(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping within, with the key that it is the value of."""
    if isinstance(node, dict):
        yield key, node
        for name, value in node.items():
            yield from _dicts(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _dicts(value, key)


def _secrets(objects: list[Object]) -> Iterator[tuple[str, set[str]]]:
    """Yield (Secret, keys that are read)."""
    for key, one in _dicts(objects):
        if key in _KEYED and {"name", "key"} <= one.keys():
            yield one["name"], {one["key"]}
        elif key == "secret" and "secretName" in one:
            yield one["secretName"], {item["key"] for item in one.get("items", [])}
    for one in objects:
        if one["kind"] == "OpenTelemetryCollector":
            yield from _mounted(one["spec"])
        if one["kind"] == "Alertmanager":
            yield from _of_receivers(one["spec"], objects)


def _mounted(spec: Object) -> Iterator[tuple[str, set[str]]]:
    """Yield the files of mounted Secrets that variables name."""
    mounts = {one["name"]: one["mountPath"] for one in spec.get("volumeMounts", [])}
    values = [str(one.get("value", "")) for one in spec.get("env", [])]
    for volume in spec.get("volumes", []):
        if "secret" in volume:
            folder = f"{mounts[volume['name']]}/"
            files = {value.removeprefix(folder) for value in values if value.startswith(folder)}
            yield volume["secret"]["secretName"], files


def _of_receivers(spec: Object, objects: list[Object]) -> Iterator[tuple[str, set[str]]]:
    """Yield the files that Alertmanager's configuration names, of the Secrets it is given."""
    config = "".join(
        one["stringData"].get(_ALERTMANAGER_CONFIG, "")
        for one in objects
        if one["kind"] == "Secret" and one["metadata"]["name"] == spec["configSecret"]
    )
    for name in spec.get("secrets", []):
        files = re.findall(rf"/secrets/{re.escape(name)}/([A-Za-z0-9._-]+)", config)
        yield name, set(files)
