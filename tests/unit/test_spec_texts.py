"""A place in a text of the spec is found in its YAML, however the text is written there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imsobs.problems import Problem, part
from imsobs.spec.load import load
from imsobs.spec.reader import Reader, read_text
from imsobs.spec.texts import position

WRITTEN = {
    "plain": "a: one two XX three\n",
    "plain over lines": "a: one two\n  three\n  four XX five\n",
    "literal": "a: |\n  one\n    two XX\n  three\n",
    "literal with a comment": "a: |- # of it\n  one\n\n  two XX\n",
    "literal with its indent": "a: |2\n    one\n   XX\n",
    "folded": "a: >\n  one two\n  three\n\n  four XX\n",
    "single quotes": "a: 'it''s one\n  of XX'\n",
    "double quotes": 'a: "one\\n\\ttwo \\x41\\u00e9 \\\n    \\"XX\\" "\n',
    "windows": "a: |\r\n  one\r\n  two XX\r\n",
    "in a list in braces": "a: {b: [one, two XX]}\n",
    "other letters": "a: größer 🙂 XX\n",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_place_is_that_of_the_character(name: str) -> None:
    text = WRITTEN[name]
    reader = Reader("spec.yaml")
    read_text(text, reader)
    assert not reader.problems
    (source,) = (s for s in reader.sources.values() if "XX" in s.text)
    found = position(source, source.text.index("XX"), "spec.yaml")
    assert found is not None
    line = text.split("\n")[found.line - 1]
    assert line[found.column - 1 :].startswith("XX")


@settings(max_examples=150, deadline=None)
@given(
    st.text("abc \n'\"\\\té:#-", min_size=1, max_size=60),
    st.sampled_from(["|", ">", "'", '"', None]),
    st.integers(10, 80),
)
def test_of_whatever_text(text: str, style: str | None, width: int) -> None:
    written = f"{text}\nXX" if "\n" in text else f"{text} XX"
    dumped = yaml.dump({"a": [written]}, default_style=style, width=width, allow_unicode=True)
    reader = Reader("spec.yaml")
    assert read_text(dumped, reader)["a"][0] == written
    found = position(reader.sources[("a", 0)], written.index("XX"), "spec.yaml")
    assert found is not None
    assert dumped.split("\n")[found.line - 1][found.column - 1 :].startswith("XX")


@pytest.mark.parametrize(
    ("text", "offset", "column"), [("one two", 4, 10), ("two", 0, 10), ("three two", 6, 3)]
)
def test_a_part_that_is_not_written_is_told_at_its_key(
    tmp_path: Path, text: str, offset: int, column: int
) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text("a:\n  b: one two\n")
    document, problems = load([file])
    assert not problems
    place, _ = document.told(Problem(("a", "b"), "?", "x/y", part=part(text, offset)))
    assert (place.line, place.column) == (2, column)
