"""Telemetry on the terminal and in pages: what strangers name is shown, never obeyed."""

from __future__ import annotations

import ast
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

import imsobs.cli
from imsobs.cli import output
from imsobs.cli.tables import (
    alert_table,
    component_table,
    status_lines,
    telemetry_table,
    trace_tree,
)
from imsobs.preview import svg
from imsobs.preview.fetch import _series
from imsobs.preview.traces import _row
from imsobs.runtime.firing import FiringAlert
from imsobs.runtime.progress import ConsoleProgress
from imsobs.runtime.status import ComponentStatus, Status, Telemetry
from imsobs.runtime.traces import parse_trace
from imsobs.terminal import printable

# Title and clipboard of the terminal, cursor, C1's CSI, bell, backspace, line and paragraph
# separators, reversed text, rich's own markup.
HOSTILE = (
    "\x1b]0;owned\x07 \x1b]52;c;ZXZpbA==\x07 \x1b[2J\x1b[31m \x9b31m \a\b\r\n"
    "\u2028\u2029\u202e [bold red]x[/] [link=http://evil]y[/link] \x85\u200b\ufeff"
)
FORBIDDEN = [c for c in HOSTILE if not c.isprintable() and c != "\n"]


def shown(*renderables: Any, terminal: bool = False) -> str:
    console = Console(file=StringIO(), width=400, force_terminal=terminal, color_system=None)
    for renderable in renderables:
        console.print(renderable)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def hostile_trace() -> dict[str, Any]:
    tags = [{"key": name, "value": HOSTILE} for name in ("http.route", "error.type", HOSTILE)]
    fields = [{"key": "event", "value": HOSTILE}, {"key": HOSTILE, "value": HOSTILE}]
    span = {
        "spanID": HOSTILE, "operationName": HOSTILE, "startTime": 1, "duration": 1,
        "processID": "p", "references": [], "tags": tags,
        "logs": [{"timestamp": 2, "fields": fields}],
    }  # fmt: skip
    return {"traceID": HOSTILE, "processes": {"p": {"serviceName": HOSTILE}}, "spans": [span]}


HOSTILE_ALERT = FiringAlert(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE, HOSTILE)


def hostile_status() -> Status:
    row = ComponentStatus(HOSTILE, HOSTILE, False, HOSTILE, HOSTILE, None, None, HOSTILE)
    facts = Telemetry(1, 2, {HOSTILE: HOSTILE}, alerts=[HOSTILE_ALERT])
    return Status("native", [row], facts, [HOSTILE])


def test_nothing_of_a_trace_or_a_status_is_obeyed() -> None:
    status = hostile_status()
    trace = output.foreign(hostile_trace()["traceID"])
    text = shown(
        trace_tree(trace, parse_trace(hostile_trace())),
        component_table(status.components),
        telemetry_table(status.telemetry),
        alert_table(status.telemetry.alerts or ()),
        *status_lines(status),
        terminal=True,
    )
    for character in FORBIDDEN:
        assert character not in text, ascii(character)
    # Shown, not swallowed; and markup is text.
    assert "\\x1b]0;owned\\x07" in text
    assert "\\u2028" in text
    assert "[bold red]x[/]" in text


@pytest.mark.parametrize("data", [HOSTILE, [HOSTILE], {HOSTILE: HOSTILE}])
def test_json_says_the_same_in_ascii(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=StringIO(), soft_wrap=True, color_system=None)
    monkeypatch.setattr(output, "results", console)
    output.print_json(data)
    output.print_plain(HOSTILE)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    printed = text.partition("\\x1b]0;owned")[0]
    assert json.loads(printed) == data
    assert text.isascii()
    assert not [c for c in FORBIDDEN if c in text]


def test_progress_and_errors_are_shown_the_same_way() -> None:
    console = Console(file=StringIO(), width=400, color_system=None)
    progress = ConsoleProgress(console, live=False)
    progress.note(HOSTILE)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert not [c for c in FORBIDDEN if c in text]
    error = shown(f"error: {output.foreign(f'a{HOSTILE}b', lines=True)}")
    assert not [c for c in FORBIDDEN if c in error]


def test_pages_get_printable_names_only() -> None:
    (series,) = _series([({"__name__": "x", "model": HOSTILE}, [(1.0, "1")])], "{{model}}")
    row = _row(hostile_trace())
    for text in (series.name, series.labels["model"], *row):
        assert text.isprintable(), ascii(text)
    drawn = svg.text(0, 0, series.name)
    assert "\u2028" not in drawn


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("plain ümlaut 日本", {}, "plain ümlaut 日本"),
        ("a\nb\tc", {}, "a\\nb\\tc"),
        ("a\nb\tc", {"lines": True}, "a\nb    c"),
        ("\x1b[31m", {}, "\\x1b[31m"),
        ("x" * 10, {"most": 4}, "xxxx..."),
        ("", {}, ""),
        # What GitHub's and Azure's runners take for commands, anywhere: a table may break there.
        ("a ::error file=x::b", {}, "a :\\x3aerror file=x::b"),
        ("::stop-commands::t", {"lines": True}, ":\\x3astop-commands::t"),
        ("a##[add-matcher]x", {}, "a#\\x23[add-matcher]x"),
        ("##vso[task.setvariable variable=x]y", {}, "#\\x23vso[task.setvariable variable=x]y"),
        (
            "::1 fe80::1 std::fmt::Result ## [x] service:a::b",
            {},
            "::1 fe80::1 std::fmt::Result ## [x] service:a::b",
        ),
    ],
)
def test_what_does_not_print_is_escaped(text: str, options: dict[str, Any], expected: str) -> None:
    assert printable(text, **options) == expected


COMMANDS = "x ::error file=a::b\n  ::stop-commands::t\n##[set-output name=x;]y ##vso[task.x]z"


def _obeyed(text: str) -> list[str]:
    """Return the lines that a runner would take for commands."""
    lines = text.splitlines()
    return [x for x in lines if x.lstrip().startswith("::") or "##[" in x or "##vso[" in x]


def test_no_runner_of_builds_obeys_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _obeyed(COMMANDS)
    console = Console(file=StringIO(), soft_wrap=True, color_system=None)
    monkeypatch.setattr(output, "results", console)
    output.print_plain(COMMANDS)
    output.print_json({COMMANDS: [COMMANDS]})
    console.print(output.foreign(COMMANDS, lines=True))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert not _obeyed(text), text
    printed = text[text.index("{\n") : text.rindex("}") + 1]
    assert json.loads(printed) == {COMMANDS: [COMMANDS]}
    # A narrow table breaks its lines anywhere.
    table = Table(box=None)
    table.add_column(width=9)
    table.add_row(output.foreign(COMMANDS))
    assert not _obeyed(shown(table))


def test_names_with_colons_are_no_pictures() -> None:
    for console in (output.results, output.errors):
        assert console.render_str(output.foreign("service:a:b"), emoji=console._emoji).plain == (
            "service:a:b"
        )


def test_no_command_has_another_way_to_print() -> None:
    """rich's escape and consoles, print and typer.echo are in one module of the command line."""
    folder = Path(imsobs.cli.__file__).parent
    others = []
    for file in folder.glob("*.py"):
        if file.name == "output.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "rich.markup":
                others.append(f"{file.name}: rich.markup")
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in ("print", "results.out", "results.print_json", "sys.stdout.write"):
                    others.append(f"{file.name}: {name}")
    assert others == []
