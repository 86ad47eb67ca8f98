"""Where the parts of an expression stand, and what is said of one that does not parse."""

from __future__ import annotations

import contextlib

import pytest

from imsobs import promql
from imsobs.promql.functions import FUNCTIONS
from imsobs.promql.places import placed, range_at
from imsobs.promql.syntax import explain
from imsobs.promql.words import words

# An expression, and the words at which its nodes stand, depth first; "" is none.
PLACED = [
    ("rate(x[5m])", "rate||x"),
    ("a / b", "/|a|b"),
    ("-a - -b", "-||a||b"),
    ("a offset 5m > bool b @ start()", ">|a|b"),
    ("sum(a) by (x) > -0.5", ">|sum|a|"),
    ("count(a) or max without (x) (b) # min(c)", "or|count|a|max|b"),
    ("a * on (x) group_left (y) - b", "*|a||b"),
    ("topk(5, increase(a[1h] anchored)) and (a unless b)", "and|topk||increase||a||unless|a|b"),
    ('{__name__="a"} < Inf', "<|{|"),
]


@pytest.mark.parametrize(("expression", "expected"), PLACED)
def test_nodes_stand_at_their_words(expression: str, expected: str) -> None:
    found = []
    for (_, place), word in zip(placed(expression), expected.split("|"), strict=True):
        at = place.at if place else 0
        found.append(expression[at : at + len(word)] if place else "")
    assert "|".join(found) == expected


def test_two_nodes_of_one_word_have_two_places() -> None:
    expression = 'sum(a{x="1"}) by (y) / sum by (z) (a{x="2"})'
    places = [place for _, place in placed(expression) if place]
    assert [place.at for place in places] == [21, 0, 4, 23, 35]
    aggregations = [places[1], places[3]]
    assert [place.labels for place in aggregations] == [{"y": 18}, {"z": 31}]
    assert [place.values for place in (places[2], places[4])] == [{"1": 9}, {"2": 40}]


def test_ranges_are_found_by_their_length() -> None:
    expression = "rate(a[1h]) / rate(a[30s] offset 5m)"
    assert range_at(expression, 30) == expression.index("[30s]")
    assert range_at(expression, 60) is None


@pytest.mark.parametrize(
    ("expression", "message", "at"),
    [
        ("a && b", '"&" is no operator of PromQL; write and', "&&"),
        ("a || b", '"|" is no operator of PromQL; write or', "||"),
        ("a = 5", '"=" stands in {} only; write == to compare', "= 5"),
        ('a{b=="c"}', '"==" compares values; a label is matched by =', "=="),
        ("a{b=c}", 'a label is matched by a text: "c", in quotes', "c}"),
        ("a{b=5}", 'a label is matched by a text: "5", in quotes', "5}"),
        ('a{b="c" d="e"}', 'a comma is missing before "d"', "d="),
        ('a{b="c}', "this quote is not closed", '"c'),
        ("sum(rate(a[5m])", "this ( is not closed", "(rate"),
        ("sum(rate(a[5m)))", "this [ is not closed before )", "[5m"),
        ("sum(a))", "this ) closes nothing", ")"),
        (
            "rate(a[5 minutes])",
            "[5 minutes] is no range; write whole numbers with a unit, as [5m]",
            "[",
        ),
        ("rate(a)", "rate takes a range of a metric, as rate(METRIC[5m])", "rate"),
        (
            "avg(a[5m])",
            "an aggregation takes no range; take a rate of it first, as sum(rate(METRIC[5m]))",
            "",
        ),
        (
            "rate(sum(a)[5m])",
            "only a metric has a range; write rate(METRIC[5m]) inside, or record this first",
            "",
        ),
        ("rates(a[5m])", 'there is no function "rates"; did you mean "rate"?', "rates"),
        ("sum by a (b)", "by takes labels in brackets, as by (LABEL)", "by"),
        ("sum(a by (b))", "by belongs to an aggregation, as sum by (LABEL) (...)", "by"),
        ("sum by (a) rate(b[5m])", "sum takes its value in brackets, as sum(...)", "rate"),
        ("a b", 'no operator stands before "b"', "b"),
        ("a +", 'no value stands behind "+"', "+"),
        ("1 + * 2", 'no value stands before "*"', "* 2"),
        ("a > 1,000", "a comma stands between the arguments of a function only", ",000"),
        (
            "histogram_quantile(a)",
            "expected 2 argument(s) in call to 'histogram_quantile', got 1",
            "h",
        ),
    ],
)
def test_what_does_not_parse_is_told_with_its_cause(expression: str, message: str, at: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the parser's own
        promql.parse(expression)
    told, place = explain(error.value, expression)
    assert told == message
    assert place is None if not at else place is not None and expression[place:].startswith(at)


def test_the_parser_has_these_functions() -> None:
    told = []
    for function in FUNCTIONS:
        # Called without arguments, most are refused for that.
        with contextlib.suppress(ValueError):
            promql.parse(f"{function}()")
            continue
        with pytest.raises(ValueError, match="expected") as error:
            promql.parse(f"{function}()")
        told.append(str(error.value))
    assert told
    assert not [text for text in told if "unknown function" in text]


def test_words_leave_out_comments() -> None:
    assert [word.text for word in words("a # b\n+ 'c # d'")] == ["a", "+", "'c # d'"]
