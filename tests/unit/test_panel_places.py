"""Where panels of a row stand: widths and heights worked out by hand."""

from __future__ import annotations

import pytest

from imsobs.model.dashboards.layout import Place, lines, place_rows, shares


@pytest.mark.parametrize(
    ("count", "widths"),
    [
        (0, []),
        (1, [24]),
        (2, [12, 12]),
        (3, [8, 8, 8]),
        (5, [5, 5, 5, 5, 4]),
        (7, [4, 4, 4, 3, 3, 3, 3]),
    ],
)
def test_a_line_of_24_columns_is_shared(count: int, widths: list[int]) -> None:
    assert shares(count) == widths


@pytest.mark.parametrize(
    ("count", "per_line"),
    [(1, [1]), (3, [3]), (4, [2, 2]), (5, [3, 2]), (6, [3, 3]), (7, [3, 2, 2])],
)
def test_at_most_three_graphs_stand_side_by_side(count: int, per_line: list[int]) -> None:
    found = lines([("timeseries", None)] * count)
    assert [len(line) for line in found] == per_line
    assert all(sum(width for _, width in line) == 24 for line in found)


@pytest.mark.parametrize(("count", "per_line"), [(8, [8]), (9, [5, 4]), (16, [8, 8])])
def test_at_most_eight_numbers_stand_side_by_side(count: int, per_line: list[int]) -> None:
    assert [len(line) for line in lines([("stat", None)] * count)] == per_line


def test_one_graph_among_numbers_makes_it_a_row_of_graphs() -> None:
    assert [len(line) for line in lines([("stat", None)] * 3 + [("timeseries", None)])] == [2, 2]


def test_panels_keep_their_order() -> None:
    shown = ["stat", "logs", "states", "timeseries"]
    found = lines([(show, None) for show in shown])  # type: ignore[misc]
    assert [show for line in found for show, _ in line] == shown


def test_with_one_width_given_the_others_have_8_columns_and_numbers_4() -> None:
    found = lines([("timeseries", 12), ("stat", None), ("timeseries", None), ("logs", None)])
    assert found == [[("timeseries", 12), ("stat", 4), ("timeseries", 8)], [("logs", 8)]]
    # 24 columns are a full line, not one too many.
    assert lines([("logs", 16), ("logs", 8), ("stat", 1)]) == [
        [("logs", 16), ("logs", 8)],
        [("stat", 1)],
    ]


def test_rows_lie_below_each_other_each_but_the_first_with_a_header() -> None:
    placed = place_rows(
        {
            "A": [("stat", None), ("stat", None)],
            "B": [("logs", 16), ("stat", 8), ("states", 24)],
            "C": [("timeseries", None)],
            "D": [("stat", None)],
        }
    )
    assert placed["A"].header is None
    assert placed["A"].panels == [Place(0, 0, 12, 4), Place(12, 0, 12, 4)]
    # A line is as high as its highest panel: logs 10, states 7, numbers 4, anything else 8.
    assert placed["B"].header == 4
    assert placed["B"].panels == [Place(0, 5, 16, 10), Place(16, 5, 8, 10), Place(0, 15, 24, 7)]
    assert (placed["C"].header, placed["C"].panels) == (22, [Place(0, 23, 24, 8)])
    assert (placed["D"].header, placed["D"].panels) == (31, [Place(0, 32, 24, 4)])
