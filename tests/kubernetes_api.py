"""What Kubernetes and its operators accept: structural schemas, unknown fields refused.

tests/kubernetes/api.json.gz is written by ``python -m release.kubernetes_api``.
"""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema

API = Path(__file__).parent / "kubernetes/api.json.gz"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


@functools.cache
def api() -> dict[str, Any]:
    """Return the definitions of custom resources and the schemas of Kubernetes' own kinds."""
    found: dict[str, Any] = json.loads(gzip.decompress(API.read_bytes()))
    return found


@functools.cache
def _schemas() -> dict[tuple[str, str], dict[str, Any]]:
    """Return (apiVersion, kind) -> a JSON schema of every kind."""
    definitions = {name: _strict(schema) for name, schema in api()["definitions"].items()}
    found = {}
    for name, schema in api()["definitions"].items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            group = f"{kind['group']}/" if kind["group"] else ""
            reference = {"$ref": f"#/definitions/{name}", "definitions": definitions}
            found[f"{group}{kind['version']}", kind["kind"]] = reference
    for crd in api()["crds"]:
        spec = crd["spec"]
        for version in spec["versions"]:
            schema = _strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"$ref": f"#/definitions/{_META}"}
            schema["definitions"] = definitions
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def _strict(schema: Any) -> Any:
    """Return a structural schema as JSON Schema, in which a field that is not named is refused."""
    if isinstance(schema, list):
        return [_strict(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    found = {key: _strict(value) for key, value in schema.items() if key != "properties"}
    if "properties" in schema:
        found["properties"] = {name: _strict(of) for name, of in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    if schema.get("type") == "string" and schema.get("format") == "byte":
        found["pattern"] = r"^[A-Za-z0-9+/]*={0,2}$"
    return found


@functools.cache
def _validator(version: str, kind: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(_schemas()[version, kind])


def known(found: dict[str, Any]) -> bool:
    """Return whether there is a schema of the object's kind."""
    return (found["apiVersion"], found["kind"]) in _schemas()


def faults(found: dict[str, Any]) -> list[str]:
    """Return what the API server would refuse of an object, by place; KeyError: kind unknown."""
    name = f"{found['kind']} {found['metadata']['name']}"
    return [
        f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in _validator(found["apiVersion"], found["kind"]).iter_errors(found)
    ]
