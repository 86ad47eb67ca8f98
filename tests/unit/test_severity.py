"""The label of a record's severity: which numbers have which value is known when compiling."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from imsobs.compile import read_spec
from imsobs.model.labels import ResolvedLabel
from imsobs.outputs.collector.ottl import normalize_label

ROOT = Path(__file__).resolve().parents[2]
_SET = re.compile(r'set\(log\.attributes\["severity"\], "(\w+)"\)(?: where (.*))?')
_RANGE = re.compile(r"log\.severity_number >= (\d+) and log\.severity_number <= (\d+)")


@pytest.fixture(scope="module")
def severity() -> ResolvedLabel:
    model = read_spec([ROOT / "spec/ims.yaml"]).model
    assert model is not None
    return model.labels["severity"]


def _value(label: ResolvedLabel, number: int) -> str:
    """Return what the statements set for a number: of those that hold, the last decides."""
    values = ["nothing"]
    for statement in normalize_label(label, "log", ()):
        if found := _SET.fullmatch(statement):
            value, where = found.groups()
            within = _RANGE.fullmatch(where or "")
            if within:
                holds = int(within[1]) <= number <= int(within[2])
            else:
                holds = where is None or (where == "log.severity_number == 0" and number == 0)
            values += [value] if holds else []
    return values[-1]


def test_every_number_has_the_value_whose_pattern_it_fits(severity: ResolvedLabel) -> None:
    numbers = (-1, 0, 1, 8, 9, 12, 13, 17, 20, 21, 24, 25)
    assert [_value(severity, number) for number in numbers] == [
        "other", "unknown", "debug", "debug", "info", "info", "warning", "error", "error",
        "critical", "critical", "other",
    ]  # fmt: skip


def test_of_several_patterns_the_first_decides_and_a_value_may_have_gaps(
    severity: ResolvedLabel,
) -> None:
    matches = {"low": "^[1-3]$", "odd": "^(?:[13579]|11)$", "rest": "^[2-9]$"}
    changed = replace(severity, matches=matches)
    found = [_value(changed, number) for number in range(13)]
    assert found[0] == "unknown"
    assert found[1:] == [
        "low", "low", "low", "rest", "odd", "rest", "odd", "rest", "odd", "other", "odd", "other",
    ]  # fmt: skip


def test_a_label_that_is_read_from_elsewhere_too_is_searched(severity: ResolvedLabel) -> None:
    for statements in (
        normalize_label(severity, "log", ("level",)),
        normalize_label(replace(severity, matches={"*": "^.+$"}), "log", ()),
        normalize_label(replace(severity, first_word=True), "log", ()),
        normalize_label(replace(severity, resource_attributes=("level",)), "log", ()),
    ):
        assert any("IsMatch" in statement for statement in statements)
