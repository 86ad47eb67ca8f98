"""What came of the incidents of a game day, kept row by row and written as a page."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.project import components
from bench.quiet import Quiet
from bench.report import FOLDER, Goal, Page, Table
from imsobs.runtime.drill.queries import silent

NAME = "gameday"


@dataclass
class Played:
    """What came of an incident. first: seconds to the first notification, None when none came.

    told: the alerts of the notifications, by name -> severity. text: description of the first.
    trace, record: whether the last step found one; None when the incident fails no request.
    load: the machine's load average before.
    """

    name: str
    goal: float
    told_as: str
    first: float | None = None
    told: dict[str, str] = field(default_factory=dict)
    text: str = ""
    queries: dict[str, int | None] = field(default_factory=dict)
    trace: bool | None = None
    record: bool | None = None
    date: str = ""
    load: float = 0.0

    @property
    def met(self) -> bool:
        """Whether one notification came in time, from the alert that knows the cause."""
        soon = self.first is not None and self.first <= self.goal
        return soon and list(self.told) == [self.told_as]

    @property
    def all_answer(self) -> bool:
        """Whether each query of the runbook gave data while the alert fired."""
        return bool(self.queries) and not silent(self.queries)

    @property
    def found(self) -> bool | None:
        """Whether a failed request was found; None when none failed."""
        return None if self.trace is None else bool(self.trace and self.record)


@dataclass
class Results:
    """What was found so far: the incidents by name, and the ordinary traffic."""

    played: dict[str, Played] = field(default_factory=dict)
    quiet: Quiet | None = None


def known(folder: Path | None) -> Results:
    """Return what was found before, so that one incident can be played again."""
    file = (folder or FOLDER) / f"{NAME}.json"
    if not file.is_file():
        return Results()
    kept = json.loads(file.read_text("utf-8"))["results"]
    played = {name: Played(**row) for name, row in kept["incidents"].items()}
    return Results(played, Quiet(**kept["quiet"]) if kept["quiet"] else None)


def page(results: Results, names: list[str], about: str) -> Page:
    """Return the page. names: of the incidents, in their order."""
    rows = [results.played[name] for name in names if name in results.played]
    tables = [_incidents(rows), _texts(rows)]
    if results.quiet:
        tables.append(_quiet(results.quiet))
    data: dict[str, Any] = {
        "incidents": {played.name: asdict(played) for played in rows},
        "quiet": asdict(results.quiet) if results.quiet else None,
    }
    versions = components("prometheus", "alertmanager", "otelcol", "jaeger")
    return Page(NAME, "Game day", about, versions, tables, _goals(rows, results.quiet), data)


def _incidents(rows: list[Played]) -> Table:
    columns = ["incident", "first notification", "goal", "notifications", "told as"]
    columns += ["runbook queries that answered", "trace", "record", "played", "load before"]
    table = Table("Incidents", columns)
    for played in rows:
        severities = Counter(played.told.values())
        empty = silent(played.queries)
        answered = f"{len(played.queries) - len(empty)} of {len(played.queries)}"
        table.rows.append(
            [
                played.name,
                "none" if played.first is None else f"{played.first:.0f} s",
                f"{played.goal:.0f} s",
                ", ".join(f"{count} {name}" for name, count in severities.items()) or "none",
                ", ".join(played.told),
                answered + (f" (nothing: {', '.join(empty)})" if empty else ""),
                _found(played.trace),
                _found(played.record),
                played.date,
                f"{played.load:.1f}",
            ]
        )
    return table


def _texts(rows: list[Played]) -> Table:
    texts = Table("What the first notification said", ["incident", "description"])
    texts.rows = [[played.name, played.text] for played in rows]
    return texts


def _quiet(quiet: Quiet) -> Table:
    columns = ["minutes", "requests", "fired besides the Watchdog", "pending for half of the time"]
    table = Table("Ordinary traffic", [*columns, "played", "load before"])
    fired, pending = ", ".join(quiet.fired) or "nothing", ", ".join(quiet.pending) or "nothing"
    row = [f"{quiet.minutes:g}", str(quiet.requests), fired, pending, quiet.date]
    table.rows.append([*row, f"{quiet.load:.1f}"])
    return table


def _goals(rows: list[Played], quiet: Quiet | None) -> list[Goal]:
    wanted = {
        "one notification of each incident, within its goal": [row.met for row in rows],
        "every query of its runbook gives data": [row.all_answer for row in rows],
        "a failed request's trace and record are found": [
            row.found for row in rows if row.found is not None
        ],
    }
    goals = [Goal(text, f"{sum(met)} of {len(met)}", all(met)) for text, met in wanted.items()]
    if quiet:
        text = "ordinary traffic fires nothing but the Watchdog"
        found = f"{', '.join(quiet.fired) or 'nothing'} in {quiet.minutes:g} minutes"
        goals.append(Goal(text, found, quiet.met))
    return goals


def _found(value: bool | None) -> str:
    return "" if value is None else "found" if value else "not found"
