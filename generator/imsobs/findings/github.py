"""Workflow commands: what GitHub shows as annotations at the lines of a change under review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imsobs.findings.finding import Finding, Level
from imsobs.problems import dotted
from imsobs.terminal import printable

# Of one step GitHub shows so many annotations of a level, and only logs the others.
MOST = 10
# The runner cuts a message behind so many characters.
LONGEST = 4096
_COMMANDS = {Level.error: "error", Level.warning: "warning", Level.note: "notice"}


def workflow_commands(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield one line per finding, the gravest first, and how many of a level are left out.

    The lines hold nothing of the findings outside of a command: what a text of a spec says is
    never read as a command itself.
    """
    given = list(findings)
    for level in Level:
        found = [finding for finding in given if finding.level is level]
        for finding in found[:MOST]:
            place = finding.place
            properties = {
                "file": place.file,
                "line": str(place.line),
                "col": str(place.column),
                "title": finding.title,
            }
            written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
            yield f"::{_COMMANDS[level]} {written}::{_data(_text(finding))}"
        if len(found) > MOST:
            yield f"{len(found) - MOST} more of level {level} are not shown"


def _text(finding: Finding) -> str:
    text = f"{dotted(finding.path)}: {finding.message}" if finding.path else finding.message
    text = printable(text, lines=True, most=len(text))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
