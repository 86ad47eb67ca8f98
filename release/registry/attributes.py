"""Attributes of the semantic conventions, and those that instrumentations really set."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from opentelemetry.semconv import _incubating, attributes, resource, trace

from imsobs.dialects import USAGE, dialects
from release.go_module import downloaded

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "opentelemetry-semantic-conventions"
# The Python package has no types; the Go module of the same project does, in comments.
GO_MODULE = "go.opentelemetry.io/otel@v1.47.0"
# The last release of it that says which attributes are those of a resource.
_RESOURCES = "v1.24.0/resource.go"
_TYPED = re.compile(
    r'// Type: (?P<type>\S+)\n(?:\t?//[^\n]*\n)*\s*\w+\s*=\s*attribute\.Key\("(?P<name>[^"]+)"\)'
)
_TEMPLATE = re.compile(r'attribute\.(?P<type>\w+)\("(?P<name>[^"]+)\."\+key')
_SLICES = {"StringSlice": "string[]", "Int64Slice": "int[]", "IntSlice": "int[]"}
_TYPES = {"boolean": "bool", "enum": "string", "any": "string", "map": "string"}
_OTLP = {
    "stringValue": "string", "intValue": "int", "doubleValue": "double", "boolValue": "bool",
    "arrayValue": "string[]", "kvlistValue": "string", "bytesValue": "string",
}  # fmt: skip


def collected() -> dict[str, Any]:
    """Return the data of attributes.json: sources, names with types, who they belong to.

    A name that ends in ``.*`` is a template: any rest may follow.
    """
    semconv = downloaded(GO_MODULE)[0] / "semconv"
    types = _go_types(semconv)
    names: dict[str, str] = {}
    for name in _conventions():
        names[name] = types.get(name, "string")
    names |= {name: kind for name, kind in types.items() if name not in names}
    # Constants beside them are names of events and values.
    names = {name: kind for name, kind in names.items() if "." in name}
    for name, kind in (*_recorded(), *_of_dialects()):
        names.setdefault(name, kind)
    resources = sorted(set(re.findall(r'Key\("([^"]+)"\)', (semconv / _RESOURCES).read_text())))
    return {
        "sources": {
            "names": f"{PACKAGE} {version(PACKAGE)}",
            "types": GO_MODULE,
            "recorded": "tests/golden/dialects",
            "dialects": "generator/imsobs/data/dialects",
        },
        "resource": [name for name in resources if name in names],
        "attributes": dict(sorted(names.items())),
    }


def _go_types(semconv: Path) -> dict[str, str]:
    """Return attribute -> type, by the newest version of the conventions that has it."""
    found: dict[str, str] = {}
    versions = sorted(
        semconv.glob("v*"), key=lambda p: [int(part) for part in p.name[1:].split(".")]
    )
    for folder in reversed(versions):
        for file in sorted(folder.glob("*.go")):
            text = file.read_text("utf-8")
            for match in _TYPED.finditer(text):
                found.setdefault(match["name"], _TYPES.get(match["type"].lower(), match["type"]))
            for match in _TEMPLATE.finditer(text):
                kind = _SLICES.get(match["type"], match["type"].lower())
                found.setdefault(f"{match['name']}.*", kind)
    return found


def _conventions() -> Iterator[str]:
    for package in (attributes, _incubating, trace, resource):
        for module in _modules(package):
            if module.__name__.rsplit(".", 1)[-1].endswith("_metrics"):
                continue
            for name, value in vars(module).items():
                if name.isupper() and isinstance(value, str):
                    yield f"{value}.*" if name.endswith("_TEMPLATE") else value
            for cls in (getattr(module, "SpanAttributes", None), *_of_resources(module)):
                constants = vars(cls) if cls is not None else {}
                yield from (v for k, v in constants.items() if k.isupper() and isinstance(v, str))


def _of_resources(module: ModuleType) -> list[type]:
    found = getattr(module, "ResourceAttributes", None)
    return [found] if found is not None else []


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(info.name)


def _recorded() -> Iterator[tuple[str, str]]:
    """Yield what real releases set on spans, from the recordings of the dialects."""
    for file in sorted((ROOT / "tests/golden/dialects").glob("*.json")):
        yield from _keys(json.loads(file.read_text("utf-8")))


def _of_dialects() -> Iterator[tuple[str, str]]:
    """Yield the names of the dialects, and those that they are translated to."""
    yield from ((name, "int") for name in USAGE.values())
    for dialect in dialects().values():
        usage = dialect.usage.model_dump(exclude={"within"})
        yield from ((name, "int") for names in usage.values() for name in names)
        named = (dialect.operation, dialect.provider)
        texts = [*dialect.request_model, *dialect.response_model, *dialect.service_tier]
        texts += [*dialect.provider.prefix, *(name for one in named for name in one.attributes)]
        yield from ((name, "string") for name in texts)
        yield from ((name, "double") for name in dialect.first_token.attributes)


def _keys(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        value = node.get("value")
        if isinstance(node.get("key"), str) and isinstance(value, dict):
            yield _template(node["key"]), _OTLP[next(iter(value), "stringValue")]
        for inner in node.values():
            yield from _keys(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _keys(inner)


def _template(key: str) -> str:
    """Return the name without what is counted in it: llm.input_messages.0.x is a template."""
    parts = re.split(r"\.\d+\.", f"{key}.", maxsplit=1)
    return f"{parts[0]}.*" if len(parts) > 1 else key
