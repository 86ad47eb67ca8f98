"""imsobs drift: whether what runs is what is rendered."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imsobs.cli.app import STACK, app
from imsobs.cli.options import AsFormat, Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import model_or_exit, spec_files
from imsobs.compile import read_spec
from imsobs.errors import ExitCode
from imsobs.problems import dotted


@app.command(rich_help_panel=STACK)
def drift(
    root: Root = Path(),
    overlay: Overlay = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing when there is none; for cron.")
    ] = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Also tell the Collector, for the alerts of the pack drift."),
    ] = False,
    format: AsFormat = Format.text,
) -> None:
    """Compare what runs with what is rendered, component by component; exit 1 if it differs.

    Each component is asked itself: configuration, rules and their health, flags, silences that
    hide an alert for more than a day, arguments, binaries and files as they were read.
    """
    from imsobs.runtime.drift.report import report as tell
    from imsobs.runtime.drift.run import collect
    from imsobs.runtime.paths import layout_for
    from imsobs.runtime.process.plan import load_plan

    layout = layout_for(root)
    model = model_or_exit(layout.root, overlay)
    document = read_spec(spec_files(layout.root, overlay)).document
    found = collect(load_plan(layout.root), layout, model)
    if report:
        tell(found, model)
    places = [document.locate(one.spec) if one.spec else None for one in found]
    if format is Format.json:
        rows = [
            {
                **asdict(one),
                "spec": list(one.spec),
                "file": place.file if place else None,
                "line": place.line if place else None,
            }
            for one, place in zip(found, places, strict=True)
        ]
        print_json({"drift": bool(found), "differences": rows})
    else:
        for one, place in zip(found, places, strict=True):
            told = f"  {place.file}:{place.line} {dotted(one.spec)}" if place else ""
            results.print(f"[red]{foreign(one.line)}[/][dim]{foreign(told)}[/]")
        if found:
            errors.print(
                f"{len(found)} differences; imsobs reload --force or imsobs up brings back what is"
            )
            errors.print("rendered, imsobs render what the spec says")
        elif not quiet:
            errors.print("[green]ok[/] what runs is what is rendered")
    if found:
        raise typer.Exit(ExitCode.FINDINGS)
