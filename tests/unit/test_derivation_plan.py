"""Of the derivation: from which entry each statement is made, and what is counted as stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from small_specs import PARTS, model_of

from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.outputs.collector import count, derive
from imsobs.problems import KeyPath

# What the redaction processor sets on what it has changed.
MASKED = ("masked.count", "body.masked.count")
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


def test_only_stored_signals_with_something_masked_are_counted_as_redacted(
    tmp_path: Path,
) -> None:
    metric = """
labels: {signal: {description: Signal., values: [traces, logs]}}
metrics: {shop_redactions_total: {description: Redacted., pipeline: redacted, labels: [signal]}}
"""
    redacting = model_of(tmp_path, PARTS["spans"], metric)
    for signal, context in (("span", "traces"), ("log", "logs")):
        (found,) = count.stored_definitions(redacting, signal)
        masked = [f'{signal}.attributes["redaction.{what}"] != nil' for what in MASKED]
        assert found["name"] == "shop_redactions_total"
        assert found["conditions"] == [f"({' or '.join(masked)})"]
        assert [one.get("default_value") for one in found["attributes"]] == [context]
        assert found["sum"] == {"value": "1", "monotonic": True}
