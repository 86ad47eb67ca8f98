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
