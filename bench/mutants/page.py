"""The page: the score of each module, what no test noticed, and what none has to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

import bench.mutants
from bench import report
from bench.harness import Run
from bench.project import packages

# Module -> name of a mutation -> why it is no fault.
Harmless = Mapping[str, Mapping[str, str]]
HARMLESS = Path(__file__).with_name("harmless.yaml")
GOAL = 0.9
NAME = "mutants"


@dataclass(frozen=True)
class Survivor:
    """A mutation that no test noticed. why: it is no fault; None when it is one."""

    line: int
    key: str
    why: str | None


@dataclass
class Found:
    """What a module's mutations came to.

    total: how many there are; judged: how many ran; measured: when, UTC; controls: runs without
    any mutation, and how many of them failed.
    """

    suite: str
    module: str
    total: int
    judged: int
    survivors: list[Survivor]
    measured: str
    controls: int = 0
    failed: int = 0

    @property
    def name(self) -> str:
        """The module as the page shows it."""
        return f"`{self.module}`"

    @property
    def noticed(self) -> int:
        """The mutations that a test noticed."""
        return self.judged - len(self.survivors)

    @property
    def counted(self) -> int:
        """The mutations that a test must notice."""
        return self.judged - sum(survivor.why is not None for survivor in self.survivors)


def read_harmless() -> Harmless:
    """Return the mutations that are no faults."""
    found: Harmless = yaml.safe_load(HARMLESS.read_text("utf-8"))
    return found


def percent(noticed: int, counted: int) -> str:
    """Return a score, e.g. ``93.1 %``."""
    return f"{100 * noticed / counted:.1f} %" if counted else "-"


def read(folder: Path) -> list[Found]:
    """Return what the page in a folder says; nothing where there is none."""
    file = folder / f"{NAME}.json"
    if not file.exists():
        return []
    results = json.loads(file.read_text("utf-8"))["results"]
    return [
        Found(**{**one, "survivors": [Survivor(**survivor) for survivor in one["survivors"]]})
        for one in results
    ]


def write(found: Sequence[Found], run: Run, sample: int, seed: int, folder: Path) -> None:
    """Write the page and its figures to a folder."""
    noticed, judged = sum(one.noticed for one in found), sum(one.judged for one in found)
    counted = sum(one.counted for one in found)
    controls, failed = sum(one.controls for one in found), sum(one.failed for one in found)
    scores = report.Table(
        "Score by module",
        (
            "suite",
            "module",
            "mutations",
            "run",
            "noticed",
            "no faults",
            "score",
            "of all run",
            "on",
        ),
        [
            (
                one.suite,
                one.name,
                str(one.total),
                str(one.judged),
                str(one.noticed),
                str(one.judged - one.counted),
                percent(one.noticed, one.counted),
                percent(one.noticed, one.judged),
                one.measured,
            )
            for one in found
        ],
    )
    short = [one for one in found if one.noticed < GOAL * one.counted]
    survivors = report.Table("Not noticed", ("place", "line", "mutation"))
    excused = report.Table("No faults", ("place", "mutation", "why"))
    for one in found:
        for survivor in one.survivors:
            line, _, what = (part.replace("|", "\\|") for part in survivor.key.rpartition(" | "))
            if survivor.why is None:
                survivors.rows.append((f"{one.name}:{survivor.line}", f"`{line}`", f"`{what}`"))
            else:
                excused.rows.append((one.name, f"`{line}`: `{what}`", survivor.why))
    report.write(
        report.Page(
            NAME,
            "Benchmark: mutations of the planning modules",
            bench.mutants.__doc__ or "",
            packages("pytest"),
            [scores, survivors, excused],
            [
                report.Goal(
                    f"{GOAL:.0%} of the mutations are noticed by a test of values",
                    f"{percent(noticed, counted)}; {percent(noticed, judged)} when those that are"
                    " no faults count as well",
                    noticed >= GOAL * counted,
                ),
                report.Goal(
                    f"{GOAL:.0%} of each module's",
                    f"{len(found) - len(short)} of {len(found)} modules",
                    not short,
                ),
                report.Goal(
                    "without a mutation nothing fails",
                    f"{failed} of {controls} runs",
                    not failed,
                ),
            ],
            [dataclasses.asdict(one) for one in found],
            {"mutations per module": sample or "all", "seed": seed},
        ),
        run,
        folder,
    )
