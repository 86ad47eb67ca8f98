"""Conditions of the Collector: where they do not parse, and what they name."""

from __future__ import annotations

import pytest

from imsobs import ottl

# Condition -> its fault, and the text that stands where it is told.
FAULTS = {
    'span.attributes["a" != nil': ("this [ is not closed", '["a" != nil'),
    'span.attributes["a] != nil': ("this quote is not closed", '"a] != nil'),
    '(span.name == "a"': ("this ( is not closed", '(span.name == "a"'),
    'span.name == "a")': ("this ) closes nothing", ")"),
    "Len(span.name] > 1": ("this ] closes nothing, while ( is open", "] > 1"),
    'span.name = "a"': ("= means nothing here; write ==", '= "a"'),
    "span.name == 'a'": ('\' means nothing here; write double quotes: "..."', "'a'"),
    'span.name == "a" && true': ("& means nothing here; write and", "&& true"),
    "span.name": ("a value is no condition; compare it, as with != nil", "span.name"),
    "not span.name": ("a value is no condition of not; compare it", "not span.name"),
    "true or span.name": ("a value is no condition of or; compare it", "span.name"),
    'span.name == "a" true': ("true is unexpected; join conditions with and, or", "true"),
    "span.name ==": ("a value belongs here, not the end", ""),
    "span.name == and true": ("a value belongs here, not and", "and true"),
    'span. == "a"': ("a name belongs behind the dot, not ==", '== "a"'),
    "": ("a value belongs here, not the end", ""),
}


@pytest.mark.parametrize("text", FAULTS)
def test_where_a_condition_does_not_parse(text: str) -> None:
    with pytest.raises(ottl.Fault) as found:
        ottl.parse(text)
    assert (str(found.value), text[found.value.at :]) == FAULTS[text]


def test_deep_nesting_is_refused_before_python_refuses() -> None:
    with pytest.raises(ottl.Fault, match="nests deeper"):
        ottl.parse("(" * 5000 + "true" + ")" * 5000)


def test_what_a_condition_names() -> None:
    text = (
        'not IsMatch(span.attributes["a"]["b"], "^x") and (span.kind == SPAN_KIND_SERVER'
        ' or ParseJSON(resource.attributes["j"], depth = 2)["k"] == -1 + 2 * 3)'
    )
    found = ottl.parse(text)
    assert [token.text for token in found.paths] == [
        "span.attributes", "span.kind", "resource.attributes",
    ]  # fmt: skip
    assert [token.text for token in found.enums] == ["SPAN_KIND_SERVER"]
    assert [token.text for token in found.functions] == ["IsMatch", "ParseJSON"]
    assert [token.text for token in found.patterns] == ['"^x"']
    assert text[found.paths[1].at :].startswith("span.kind")
