"""The mutation tester: what it changes, what it leaves alone, and that its judge notices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import measured
from bench.mutants import judge, page, texts
from bench.mutants.__main__ import updated, with_controls
from bench.mutants.code import Mutant
from bench.mutants.suites import PACKAGE, SUITES, Suite

SOURCE = '''\
"""Words of a docstring > 1."""
LIMITS = {"a": 3, "b": 0.5}

def left(used: int = 1) -> str:
    found = [f"1 - {n} / {used}" for n in LIMITS if used >= 2 and n]
    found.append("Share of events, more than 5 of them.")
    return f"sum by (x) (increase(y[5m]))" if not found else found[0]
'''


@pytest.fixture
def mutant(tmp_path: Path) -> Mutant:
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    return Mutant(file)


def test_operators_numbers_conditions_and_entries_are_changed(mutant: Mutant) -> None:
    what = {mutation.what for mutation in mutant.mutations}
    assert what >= {
        "without 'a'",
        "3 -> 4",
        "0.5 -> 1.0",
        "GtE -> Gt",
        "And -> Or",
        "- -> + in '1 -'",
        "/ -> * in '/'",
        "sum -> max in 'sum by (x) (inc'",
        "by -> without in 'sum by (x) (increa'",
        "5 -> 6 in '(increase(y[5m]))'",
        "without if used >= 2 and n",
        "not found -> found",
    }
    # Text for people, and what only describes types.
    assert not [one for one in what if ("events" in one and "->" in one) or "docstring" in one]


def test_a_mutation_changes_one_thing(mutant: Mutant) -> None:
    plain: dict[str, object] = {}
    exec(Mutant(mutant.file).compiled(None), plain)  # noqa: S102
    assert plain["LIMITS"] == {"a": 3, "b": 0.5}
    (number,) = [n for n, one in enumerate(mutant.mutations) if one.what == "3 -> 4"]
    changed: dict[str, object] = {}
    exec(mutant.compiled(mutant.mutations[number]), changed)  # noqa: S102
    assert changed["LIMITS"] == {"a": 4, "b": 0.5}
    assert mutant.keys[number] == 'LIMITS = {"a": 3, "b": 0.5} | 3 -> 4'


def test_every_mutation_has_a_name_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("ALIKE = [1, 2, 1]\n")
    keys = Mutant(file).keys
    assert {"ALIKE = [1, 2, 1] | 1 -> 2", "ALIKE = [1, 2, 1] | 1 -> 2 (2)"} <= set(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("Events in {}.", True),
        ("what is left of the budget", True),
        ("sum by (x) (rate(y[5m])) and on () z", False),
        ('set(a, b) where c == nil and not IsMatch(d, "x")', False),
        (" or vector(0) * 0", False),
    ],
)
def test_text_for_people_is_left_alone(text: str, prose: bool) -> None:
    assert texts.is_prose(text) is prose


def test_the_judge_tells_a_wrong_value_from_a_right_one() -> None:
    """In a process of its own: it forks, and imports the package anew."""
    command = [sys.executable, "-m", "bench.mutants", "model/routes.py", "--sample", "2"]
    done = subprocess.run(
        [*command, "--jobs", "1"],
        cwd=PACKAGE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "    2 of    2, 100.0 %"


def test_runs_without_a_mutation_are_among_the_others() -> None:
    numbers = list(range(45))
    runs = with_controls(numbers)
    assert [place for place, run in enumerate(runs) if run == judge.CONTROL] == [0, 21, 42]
    assert [run for run in runs if run != judge.CONTROL] == numbers
    assert with_controls([]) == [judge.CONTROL]


def test_no_suite_is_judged_by_committed_files() -> None:
    root = PACKAGE.parents[1] / "tests"
    for suite in SUITES:
        assert suite.files(), suite.name
        for test in suite.tests:
            text = (root / test).read_text("utf-8")
            assert "--check" not in text, f"{test} compares with what is committed"
            assert "committed" not in text, f"{test} compares with what is committed"


def test_every_excused_mutation_is_of_a_module_that_is_judged() -> None:
    modules = {str(file.relative_to(PACKAGE)) for suite in SUITES for file in suite.files()}
    harmless = page.read_harmless()
    assert harmless.keys() <= modules
    # A colon in a reason makes a mapping of it.
    assert all(isinstance(why, str) for whys in harmless.values() for why in whys.values())


def test_the_score_leaves_out_what_is_no_fault() -> None:
    survivors = [page.Survivor(1, "a | b", None), page.Survivor(2, "c | d", "the same order")]
    found = page.Found("s", "m.py", 12, 10, survivors, "2026-01-01 00:00")
    assert (found.noticed, found.counted) == (8, 9)
    assert page.percent(found.noticed, found.counted) == "88.9 %"


def test_a_module_that_is_measured_anew_takes_its_place_on_the_page(tmp_path: Path) -> None:
    def found(module: str, noticed: int) -> page.Found:
        left = [page.Survivor(1, f"line | {n}", None) for n in range(10 - noticed)]
        return page.Found("s", module, 10, 10, left, "2026-01-01 00:00", 1)

    assert page.read(tmp_path) == []
    with measured() as run:
        pass
    first, second = "outputs/alertmanager.py", "model/budget.py"
    before = [found("gone.py", 1), found(first, 8), found(second, 9)]
    page.write(before, run, 10, 20, tmp_path)
    assert page.read(tmp_path) == before
    both = updated(page.read(tmp_path), [found(second, 10)])
    assert both == [found(first, 8), found(second, 10)]


def test_suites_are_told_apart_by_name() -> None:
    assert len({suite.name for suite in SUITES}) == len(SUITES)
    assert all(isinstance(suite, Suite) for suite in SUITES)
