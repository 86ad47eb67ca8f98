"""A benchmark's page says how far the rounds of one case are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bench.harness import Run
from bench.report import Page, write


@pytest.mark.parametrize(
    ("repeated", "said"),
    [
        ({"a": [9, 10, 11], "b": [1, 1], "c": [2, 3, 1]}, "20% of the median apart in the middle"),
        ({"a": [9, 10, 11], "b": [1, 1], "c": [2, 3, 1]}, "of the 3 cases, 100% at most."),
        ({"a": [1], "b": [1]}, None),
        ({}, None),
    ],
)
def test_what_was_measured_several_times_is_compared(
    repeated: Mapping[str, Sequence[float]], said: str | None, tmp_path: Path
) -> None:
    page = Page("name", "Benchmark: name", "", {}, [], [], {}, repeated=repeated)
    write(page, Run(), tmp_path)
    text = (tmp_path / "name.md").read_text()
    assert ("measured again" in text) is (said is not None)
    if said is not None:
        assert said in text
