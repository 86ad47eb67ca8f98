"""Which sources may have one operation reported twice, and so pay for looking for it."""

from __future__ import annotations

from typing import Any

import pytest

from imsobs.outputs.collector import duplicates
from imsobs.spec.schema.signals import SpanSource

# A dialect with wrappers, and two without.
WRAPPED, PLAIN, OTHER = "genai", "litellm", "google"
FOUND = 5  # Three passes for calls in calls, one that ranks and one that chooses.


def source(**given: Any) -> SpanSource:
    return SpanSource.model_validate({"description": "Something.", **given})


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        ({"kind": "server"}, 0),
        ({"dialects": [PLAIN]}, 0),
        ({"dialects": [PLAIN, OTHER]}, FOUND),
        ({"dialects": [WRAPPED]}, FOUND),
        ({"kind": "client", "prefer": ["orm"], "same": ["db.system.name"]}, 2),
    ],
)
def test_spans_are_ranked_where_several_may_report_one(given: dict[str, Any], passes: int) -> None:
    sources = {"it": source(**given)}
    groups = duplicates.duplicate_groups(sources)
    assert len(groups) == passes
    assert all(group["context"] == "span" and group["statements"] for group in groups)
    assert len(duplicates.several_group(sources)) == min(passes, 1)


def test_one_source_with_ranks_is_enough() -> None:
    sources = {"page": source(kind="server"), "call": source(dialects=[WRAPPED])}
    assert len(duplicates.duplicate_groups(sources)) == FOUND
    assert len(duplicates.several_group(sources)) == 1
    text = str(duplicates.duplicate_groups(sources))
    assert '"call"' in text
    assert '"page"' not in text
