"""``imsobs verify``: the real software's verdict on what is rendered."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from imsobs import write
from imsobs.cli.app import SPEC, app
from imsobs.cli.options import AsFormat, Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import model_or_exit, refuse_drift
from imsobs.compile import render_model
from imsobs.errors import ExitCode

if TYPE_CHECKING:
    from imsobs.runtime.verify import Verdict


@app.command(rich_help_panel=SPEC)
def verify(root: Root = Path(), overlay: Overlay = None, format: AsFormat = Format.text) -> None:
    """Have promtool, amtool, the Collector and the others accept the rendered files.

    The files must be what the spec (with its overlays) says: the validators read
    whatever a configuration names, and what rendering wrote names nothing of the sort.
    """
    from imsobs.runtime.verify import verify_all

    refuse_drift(write.changes(root, render_model(model_or_exit(root, overlay, format))))
    verdicts: list[Verdict] = []
    with errors.status("running the validators") as status:
        for verdict in verify_all(root.resolve()):
            status.update(foreign(f"{verdict.component}: {verdict.subject}"))
            verdicts.append(verdict)
    refused = [v for v in verdicts if not v.ok and not v.skipped]
    if format is Format.json:
        print_json([asdict(v) for v in verdicts])
    else:
        _print(verdicts)
    if refused:
        raise typer.Exit(ExitCode.FINDINGS)


def _print(verdicts: list[Verdict]) -> None:
    table = Table("validator", "subject", "verdict", "", box=None, pad_edge=False)
    for verdict in verdicts:
        word = "[yellow]skipped[/]" if verdict.skipped else "[green]accepted[/]"
        if not verdict.ok and not verdict.skipped:
            word = "[bold red]refused[/]"
        table.add_row(
            foreign(verdict.component),
            foreign(verdict.subject),
            word,
            foreign(verdict.detail, lines=True),
        )
    results.print(table)
