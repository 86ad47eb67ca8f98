"""Write tests/kubernetes/api.json.gz: which objects Kubernetes and its operators accept.

    python -m release.kubernetes_api

takes the definitions of custom resources from the operators' Go modules, with the webhooks of
opentelemetry-operator, and the schemas of Kubernetes' own kinds from its module, all as the module
proxy serves them. Their checksums are pinned here. What is written lacks descriptions, and is all
the same complete: an API server takes these definitions. They are under the Apache License 2.0, as
this project is.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from release.go_module import downloaded

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "tests/kubernetes/api.json.gz"


@dataclass(frozen=True)
class Module:
    """A Go module: its checksum as go.sum has it, and the files of it that are read."""

    version: str
    checksum: str
    files: tuple[str, ...]


_OPERATORS = {
    "github.com/prometheus-operator/prometheus-operator": Module(
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        tuple(
            f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
            # The operator itself waits for all of its kinds.
            for kind in (
                "alertmanagerconfigs",
                "alertmanagers",
                "podmonitors",
                "probes",
                "prometheusagents",
                "prometheuses",
                "prometheusrules",
                "scrapeconfigs",
                "servicemonitors",
                "thanosrulers",
            )
        ),
    ),
    "github.com/open-telemetry/opentelemetry-operator": Module(
        "v0.140.0",
        "h1:yHwVEn1vjQ7n9OoOZX/rsgur+YozIKNjCoWSk6EAhvw=",
        tuple(
            f"config/crd/bases/opentelemetry.io_{kind}.yaml"
            # The operator itself waits for the last.
            for kind in ("instrumentations", "opentelemetrycollectors", "targetallocators")
        ),
    ),
    "github.com/grafana/grafana-operator/v5": Module(
        # The newest that the module proxy has.
        "v5.18.0",
        "h1:ei7N2VfjsRjY8iprenH1IDV783WeV7CP5VNp//sB4hI=",
        tuple(
            f"config/crd/bases/grafana.integreatly.org_{kind}.yaml"
            for kind in ("grafanadashboards", "grafanadatasources")
        ),
    ),
}
# Where opentelemetry-operator's manifests register what it changes and refuses.
_OPENTELEMETRY = "github.com/open-telemetry/opentelemetry-operator"
_WEBHOOKS = {
    _OPENTELEMETRY: replace(_OPERATORS[_OPENTELEMETRY], files=("config/webhook/manifests.yaml",))
}
_KUBERNETES = {
    "k8s.io/kubernetes": Module(
        "v1.36.3",
        "h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=",
        ("api/openapi-spec/swagger.json",),
    ),
}
# Kubernetes' own kinds that are rendered.
_KINDS = {
    "io.k8s.api.core.v1": ("ConfigMap", "Namespace", "ResourceQuota", "Secret", "Service",
                           "ServiceAccount"),
    "io.k8s.api.apps.v1": ("Deployment", "StatefulSet"),
    "io.k8s.api.networking.v1": ("NetworkPolicy",),
    "io.k8s.api.policy.v1": ("PodDisruptionBudget",),
    "io.k8s.api.rbac.v1": ("Role", "RoleBinding"),
}  # fmt: skip
_REF = "#/definitions/"


class _Loader(yaml.CSafeLoader):
    """Takes ``=`` for the text that it is."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def main() -> None:
    """Write the file."""
    swagger = json.loads(next(_texts(_KUBERNETES)))
    wanted = [f"{group}.{kind}" for group, kinds in _KINDS.items() for kind in kinds]
    found = {
        "source": {name: module.version for name, module in {**_OPERATORS, **_KUBERNETES}.items()},
        "crds": [_bare(yaml.load(text, _Loader)) for text in _texts(_OPERATORS)],  # noqa: S506
        "webhooks": list(yaml.safe_load_all(next(_texts(_WEBHOOKS)))),
        "definitions": _reachable(swagger["definitions"], wanted),
    }
    text = json.dumps(found, separators=(",", ":"), sort_keys=True)
    TARGET.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size} bytes")


def _texts(modules: dict[str, Module]) -> Iterator[str]:
    """Yield the texts of the modules' files. SystemExit where a checksum is another."""
    for name, module in modules.items():
        folder, checksum = downloaded(f"{name}@{module.version}")
        if checksum != module.checksum:
            sys.exit(f"{name} {module.version} is {checksum}, not {module.checksum}")
        for file in module.files:
            yield (folder / file).read_text()


def _bare(value: Any, *, names: bool = False) -> Any:
    """Return a schema without its descriptions; names: whether keys are names of fields."""
    if isinstance(value, dict):
        return {
            key: _bare(inner, names=key in ("properties", "patternProperties") and not names)
            for key, inner in value.items()
            if names or not (key == "description" and isinstance(inner, str))
        }
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def _reachable(definitions: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _bare(definitions[name])
            waiting += _references(found[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(_REF)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


if __name__ == "__main__":
    main()
