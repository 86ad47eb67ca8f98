"""What a message suggests is right: taken, the fault is gone, and there is no other."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mistakes import SPEC

from imsobs.compile import read_spec

TEXT = SPEC.read_text()
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{3,}")
_PROSE = {"description", "summary", "meaning", "impact", "causes", "mitigation", "escalation"}
# What stands alone under these keys is a name that somebody chose, and nothing it could be.
_CHOSEN = {"title", "group", "source", "runbooks", "dashboards", "url", "log_file", "url_file",
           "key_file", "channel", "namespace", "names", "environments"}  # fmt: skip


def _words(node: yaml.Node, key: str = "") -> list[tuple[int, str]]:
    """Return the words of the spec that name something, with the characters before them."""
    if isinstance(node, yaml.MappingNode):
        found = []
        for inner, value in node.value:
            if inner.value in _PROSE:
                continue
            found += _words(inner) + _words(value, inner.value)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [word for item in node.value for word in _words(item, key)]
    begin, end = node.start_mark.index, node.end_mark.index
    if key in _CHOSEN:
        return []
    return [(begin + m.start(), m[0]) for m in _WORD.finditer(TEXT[begin:end])]


WORDS = _words(yaml.compose(TEXT))


def _lines(folder: Path, text: str) -> list[str]:
    file = folder / "spec.yaml"
    file.write_text(text)
    return read_spec([file]).lines()


@st.composite
def slips(draw: st.DrawFn) -> tuple[str, str]:
    """Return the spec with one letter of a word left out, doubled or exchanged, and that word."""
    at, word = draw(st.sampled_from(WORDS))
    index = draw(st.integers(1, len(word) - 2))
    how = draw(st.sampled_from(("left out", "doubled", "exchanged")))
    letter, following = word[index], word[index + 1]
    instead = {"left out": "", "doubled": letter * 2, "exchanged": following + letter}[how]
    rest = word[index + 1 :] if how != "exchanged" else word[index + 2 :]
    wrong = word[:index] + instead + rest
    assume(wrong != word and wrong not in TEXT)
    return TEXT[:at] + wrong + TEXT[at + len(word) :], wrong


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(slips())
def test_a_suggestion_that_is_taken_leaves_no_fault(tmp_path: Path, slip: tuple[str, str]) -> None:
    text, wrong = slip
    for line in _lines(tmp_path, text):
        told = re.search(r'did you mean "([^"]+)"', line)
        # Of a declaration, the message is about those that name it.
        about = line.partition("did you mean")[0]
        if told and (f'"{wrong}"' in about or f"{wrong}: unknown key" in about):
            assert _lines(tmp_path, text.replace(wrong, told[1])) == [], line


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(slips())
def test_keys_that_are_called_available_are_keys(tmp_path: Path, slip: tuple[str, str]) -> None:
    text, wrong = slip
    for line in _lines(tmp_path, text):
        told = re.search(r"unknown key.*(?:available|nearest): ([\w, ]+) \[", line)
        for key in told[1].split(", ") if told else ():
            again = _lines(tmp_path, text.replace(wrong, key))
            assert not any(f"{key}: unknown key" in other for other in again), (key, again)
