"""Remedies are values that the spec takes; a hostile file is refused in under a second."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from imsobs.compile import read_spec
from imsobs.promql import parse
from imsobs.spec.schema.base import seconds
from imsobs.spec.values import duration

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = {
    "brackets": "(" * 5000 + "ims_requests_total" + ")" * 5000,
    "sums": "+".join(["ims_requests_total"] * 1000),
    "signs": "-" * 15000 + "ims_requests_total",
    "names": " or ".join(f"ims_requests_tota{i}" for i in range(800)),
}


@pytest.mark.parametrize(
    ("given", "total"),
    [("5 minutes", 300), ("30 days", 2592000), ("1.5h", 5400), ("2 Hours", 7200), ("0.5 s", None),
     ("0 min", None), ("soon", None), ("5 parsecs", None), ("5 months", None)],
)  # fmt: skip
def test_the_offered_duration_is_one_and_as_long(given: str, total: int | None) -> None:
    _, offered, remedy = duration(given).partition("; write ")
    assert offered
    if total is None:
        assert remedy == "whole numbers with s, m, h, d or w, as 1h30m"
    else:
        assert seconds(remedy) == total


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_expression_is_refused_in_a_second(kind: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"alerts:\n  CriticalErrorRate:\n    expr: '{HOSTILE[kind]}'\n")
    start = time.process_time()
    lines = read_spec([ROOT / "spec/ims.yaml", overlay]).lines()
    assert len(lines) == 1
    assert "[promql/syntax]" in lines[0]
    # A second where it runs alone; the reading of the spec itself is most of it.
    assert time.process_time() - start < 2


def test_brackets_inside_texts_do_not_count() -> None:
    parse('ims_x{a="' + "(" * 200 + "+" * 300 + '"}')
