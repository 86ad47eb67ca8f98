"""The page of a game day: rows that are kept, what counts as met, one incident played again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench import report
from bench.gameday_page import Played, Results, known, page
from bench.harness import Run
from bench.quiet import Quiet

GOOD = Played(
    "database-down",
    120,
    "DatabaseUnhealthy",
    first=63.4,
    told={"DatabaseUnhealthy": "critical"},
    text="lost",
    queries={"Failing statements": 2},
    trace=True,
    record=True,
    date="2026-11-26",
    load=0.5,
)
NAMES = ["database-down", "jaeger-away"]


@pytest.mark.parametrize(
    "change",
    [
        {"first": None},
        {"first": 121},
        {"told": {}},
        {"told": {"RouteErrorRate": "critical"}},
        {"told": {"DatabaseUnhealthy": "critical", "RouteErrorRate": "critical"}},
    ],
)
def test_one_notification_in_time_is_met(change: dict[str, object]) -> None:
    assert GOOD.met
    assert not dataclasses.replace(GOOD, **change).met  # type: ignore[arg-type]


def test_rows_are_kept_until_they_are_played_again(tmp_path: Path) -> None:
    assert known(tmp_path) == Results()
    away = Played("jaeger-away", 300, "TargetDown", queries={"Targets": 0})
    quiet = Quiet(30, 20_000, always=["Watchdog"])
    report.write(page(Results({away.name: away}, quiet), NAMES, ""), Run(), tmp_path)
    results = known(tmp_path)
    assert results == Results({away.name: away}, quiet)
    results.played[GOOD.name] = GOOD
    report.write(page(results, NAMES, ""), Run(), tmp_path)
    text = (tmp_path / "gameday.md").read_text()
    row = "| database-down | 63 s | 120 s | 1 critical | DatabaseUnhealthy | 1 of 1 | found | found"
    assert f"{row} | 2026-11-26 | 0.5 |\n| jaeger-away | none | 300 s | none |" in text
    assert "| 0 of 1 (nothing: Targets) |" in text
    assert "| 30 | 20000 | nothing | nothing |" in text
    assert "| one notification of each incident, within its goal | 1 of 2 | no |" in text
    assert "| every query of its runbook gives data | 1 of 2 | no |" in text
    assert "| a failed request's trace and record are found | 1 of 1 | yes |" in text
    assert (
        "| ordinary traffic fires nothing but the Watchdog | nothing in 30 minutes | yes |" in text
    )
