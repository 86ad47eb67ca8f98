"""The goals of the page on overhead are judged by what each scenario adds."""

from __future__ import annotations

from typing import Any

import pytest

from bench import overhead_page as page


def samples(added: dict[str, float], **odd: float) -> Any:
    """Return two rounds. added: microseconds by scenario; the second round is twice as slow."""
    found: dict[str, list[dict[str, dict[str, float]]]] = {}
    for scenario, more in {"bare": 0.0, **added}.items():
        for way in (*page.SATURATED, page.PACED):
            taken = 100.0 + odd.get(way, 1.0) * more
            figures = dict.fromkeys(("cpu", "mean", "p99"), taken)
            slower = {name: 2 * value for name, value in figures.items()}
            rounds = [dict.fromkeys(page.REQUESTS, figures), dict.fromkeys(page.REQUESTS, slower)]
            found[f"{scenario}/{way}"] = rounds
    return found


ADDED = {"defaults": 1000.0, "rendered": 450.0, "lean": 300.0, "plan, all": 300.0}


def met(given: Any) -> list[bool]:
    return [goal.met for goal in page.ratio_goals(given)]


def test_shares_are_of_what_is_added() -> None:
    assert met(samples(ADDED)) == [True] * 6
    goal = page.ratio_goals(samples(ADDED))[0]
    assert goal.text == "rendered: at most 45% of the CPU that the defaults add"
    assert goal.found.startswith("health in-process 45%, cached in-process 45%")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"rendered": 460.0}, [False, True, True, True, True, True]),
        ({"rendered": 610.0}, [False, False, False, True, True, True]),
        ({"lean": 301.0}, [True, True, True, False, False, False]),
        ({"plan, all": -1.0}, [True, True, True, False, False, False]),
        ({"plan, all": -1.0, "lean": -2.0}, [True] * 6),
    ],
)
def test_one_share_too_large_is_a_no(changed: dict[str, float], expected: list[bool]) -> None:
    assert met(samples({**ADDED, **changed})) == expected
