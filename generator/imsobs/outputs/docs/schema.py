"""Plan of the spec's JSON Schema, by which editors complete and check a spec."""

from __future__ import annotations

from typing import Any

from imsobs.spec import packs
from imsobs.spec.schema.root import Spec

_NULL = {"type": "null"}
_REF = "#/$defs/"
# Added to the name of a definition: of an entry of which a spec gives some keys only.
_PART = "Part"


def spec_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec, which may override entries of packs in part."""
    schema: dict[str, Any] = _closed(Spec.model_json_schema())
    known = {name: packs.entries(name) for name in packs.names()}
    parts: dict[str, Any] = {}
    for section, properties in schema["properties"].items():
        names = [name for given in known.values() for name in given.get(section, {})]
        patterns = properties.get("patternProperties", {})
        if names and patterns:
            ((pattern, entry),) = patterns.items()
            one = "|".join(dict.fromkeys(packs.name_pattern(name) for name in names))
            part = _part(entry, schema["$defs"], parts)
            properties["patternProperties"] = {
                f"^(?!(?:{one})$){pattern.removeprefix('^')}": entry,
                f"^(?:{one})$": _or_null(part),
            }
    schema["$defs"] |= parts
    return schema


def _closed(schema: Any) -> Any:
    """Return the schema in which a mapping with a pattern of keys allows no other keys.

    pydantic refuses such keys, but its schema does not say so.
    """
    if isinstance(schema, dict):
        closed = {key: _closed(value) for key, value in schema.items()}
        if "patternProperties" in closed:
            closed.setdefault("additionalProperties", False)
        return closed
    return [_closed(value) for value in schema] if isinstance(schema, list) else schema


def _part(schema: Any, definitions: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Return the schema of an entry of which any key may be left out.

    parts: definitions that it refers to; those that are new are added.
    """
    if isinstance(schema, list):
        return [_part(item, definitions, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        name = str(reference).removeprefix(_REF)
        if f"{name}{_PART}" not in parts:
            parts[f"{name}{_PART}"] = {}
            parts[f"{name}{_PART}"] = _part(definitions[name], definitions, parts)
        return {**schema, "$ref": f"{_REF}{name}{_PART}"}
    part = {
        key: _part(value, definitions, parts)
        for key, value in schema.items()
        if key not in ("required", "patternProperties", "additionalProperties")
    }
    # Entries of a mapping may be removed, too. Keys that have a default are so by null already.
    if "patternProperties" in schema:
        part["patternProperties"] = {
            pattern: _or_null(_part(value, definitions, parts))
            for pattern, value in schema["patternProperties"].items()
        }
    if "additionalProperties" in schema:
        others = schema["additionalProperties"]
        part["additionalProperties"] = others and _or_null(_part(others, definitions, parts))
    return part


def _or_null(schema: Any) -> Any:
    return {"anyOf": [schema, _NULL]} if isinstance(schema, dict) else schema
