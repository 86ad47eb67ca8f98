"""How a comparison is printed: lines, JSON, Markdown, and annotations of GitHub's workflows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from imsobs.changes.change import Change, Rank
from imsobs.changes.metrics import bridges
from imsobs.changes.revision import Revision
from imsobs.findings.finding import Finding, Level
from imsobs.findings.github import workflow_commands
from imsobs.markdown import code
from imsobs.model.estimate import Load, estimate, human, most_series
from imsobs.problems import dotted

REQUESTS_PER_DAY = 1_000_000
_MENTION = re.compile(r"@(?=[A-Za-z0-9])")
_LEVELS = {
    Rank.breaking: Level.error,
    Rank.behaviour: Level.warning,
    Rank.cosmetic: Level.note,
}


@dataclass(frozen=True)
class Report:
    """The changes between two revisions, each with its place."""

    before: Revision
    after: Revision
    changes: list[Change]

    def place(self, change: Change) -> tuple[str, int]:
        """Return file and line of a change: in the old revision where the entry is gone."""
        return (self.before if change.removed else self.after).place(change.path)

    def ranked(self) -> Iterator[tuple[Rank, list[Change]]]:
        """Yield the changes of each rank that has any."""
        for rank in Rank:
            if found := [change for change in self.changes if change.rank is rank]:
                yield rank, found

    def capacity(self) -> list[tuple[str, str, str]]:
        """Return (what, before, after) of series, disk and memory, at a million requests a day."""
        rows = []
        for model in (self.before.model, self.after.model):
            needs = estimate(model, Load.of(model, REQUESTS_PER_DAY))
            rows.append(
                (
                    str(most_series(model)),
                    human(sum(need.disk for need in needs)),
                    human(sum(need.memory for need in needs)),
                )
            )
        return list(zip(("series", "disk", "memory"), *rows, strict=True))


def lines(report: Report) -> Iterator[str]:
    """Yield the report as plain lines."""
    if not report.changes:
        yield f"nothing changes from {report.before.name} to {report.after.name}"
        return
    for rank, found in report.ranked():
        yield f"{rank.name} ({len(found)})"
        for change in found:
            file, line = report.place(change)
            yield f"  {file}:{line}: {_sentence(change)}"
    yield f"capacity, at {REQUESTS_PER_DAY} requests a day"
    for what, old, new in report.capacity():
        yield f"  {what:<7} {old}" + (f" -> {new}" if new != old else "")


def _sentence(change: Change) -> str:
    used = f"; used by {', '.join(change.uses)}" if change.uses else ""
    return " ".join(f"{dotted(change.path)}: {change.text}{used}".split())


def data(report: Report) -> dict[str, Any]:
    """Return the report as JSON."""
    rows = []
    for change in report.changes:
        file, line = report.place(change)
        rows.append(
            {
                "rank": change.rank.name,
                "file": file,
                "line": line,
                "path": list(change.path),
                "text": change.text,
                "uses": list(change.uses),
            }
        )
    capacity = {what: {"before": old, "after": new} for what, old, new in report.capacity()}
    return {
        "before": report.before.name,
        "after": report.after.name,
        "changes": rows,
        "capacity": capacity,
        "requests_per_day": REQUESTS_PER_DAY,
    }


def markdown(report: Report) -> Iterator[str]:
    """Yield the report as Markdown, for a comment of a pull request."""
    yield f"### What changes from {code(report.before.name)}"
    yield ""
    if not report.changes:
        yield "Nothing."
        return
    for rank, found in report.ranked():
        yield f"**{rank.name}** ({len(found)})"
        yield ""
        for change in found:
            file, line = report.place(change)
            yield f"- {_escaped(_sentence(change))} ({code(f'{file}:{line}')})"
        yield ""
    yield f"| at {REQUESTS_PER_DAY} requests a day | before | after |"
    yield "|---|---|---|"
    for what, old, new in report.capacity():
        yield f"| {what} | {old} | {new} |"


def _escaped(text: str) -> str:
    """Return text as it is: without markup, and naming nobody who would be notified."""
    plain = "".join(f"\\{char}" if char in "\\`*_{}[]<>|#!&~" else char for char in text)
    return _MENTION.sub("@<!-- -->", plain)


def github(report: Report) -> Iterator[str]:
    """Yield GitHub's workflow commands, the gravest first."""
    return workflow_commands(
        # A removed entry has no line any more in the files that are reviewed.
        Finding(
            _LEVELS[change.rank],
            report.after.document.locate(change.path),
            change.rank.name,
            _sentence(change),
        )
        for change in report.changes
    )


def bridge_rules(report: Report) -> dict[str, Any]:
    """Return a Prometheus rule file that records each renamed series under its old name, too."""
    rules = [
        {"record": old, "expr": new}
        for old, new in bridges(report.before.model, report.after.model)
    ]
    return {"groups": [{"name": "bridge", "rules": rules}] if rules else []}


# What prints each format of lines but that of commands.
LINES: dict[str, Callable[[Report], Iterator[str]]] = {
    "text": lines,
    "markdown": markdown,
}
