"""Faults: every test of the fault matrix, and what it saw.

The native stack is broken on purpose, and what is left is counted by unique ids. The faults and
the promises are those of the guide (docs/guide/faults.md, which also says why they hold); the
tests are in `tests/faults`, and CI runs them all.

    python -m bench.faults
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bench.harness import ROOT, measured
from bench.project import components
from bench.report import Goal, Page, Table, write

_GUIDE = ROOT / "docs" / "guide" / "faults.md"


@dataclass(frozen=True)
class Row:
    """A line of the guide's matrix."""

    fault: str
    promise: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What became of a test. name: with its parameters; outcome: passed, failed or skipped."""

    name: str
    outcome: str
    seconds: float
    seen: tuple[str, ...]


def main() -> None:
    """Run the fault tests and write their page; exit with pytest's code."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run:
        code, results = run_tests("faults")
    write(page(read_matrix(_GUIDE.read_text("utf-8")), results), run, given.out)
    sys.exit(code)


def run_tests(mark: str, *arguments: str) -> tuple[int, dict[str, list[Result]]]:
    """Run the tests that have a mark; return pytest's exit code and what became of each."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # The newer family of reports has no place for what a test saw.
        command = [sys.executable, "-m", "pytest", "-m", mark, *arguments]
        command += [f"--junitxml={report}", "-o", "junit_family=xunit1"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        return code, read_results(report.read_text("utf-8"))


def read_matrix(text: str) -> list[Row]:
    """Return the rows of the guide's table; a row without a fault belongs to the one above."""
    rows: list[Row] = []
    for line in text.splitlines():
        if not (line.startswith("|") and "`test_" in line):
            continue
        fault, promise, proof = (cell.strip() for cell in line.strip("|").split(" | "))
        tests = tuple(re.findall(r"`(test_\w+)`", proof))
        rows.append(Row(fault or rows[-1].fault, promise, tests))
    return rows


def read_results(text: str) -> dict[str, list[Result]]:
    """Return test function -> results, one for each set of parameters, of a JUnit report."""
    found: dict[str, list[Result]] = {}
    # Written by pytest a moment ago, not by a stranger.
    for case in ElementTree.fromstring(text).iter("testcase"):  # noqa: S314
        name = case.get("name", "")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        else:
            outcome = "passed" if case.find("skipped") is None else "skipped"
        seen = tuple(
            item.get("value", "") for item in case.iter("property") if item.get("name") == "seen"
        )
        result = Result(name, outcome, float(case.get("time", "0")), seen)
        found.setdefault(name.partition("[")[0], []).append(result)
    return found


def page(matrix: Sequence[Row], results: Mapping[str, Sequence[Result]]) -> Page:
    """Return the page. results: those of each test function."""
    return Page(
        "faults",
        "Faults",
        __doc__ or "",
        components("otelcol", "prometheus", "alertmanager", "jaeger"),
        [table(matrix, results)],
        [kept("every promise of the fault matrix is kept", results)],
        raw(results),
    )


def table(matrix: Sequence[Row], results: Mapping[str, Sequence[Result]]) -> Table:
    """Return each row of a matrix with its result and what its tests saw."""
    found = Table("The matrix, with each row's result", ["fault", "promise", "result", "seen"])
    for row in matrix:
        ran = [result for test in row.tests for result in results.get(test, ())]
        seen = "; ".join(text for result in ran for text in result.seen)
        found.rows.append([row.fault, row.promise, _verdict(ran), seen])
    return found


def kept(text: str, results: Mapping[str, Sequence[Result]]) -> Goal:
    """Return the goal that every test passes."""
    every = [result for ran in results.values() for result in ran]
    held = bool(every) and all(result.outcome == "passed" for result in every)
    return Goal(text, _verdict(every), held)


def raw(results: Mapping[str, Sequence[Result]]) -> dict[str, Any]:
    """Return the results as plain data."""
    return {name: [vars(result) for result in ran] for name, ran in results.items()}


def _verdict(ran: Sequence[Result]) -> str:
    """Return ``3 of 3 passed, 14 s``."""
    passed = sum(result.outcome == "passed" for result in ran)
    seconds = sum(result.seconds for result in ran)
    others = [f"{r.name} {r.outcome}" for r in ran if r.outcome != "passed"]
    return f"{passed} of {len(ran)} passed, {seconds:.0f} s" + "".join(f"; {o}" for o in others)


if __name__ == "__main__":
    main()
