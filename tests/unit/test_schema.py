"""The published JSON Schema accepts what the tool accepts, and refuses what is misshapen."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter

from imsobs.spec.load import load
from imsobs.spec.reader import Reader, read_text
from imsobs.spec.schema.base import DurationText

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec" / "ims.yaml"
SCHEMA = ROOT / "docs" / "reference" / "spec.schema.json"
CASES = ROOT / "tests" / "cases" / "invalid"
# Faults of shape, which a schema can see; all others are questions of meaning.
SHAPE = re.compile(r"\[spec/(?:unknown-key|missing-key|type|value|pattern)\]$", re.MULTILINE)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def as_json(value: Any) -> Any:
    """Return data as an editor's validator sees it: dates are texts."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def misshapen() -> list[Path]:
    """Return the overlays whose fault is one of shape alone."""
    found = []
    for case in sorted(CASES.iterdir()):
        lines = (case / "expected.txt").read_text().strip().splitlines()
        if all(SHAPE.search(line) for line in lines):
            found.append(case / "overlay.yaml")
    return found


def test_the_spec_is_valid(validator: jsonschema.Draft202012Validator) -> None:
    document, problems = load([SPEC])
    assert problems == []
    assert [error.message for error in validator.iter_errors(as_json(document.data))] == []


@pytest.mark.parametrize("overlay", misshapen(), ids=lambda path: path.parent.name)
def test_a_misshapen_spec_is_invalid(
    validator: jsonschema.Draft202012Validator, overlay: Path
) -> None:
    document, _ = load([SPEC, overlay])
    assert not validator.is_valid(as_json(document.data)), "an editor would show nothing"


def test_there_are_cases_of_every_kind_of_shape() -> None:
    assert len(misshapen()) >= 5


def test_the_spec_names_its_schema() -> None:
    first = SPEC.read_text().splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match, "editors find the schema by the first line"
    assert (SPEC.parent / match[1]).resolve() == SCHEMA


def test_the_spec_as_it_is_written_is_valid(validator: jsonschema.Draft202012Validator) -> None:
    """Editors see the entries that override a pack's without those of the pack."""
    data = read_text(SPEC.read_text(), Reader(str(SPEC)))
    assert data["use"], "nothing is overridden, so this shows nothing"
    assert [error.message for error in validator.iter_errors(as_json(data))] == []


@pytest.mark.parametrize(
    ("entries", "is_valid"),
    [
        ({"TargetDown": None}, True),
        ({"TargetDown": {"threshold": 2, "drill": {"skip": None}}}, True),
        ({"TargetDown": {"treshold": 2}}, False),
        ({"TargetDown": {"threshold": "two"}}, False),
        ({"OfNoPack": None}, False),
        ({"OfNoPack": {"threshold": 2}}, False),
    ],
)
def test_entries_of_packs_may_be_given_in_part(
    validator: jsonschema.Draft202012Validator, entries: dict[str, Any], is_valid: bool
) -> None:
    data = as_json(read_text(SPEC.read_text(), Reader(str(SPEC))))
    data["alerts"] |= entries
    assert validator.is_valid(data) is is_valid


def test_panels_of_packs_may_be_removed(validator: jsonschema.Draft202012Validator) -> None:
    data = as_json(read_text(SPEC.read_text(), Reader(str(SPEC))))
    data["dashboards"]["ims-pipeline"] = {"rows": {"Cardinality": {"Label overflow": None}}}
    assert validator.is_valid(data)
    data["dashboards"]["ims-overview"]["rows"]["Cardinality"] = {"Label overflow": None}
    assert not validator.is_valid(data)


def properties() -> dict[str, Property]:
    """Every property of the published schema, by definition and key."""
    found = json.loads(SCHEMA.read_text())
    return {
        f"{name}.{key}": (value, key in definition.get("required", []))
        for name, definition in {"Spec": found, **found["$defs"]}.items()
        for key, value in definition.get("properties", {}).items()
    }


# The schema of a property, and whether it must be given.
Property = tuple[dict[str, Any], bool]
# What a number can be given in; "in its unit", "in the metric's unit" say that it is another's.
UNIT = re.compile(
    r"[GMK]iB|USD|seconds|cores|columns|standard deviations|bounds|\b[Nn]umber of\b|[Hh]ow many|"
    r"0 to 1|above 0 and below 1|in (?:its|the|the [\w ']+) `?unit`?|"
    r"as times the rate|so many times|\w+ -> "
)


def leaves(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of the values that a property may have, those in lists and mappings too."""
    inner = list(schema.get("anyOf", []))
    inner += [schema[key] for key in ("items",) if isinstance(schema.get(key), dict)]
    inner += list(schema.get("patternProperties", {}).values())
    if isinstance(others := schema.get("additionalProperties"), dict):
        inner.append(others)
    return [leaf for each in inner for leaf in leaves(each)] if inner else [schema]


def is_number(leaf: dict[str, Any]) -> bool:
    return leaf.get("type") in ("number", "integer") and "const" not in leaf


def is_duration(leaf: dict[str, Any]) -> bool:
    return r"(?:\d+m)?(?:\d+s)?" in leaf.get("pattern", "")


def allows_zero(leaf: dict[str, Any]) -> bool:
    if is_duration(leaf):
        return "not" not in leaf
    low, high = leaf.get("minimum", 0), leaf.get("maximum", 0)
    beyond = leaf.get("exclusiveMinimum", -1) >= 0 or leaf.get("exclusiveMaximum", 1) <= 0
    return low <= 0 <= high and not beyond if is_number(leaf) else False


def untold(name: str, given: Property) -> list[str]:
    """Return what the description of a property leaves open: unit, 0, null, default."""
    schema, required = given
    text = schema.get("description", "")
    within = leaves(schema)
    # A text or a number, as attributes of telemetry are: the value is the user's, not a setting.
    free = any(leaf.get("type") == "string" and leaf.keys() == {"type"} for leaf in within)
    is_port = re.match(r"\w+Ports(?:Part)?\.", name)
    numbers = [] if free or is_port else [leaf for leaf in within if is_number(leaf)]
    found = []
    if len(text) <= 5 or not text.endswith("."):
        found.append("is no sentence")
    if numbers and not UNIT.search(text):
        found.append("says no unit")
    if any(map(allows_zero, numbers)) and not re.search(r"\b0(?: is|:| counts)", text):
        found.append("says not what 0 means")
    if any(is_duration(leaf) and allows_zero(leaf) for leaf in within) and not re.search(
        r"\b0s(?::| is refused)", text
    ):
        found.append("says not what 0s means")
    # A part of an entry may leave everything out, and null takes away what its pack gives.
    if {"type": "null"} in schema.get("anyOf", []) and not re.search(r"\bnull\b", text):
        found.append("says not what null means")
    if (
        not required
        and schema.get("default") in ([], {})
        and not re.search(r"Default|Empty|Left out", text)
    ):
        found.append("says not what leaving it out means")
    if schema.get("type") == "boolean" and not text.startswith("Whether"):
        found.append("says not what true means")
    return found


@pytest.mark.parametrize("name", properties())
def test_every_key_is_described(name: str) -> None:
    assert untold(name, properties()[name]) == []


DURATION = TypeAdapter(DurationText).json_schema()
MEBIBYTES = {"description": "Size, in MiB.", "type": "integer"}
PLAIN_SIZES = {"description": "Sizes, by name."}
FROM_ONE = {"type": "number", "minimum": 1}
NULLABLE = {"anyOf": [{"type": "string"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("schema", "missing"),
    [
        ({}, {"is no sentence"}),
        ({"description": "The name."}, set()),
        ({**MEBIBYTES, "description": "Size of it."}, {"says no unit", "says not what 0 means"}),
        (MEBIBYTES, {"says not what 0 means"}),
        ({**MEBIBYTES, "minimum": 0}, {"says not what 0 means"}),
        ({**MEBIBYTES, "minimum": 1}, set()),
        ({**MEBIBYTES, "exclusiveMinimum": 0}, set()),
        ({**MEBIBYTES, "description": "Size, in MiB. 0: no limit."}, set()),
        ({"description": "Where it is.", **NULLABLE}, {"says not what null means"}),
        ({"description": "Where it is. null: nowhere.", **NULLABLE}, set()),
        ({**PLAIN_SIZES, "type": "array", "items": FROM_ONE}, {"says no unit"}),
        ({**PLAIN_SIZES, "additionalProperties": FROM_ONE}, {"says no unit"}),
        ({"description": "Its names.", "default": []}, {"says not what leaving it out means"}),
        ({"description": "Its names. Default: all.", "default": []}, set()),
        ({"description": "It is on.", "type": "boolean"}, {"says not what true means"}),
        ({"description": "Format 1.", "const": 1, "type": "integer"}, set()),
        ({"description": "Its value.", "anyOf": [{"type": "string"}, FROM_ONE]}, set()),
        ({"description": "How long.", **DURATION}, {"says not what 0s means"}),
        ({"description": "How long. 0s: at once.", **DURATION}, set()),
        ({"description": "How long.", **DURATION, "not": {"pattern": "0"}}, set()),
    ],
)
def test_the_rule_finds_what_a_description_leaves_open(
    schema: dict[str, Any], missing: set[str]
) -> None:
    assert set(untold("Some.key", (schema, False))) == missing


def test_a_port_needs_no_unit() -> None:
    port = {"description": "Health check.", "type": "integer", "minimum": 1}
    assert untold("LokiPorts.http", (port, False)) == []
    assert untold("Loki.port", (port, False)) == ["says no unit"]
