"""Rows of the price table: which of them hold at a moment."""

from __future__ import annotations

import dataclasses

import pytest

from imsobs.model.prices import PriceRow, by_model, in_force
from imsobs.spec.schema.prices import Price

PRICE = Price.model_validate({"from": "2025-01-01", "input": 1, "output": 2})
ROW = PriceRow("a", "x", "standard", (), 10, None, 0, None, (1.0, 2.0, 1.0, 1.0), PRICE)


@pytest.mark.parametrize(
    ("until", "at", "holds"),
    [
        (None, 9, False),
        (None, 10, True),
        (None, 1000, True),
        (20, 9, False),
        (20, 10, True),
        (20, 19, True),
        (20, 20, False),
        (20, 21, False),
    ],
)
def test_a_row_holds_from_its_day_up_to_the_next(until: int | None, at: int, holds: bool) -> None:
    row = dataclasses.replace(ROW, until=until)
    assert in_force([row], at) == ([row] if holds else [])


def test_rows_are_found_by_vendor_and_model() -> None:
    priority = dataclasses.replace(ROW, tier="priority")
    other, elsewhere = dataclasses.replace(ROW, model="y"), dataclasses.replace(ROW, vendor="b")
    assert by_model([ROW, priority, other, elsewhere]) == {
        ("a", "x"): [ROW, priority],
        ("a", "y"): [other],
        ("b", "x"): [elsewhere],
    }
