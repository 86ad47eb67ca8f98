"""Patterns of keys in few expressions: they find the keys that the patterns find, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsobs.compile import read_spec
from imsobs.redaction import beginnings

ROOT = Path(__file__).resolve().parents[2]


def _finds(patterns: tuple[str, ...], key: str) -> bool:
    # Python's $ is also before a line feed that ends the text, Go's is not.
    return any(re.search(pattern.replace("$", r"\Z"), key) for pattern in patterns)


@pytest.mark.parametrize(
    ("patterns", "expressions"),
    [
        (("^ab", "^ac$"), (r"^a(?:b(?s:.*)$|c$)",)),
        # What is longer than a beginning is found by it.
        (("^a(b|bc$)",), (r"^ab(?s:.*)$",)),
        ((r"^(x\.)?y(\.|$)",), (r"^(?:x\.y(?:$|\.(?s:.*)$)|y(?:$|\.(?s:.*)$))",)),
        # Without an end, or not at the beginning: as they are, together.
        ((r"^a[b-d]", "e", "^fg"), (r"^fg(?s:.*)$", "^(?:(?:a[b-d]))|(?:e)")),
        (("^a|^b",), ("(?:^a|^b)",)),
        (("^a|b",), ("(?:^a|b)",)),
        ((r"^[|a]\|(b|c)",), (r"^(?:(?:[|a]\|(b|c)))",)),
        (("^a{2}", r"^\d", "^(?i)b"), (r"^(?:(?:(?i)b)|(?:\d)|(?:a{2}))",)),
        (("^", "^a"), ("^(?:(?:)|(?:a))",)),
    ],
)
def test_patterns_become_expressions(
    patterns: tuple[str, ...], expressions: tuple[str, ...]
) -> None:
    assert beginnings.expressions(patterns) == expressions


_PATTERN = st.from_regex(r"\A\^(\((a|b|ab)\|(b|a\.)\)\??|[ab]|\\\.|a\?){1,4}(\(\\\.\|\$\)|\$)?\Z")


@given(st.lists(_PATTERN, min_size=1, max_size=4), st.from_regex(r"\A[ab.]{0,6}\n?\Z"))
def test_they_find_what_the_patterns_find(patterns: list[str], key: str) -> None:
    given_patterns = tuple(p.replace(".", r"\.").replace(r"\\.", r"\.") for p in patterns)
    assert _finds(beginnings.expressions(given_patterns), key) == _finds(given_patterns, key)


def test_the_keys_that_are_dropped_are_those_of_the_patterns() -> None:
    model = read_spec([ROOT / "spec/ims.yaml"]).model
    assert model is not None
    patterns = tuple(model.dropped)
    found = beginnings.expressions(patterns)
    assert len(found) < len(patterns) / 4
    words = sorted({word for p in patterns for word in re.findall(r"[A-Za-z_]+|\.", p)})
    keys = [f"{first}{second}" for first in words for second in [*words, "", ".messages"]]
    # Those of the patterns themselves, whole, cut off and with something behind them.
    keys += [
        key
        for pattern in patterns
        for text in beginnings.written_out(pattern)
        for key in (text.text, text.text[:-1], text.text + "x", text.text + ".0.content")
    ]
    hits = {key for key in keys if _finds(patterns, key)}
    assert hits == {key for key in keys if _finds(found, key)}
    assert 400 < len(hits) < len(keys) / 2
