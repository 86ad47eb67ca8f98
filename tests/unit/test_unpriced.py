"""Why a call has no cost, in the words that a spec's label has for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_specs import PARTS, model_of

from imsobs.outputs.collector.unpriced import unpriced_statements

LABEL = """
labels: {{unpriced_reason: {{description: Why., {}}}}}
metrics:
  shop_unpriced_total: {{description: Unpriced., span: priced_call, labels: [unpriced_reason]}}
"""
# The price has no snapshots and no steps: there is no unknown one.
POSSIBLE = ["no_price", "unknown_tier", "unknown_modality", "no_usage"]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("{}", POSSIBLE),
        (LABEL.format(f"values: [{', '.join(POSSIBLE)}]"), POSSIBLE),
        (LABEL.format("values: [no_price]"), ["no_price", "other", "other", "other"]),
        (LABEL.format("values: [no_usage], overflow: rest"), ["rest", "rest", "rest", "no_usage"]),
    ],
)
def test_a_reason_that_the_label_does_not_have_is_its_overflow(
    label: str, words: list[str], tmp_path: Path
) -> None:
    model = model_of(tmp_path, PARTS["model calls that are priced"], label)
    statements = unpriced_statements(model)
    found = [
        re.match(r'set\(span\.attributes\["unpriced_reason"\], "(\w+)"\)', s) for s in statements
    ]
    assert [one[1] for one in found if one] == words
