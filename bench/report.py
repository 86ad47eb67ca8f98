"""Writes a benchmark's page: Markdown for people, the same numbers as JSON."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.harness import ROOT, Run, machine, say, spread

FOLDER = ROOT / "docs" / "reference" / "benchmarks"


@dataclass
class Table:
    """A table with a heading. rows: texts, as many as there are columns."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    note: str = ""

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"## {self.title}", ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|" + "---|" * len(self.columns))
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        if self.note:
            lines += ["", self.note]
        return "\n".join([*lines, ""])


@dataclass
class Goal:
    """What was aimed at, what came out, and whether that is enough."""

    text: str
    found: str
    met: bool


@dataclass
class Page:
    """Everything that a benchmark reports.

    about: its module's docstring, of which what stands between the first line and the commands
    is printed; data: the raw figures, JSON-able; repeated: case -> its figure in each round.
    """

    name: str
    title: str
    about: str
    versions: dict[str, str]
    tables: list[Table]
    goals: list[Goal]
    data: dict[str, Any] | list[Any]
    settings: dict[str, Any] = field(default_factory=dict)
    repeated: Mapping[str, Sequence[float]] = field(default_factory=dict)


def write(page: Page, run: Run, folder: Path | None = None) -> None:
    """Write ``<name>.md`` and ``<name>.json``."""
    folder = folder or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "date": run.started,
        "command": _command(),
        "settings": page.settings,
        "machine": machine(),
        "versions": page.versions,
        "noise": {
            "load_average_before": round(run.noise.load_before, 2),
            "load_average_after": round(run.noise.load_after, 2),
            "cores_busy_with_other_work": round(run.noise.busy, 2),
            "seconds": round(run.noise.seconds, 1),
        },
    }
    goals = [vars(goal) for goal in page.goals]
    data = {"title": page.title, **facts, "goals": goals, "results": page.data}
    (folder / f"{page.name}.json").write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    (folder / f"{page.name}.md").write_text(_markdown(page, facts), "utf-8")
    (folder / "README.md").write_text(_index(folder), "utf-8")
    say(f"wrote {folder / page.name}.md and .json")


def _command() -> str:
    """Return the command of this run, without the folders that were given."""
    module = sys.modules["__main__"].__spec__
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--out")
    parser.add_argument("--caches")
    return shlex.join(
        ["python", "-m", module.name if module else "bench", *parser.parse_known_args()[1]]
    )


def _index(folder: Path) -> str:
    """Return the page that names every benchmark that has results, with its goals."""
    lines = [
        "<!-- Written by each benchmark. Do not edit: run one again. -->",
        "# Benchmarks",
        "",
        "What was aimed at and what was found; the pages have the tables, the machine and the",
        "versions. `make bench` measures everything anew.",
        "",
        "| benchmark | goal | found | met |",
        "|---|---|---|---|",
    ]
    for file in sorted(folder.glob("*.json")):
        data = json.loads(file.read_text("utf-8"))
        name = data["title"].partition(": ")[2] or data["title"]
        lines += [
            f"| [{name}]({file.stem}.md) | {goal['text']} | {goal['found']}"
            f" | {'yes' if goal['met'] else 'no'} |"
            for goal in data["goals"]
        ]
    return "\n".join(lines) + "\n"


def _differing(repeated: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the line that says how far the rounds of one case are apart."""
    shares = [
        (found.high - found.low) / found.median
        for found in map(spread, repeated.values())
        if found.rounds > 1
    ]
    if not shares:
        return []
    apart = spread(shares)
    return [
        f"The same case, measured again: the highest and the lowest of its rounds are"
        f" {apart.median:.0%} of the median apart in the middle of the {len(shares)} cases,"
        f" {apart.high:.0%} at most."
    ]


def _markdown(page: Page, facts: dict[str, Any]) -> str:
    here, noise = facts["machine"], facts["noise"]
    versions = ", ".join(f"{name} {version}" for name, version in page.versions.items())
    settings = ", ".join(f"{name} {value}" for name, value in page.settings.items())
    lines = [
        f"<!-- Written by `{facts['command']}`. Do not edit: run it again. -->",
        f"# {page.title}",
        "",
        page.about.partition("\n\n")[2].partition("\n\n    python")[0].strip(),
        "",
        f"`{facts['command']}`, {facts['date']}" + (f" ({settings})" if settings else "") + ".",
        f"{here['cpu']}, {here['cores']} cores, {here['memory_gib']} GiB, Linux {here['kernel']},"
        f" Python {here['python']}; {versions}.",
        f"Other work on the machine kept {noise['cores_busy_with_other_work']:.1f} of the"
        f" {here['cores']} cores busy during the run of {noise['seconds']:.0f} s"
        f" (load average {noise['load_average_before']} before, {noise['load_average_after']}"
        " after).",
        *_differing(page.repeated),
        "",
    ]
    if page.goals:
        lines += ["| goal | found | met |", "|---|---|---|"]
        lines += [f"| {g.text} | {g.found} | {'yes' if g.met else 'no'} |" for g in page.goals]
        lines.append("")
    body = "\n".join(table.markdown() for table in page.tables)
    return "\n".join(lines) + "\n" + body.rstrip("\n") + "\n"
