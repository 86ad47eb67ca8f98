"""Commands on the operation of the stack: reload, preflight, secrets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imsobs.cli.app import FOUR_CHECKS, OPERATIONS, STACK, app
from imsobs.cli.options import AsFormat, Format, Root
from imsobs.cli.output import foreign, print_json, results
from imsobs.cli.spec import model_or_exit
from imsobs.errors import ExitCode


@app.command(rich_help_panel=STACK)
def reload(
    root: Root = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Also what read its files since they changed last.")
    ] = False,
    format: AsFormat = Format.text,
) -> None:
    """Load changed configuration into the running stack."""
    from imsobs.runtime.paths import layout_for
    from imsobs.runtime.process.plan import load_plan
    from imsobs.runtime.reload import reload_running

    layout = layout_for(root)
    found = reload_running(load_plan(layout.root), layout, force=force)
    if format is Format.json:
        print_json([asdict(item) for item in found])
    else:
        colours = {"reloaded": "green", "rejected": "red", "restart": "yellow"}
        for item in found:
            colour = colours.get(item.outcome, "dim")
            detail = f"  {foreign(item.detail)}" if item.detail else ""
            results.print(f"[{colour}]{item.outcome:9}[/] {item.component}{detail}")
            for change in item.rules:
                results.print(f"          {foreign(change.line)}")
    if any(item.outcome == "rejected" for item in found):
        raise typer.Exit(ExitCode.FINDINGS)


@app.command(rich_help_panel=OPERATIONS, epilog=FOUR_CHECKS)
def preflight(
    root: Root = Path(),
    requests_per_day: Annotated[
        float, typer.Option(min=1, help="Expected rate, for disk and memory.")
    ] = 1_000_000,
    test_alert: Annotated[
        bool, typer.Option("--test-alert", help="Send an alert through the running stack.")
    ] = False,
    format: AsFormat = Format.text,
) -> None:
    """Check a deployment before users depend on it: passwords, receivers, disk, an alert."""
    from imsobs.cli.tables import print_findings
    from imsobs.runtime.paths import layout_for
    from imsobs.runtime.preflight import examine

    layout = layout_for(root)
    model = model_or_exit(layout.root, None)
    findings = examine(model, layout, requests_per_day, test_alert)
    if print_findings(findings, format):
        raise typer.Exit(ExitCode.FINDINGS)


@app.command(rich_help_panel=OPERATIONS)
def secrets(root: Root = Path()) -> None:
    """Write the secret files that compose mounts, from the environment or stack/.env."""
    from imsobs.runtime import secrets as stack_secrets
    from imsobs.runtime.paths import layout_for

    layout = layout_for(root)
    stack_secrets.prepare(layout.root)
    results.print(f"[green]ok[/] {stack_secrets.PASSWORD_FILE}")
