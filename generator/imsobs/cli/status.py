"""imsobs status: what runs and whether it is well, and what was seen of a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imsobs.cli import completion
from imsobs.cli.app import STACK, app
from imsobs.cli.livecheck import of_service, print_sections
from imsobs.cli.options import AsFormat, Format, Root
from imsobs.cli.output import errors, print_json, results
from imsobs.cli.stack import project
from imsobs.errors import ExitCode


@app.command(rich_help_panel=STACK)
def status(
    root: Root = Path(),
    service: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Also what was seen of this service within an hour.",
            autocompletion=completion.services,
        ),
    ] = None,
    format: AsFormat = Format.text,
) -> None:
    """Show components, targets, series, telemetry received and alerts.

    Exit code 1 when a component is ill, 4 when all answer and alerts fire that are not silenced.
    """
    from imsobs.cli.tables import alert_table, component_table, status_lines, telemetry_table
    from imsobs.runtime.status import collect

    plan, layout = project(root)
    told = of_service(service, layout.root, plan.api.prometheus) if service is not None else None
    found = collect(plan, layout)
    if format is Format.json:
        print_json(found.as_json() | ({} if told is None else {"service": told.report.as_json()}))
    else:
        results.print(component_table(found.components))
        results.print()
        results.print(telemetry_table(found.telemetry))
        if found.telemetry.alerts:
            results.print()
            results.print(alert_table(found.telemetry.alerts))
        if told is not None:
            results.print()
            print_sections(told)
        for line in status_lines(found):
            errors.print(line)
    if not found.healthy:
        raise typer.Exit(ExitCode.FINDINGS)
    if found.calling:
        raise typer.Exit(ExitCode.ALERTS)
