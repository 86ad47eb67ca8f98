"""`imsobs diff`: what a change of the spec means."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs.cli.app import SPEC, app
from imsobs.cli.options import Overlay, Root
from imsobs.cli.output import errors, print_commands, print_json, print_plain
from imsobs.cli.spec import compiled_or_exit
from imsobs.errors import ExitCode
from imsobs.yamlio import dump

if TYPE_CHECKING:
    from imsobs.changes.report import Report


class DiffFormat(StrEnum):
    """How the changes are printed."""

    text = "text"
    json = "json"
    markdown = "markdown"
    github = "github"


class FailOn(StrEnum):
    """The least grave rank of changes that ends the command with exit code 1."""

    breaking = "breaking"
    behaviour = "behaviour"
    cosmetic = "cosmetic"


@app.command(rich_help_panel=SPEC)
def diff(
    other: Annotated[
        str, typer.Argument(metavar="REV|FILE", help="A git revision, or another spec.")
    ] = "HEAD",
    root: Root = Path(),
    overlay: Overlay = None,
    format: Annotated[
        DiffFormat,
        typer.Option("--format", help="How changes are printed; github: workflow annotations."),
    ] = DiffFormat.text,
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", help="Exit 1 when there are changes of this rank or above."),
    ] = None,
    bridge: Annotated[
        bool,
        typer.Option("--bridge", help="Print rules that keep renamed series under old names."),
    ] = False,
    comment: Annotated[
        bool,
        typer.Option(
            "--comment", help="In CI: also write the one comment of the pull or merge request."
        ),
    ] = False,
) -> None:
    """Say what changed since a revision: metrics, alerts, who is notified, what is shown.

    Ranks: breaking (something is gone, means something else or protects less), behaviour,
    cosmetic. Overlays are laid over both sides.
    """
    # No other command needs these: each would start later.
    from imsobs.changes import Rank, compare, report
    from imsobs.changes.revision import Revision, revision

    after, model = compiled_or_exit(root, overlay)
    with revision(root, other, overlay or []) as before:
        found = compare(before.model, model)
        here = Revision("the working tree", after.document, model)
        result = report.Report(before, here, found)
        if bridge:
            print_plain(dump(report.bridge_rules(result)), end="")
        elif format is DiffFormat.json:
            print_json(report.data(result))
        elif format is DiffFormat.github:
            print_commands(report.github(result))
        else:
            for line in report.LINES[format.value](result):
                print_plain(line)
        if comment:
            _comment(result)
    if fail_on is not None and any(change.rank <= Rank[fail_on.value] for change in found):
        raise typer.Exit(ExitCode.FINDINGS)


def _comment(result: Report) -> None:
    from imsobs.changes import comment, report

    text = "\n".join(report.markdown(result))
    spec = result.after.document.root
    done = comment.publish(comment.forge(os.environ), spec, text, keep_quiet=not result.changes)
    errors.print(f"[green]ok[/] comment: {done}")
