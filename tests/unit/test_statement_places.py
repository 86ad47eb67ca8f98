"""From which entry of the spec each statement of the derivation is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.outputs.collector import derive
from imsobs.problems import KeyPath

SPEC = Path(__file__).parents[1] / "golden/small/spec.yaml"


@pytest.fixture(scope="module")
def model() -> Model:
    found = read_spec([SPEC]).model
    assert found is not None
    return found


def written(section: str | int) -> dict[str, Any]:
    """Return the entries that the spec has in a section."""
    return dict(yaml.load(SPEC.read_text(), Loader=yaml.CSafeLoader)[section])


def test_each_is_made_from_an_entry_that_is_there(model: Model) -> None:
    places = {path for _, path in derive.places(model)}
    assert {path[0] for path in places} == {"sources", "labels", "records", "events"}
    named = {path[:2] for path in places}
    assert {(section, name) for section, name in named if name not in written(section)} == set()
    assert named >= {("sources", name) for name in model.spec.sources}
    assert ("events", "placed") in named
    assert ("labels", "route") in named


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('span.attributes["state"] != "idle"', ("sources", "job", "where")),
        ('span.attributes["state"] == "dropped"', ("sources", "job", "cancelled_where")),
        ("SEVERITY_NUMBER_ERROR", ("records", "failure", "where")),
        ('"own.read"', ("sources", "own_call")),
        ('log.attributes["weight_grams"]', ("events", "placed")),
    ],
)
def test_a_text_of_the_spec_leads_to_its_entry(model: Model, text: str, path: KeyPath) -> None:
    found = {where for statement, where in derive.places(model) if text in statement}
    assert found == {path}
    # Of a source without a condition, its dialects select the spans.
    assert ("sources", "call", "dialects") in {where for _, where in derive.places(model)}
