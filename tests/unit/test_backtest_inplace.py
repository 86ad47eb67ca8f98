"""Records that history lacks: the text that stands where they were read."""

from __future__ import annotations

import pytest

from imsobs.backtest.inplace import UnknownInPlaceError, in_place
from imsobs.model.rules import Record, recorded_in


def record(name: str, expr: str, interval: str = "15s") -> Record:
    return Record(name, expr, "", "group", interval, ("rules", name))


FAST, SLOW = record("a:b:fast", "sum(x)"), record("a:b:slow", "max(y)", "2m")
OVER = record("a:b:over", "a:b:slow / a:b:fast", "2m")
MARK = 'label_replace(vector(1), "imsobs_chosen", "1", "", "")'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("other > 1", "other > 1"),
        ("a:b:fast > 1", "(sum(x)) > 1"),
        ("1 < a:b:fast", "1 < (sum(x))"),
        ("a:b:slow > 1", "last_over_time((max(y))[120s:120s]) > 1"),
        ("rate(a:b:fast[5m]) > 1", "rate((sum(x))[5m:15s]) > 1"),
        ("a:b:fast offset 1w", "last_over_time((sum(x))[15s:15s] offset 1w)"),
        ("a:b:fast offset -1w > 2", "last_over_time((sum(x))[15s:15s] offset - 1w) > 2"),
        ("a:b:fast @ end() > 2", "last_over_time((sum(x))[15s:15s] @ end ( )) > 2"),
        ("max_over_time(a:b:fast[1d:1m])", "max_over_time((sum(x))[1d:1m])"),
        # Evaluated more often than it is recorded, or at times of which nothing is known.
        (
            "max_over_time(a:b:fast[1d:10s])",
            "max_over_time(last_over_time((sum(x))[15s:15s])[1d:10s])",
        ),
        (
            "max_over_time(a:b:fast[1d:])",
            "max_over_time(last_over_time((sum(x))[15s:15s])[1d:])",
        ),
        # Both are evaluated when the record that reads them is.
        ("a:b:over", "last_over_time(((max(y)) / (sum(x)))[120s:120s])"),
        ('{__name__="a:b:fast"} > 1', "(sum(x)) > 1"),
        ('x{q="a:b:fast"} > a:b:fast', 'x{q="a:b:fast"} > (sum(x))'),
    ],
)
def test_a_record_gives_way_to_its_expression(expression: str, expected: str) -> None:
    missing = {one.name: one for one in (FAST, SLOW, OVER)}
    assert in_place(expression, missing, 15) == expected


def test_labels_are_chosen_by_a_mark_that_is_taken_away_again() -> None:
    missing = {"a:b:fast": FAST}
    marked = 'label_replace((sum(x)), "imsobs_chosen", "1", "queue", "a\\\\.b")'
    chosen = f"{marked} and on (imsobs_chosen) {MARK}"
    assert in_place('a:b:fast{queue="a.b"}', missing, 15) == (
        f'label_replace({chosen}, "imsobs_chosen", "", "", "")'
    )
    assert " unless on (imsobs_chosen) " in in_place('a:b:fast{queue!~"a|b"}', missing, 15)


def test_an_anchored_range_of_a_record_is_refused() -> None:
    with pytest.raises(UnknownInPlaceError, match="anchored"):
        in_place("increase(a:b:fast[5m] anchored)", {"a:b:fast": FAST}, 15)


def test_a_record_that_reads_itself_ends() -> None:
    own = record("a:b:own", "a:b:own offset 1w or sum(x)")
    assert in_place("a:b:own", {"a:b:own": own}, 15) == "(a:b:own offset 1w or sum(x))"


def test_records_are_found_through_one_another() -> None:
    records = {one.name: one for one in (FAST, SLOW, OVER)}
    assert recorded_in("a:b:over > 1", records) == ["a:b:fast", "a:b:over", "a:b:slow"]
    assert recorded_in("other > 1", records) == []
