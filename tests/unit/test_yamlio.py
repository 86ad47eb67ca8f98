"""Dumping: what is written, any reader takes for the same data."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imsobs import yamlio
from imsobs.spec.reader import Yaml12Loader

_DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(_DATA)
def test_what_is_dumped_is_read_back(data: Any) -> None:
    assert yamlio.parse(yamlio.dump(data)) == data
    assert yaml.safe_load(yamlio.dump(data)) == data


WORDS = ("yes", "no", "on", "off", "y", "n", "true", "null", "~", "NaN", "Infinity", "<<", "=")
NUMBERS = ("1", "1.5", "1e3", "1:30", "0x1f", "0o17", "1_000", ".inf", ".nan", "007", "+1", "0b1")
MARKS = ("- a", "a: b", "a #b", "{{ $value }}", "%", "@x", "`x`", "*a", "&a", "!a", "|", ">", "'")
SPACES = ("", " ", "a\n\n", "a\nb", "a\n\nb\n", "\ttab", "trailing ", "a\n b\n", "\x7f", "\u2028")


@pytest.mark.parametrize("text", [*WORDS, *NUMBERS, *MARKS, *SPACES, '"', "é", "2024-10-01"])
def test_ambiguous_texts_stay_texts_for_every_reader(text: str) -> None:
    dumped = yamlio.dump({"key": text, text: "value"} if text else {"key": text})
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        assert yaml.load(dumped, Loader=loader)["key"] == text  # noqa: S506
    node = yaml.compose(dumped, Loader=Yaml12Loader)
    value = node.value[0][1]
    assert value.value == text
    assert value.tag == "tag:yaml.org,2002:str"


def test_shared_data_is_written_out() -> None:
    shared = {"a": 1}
    assert yamlio.dump({"one": shared, "two": shared}) == "one:\n  a: 1\ntwo:\n  a: 1\n"


def test_order_is_kept_and_texts_of_lines_are_blocks() -> None:
    assert yamlio.dump({"b": "one\ntwo\n", "a": (1, 2)}) == "b: |\n  one\n  two\na:\n- 1\n- 2\n"


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "a: 1\n---\nb: 2\n"]
)
def test_a_page_is_plain_data_with_each_key_once(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yamlio.parse(text)
