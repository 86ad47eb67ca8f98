"""The published JSON Schema accepts what the tool accepts, and refuses what is misshapen."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from imsobs.spec.load import load
from imsobs.spec.reader import Reader, read_text

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


def properties() -> dict[str, dict[str, Any]]:
    """Every property of the published schema, by definition and key."""
    found = json.loads((ROOT / "docs/reference/spec.schema.json").read_text())
    return {
        f"{name}.{key}": value
        for name, definition in {"Spec": found, **found["$defs"]}.items()
        for key, value in definition.get("properties", {}).items()
    }


@pytest.mark.parametrize("name", properties())
def test_every_key_is_described(name: str) -> None:
    text = properties()[name].get("description", "")
    assert len(text) > 5, f"{name} has no description"
    assert text.endswith("."), text
