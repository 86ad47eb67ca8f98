"""Commands on the operation of the stack: reload, preflight, secrets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from imsobs.cli.app import FOUR_CHECKS, OPERATIONS, STACK, app
from imsobs.cli.options import AsFormat, Context, Format, Overlay, Root
from imsobs.cli.output import foreign, print_json, results
from imsobs.cli.spec import model_or_exit
from imsobs.compile import render_model
from imsobs.errors import ExitCode, ImsobsError


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
    overlay: Overlay = None,
    requests_per_day: Annotated[
        float, typer.Option(min=1, help="Expected rate, for disk and memory.")
    ] = 1_000_000,
    test_alert: Annotated[
        bool, typer.Option("--test-alert", help="Send an alert through the running stack.")
    ] = False,
    machine: Annotated[
        bool, typer.Option("--machine", help="This machine, also where the spec has a cluster.")
    ] = False,
    context: Context = None,
    format: AsFormat = Format.text,
) -> None:
    """Check a deployment before users depend on it: passwords, receivers, disk, an alert.

    With a section `kubernetes` in the spec or an overlay: what the cluster lacks before the
    manifests are applied. It is only read, and of Secrets the keys alone.
    """
    from imsobs.cli.tables import print_findings
    from imsobs.runtime import preflight as of_machine
    from imsobs.runtime.cluster import kubectl
    from imsobs.runtime.cluster import preflight as of_cluster
    from imsobs.runtime.paths import layout_for

    layout = layout_for(root)
    model = model_or_exit(layout.root, overlay)
    if machine or model.spec.kubernetes is None:
        if context is not None:
            message = "--context names a cluster, and this preflight checks a machine"
            remedy = "give the section kubernetes, in the spec or by --overlay"
            raise ImsobsError(message, remedy=remedy, exit_code=ExitCode.INPUT)
        findings = of_machine.examine(model, layout, requests_per_day, test_alert)
    else:
        if test_alert:
            message = (
                "--test-alert uses the stack on this machine, and this preflight checks a cluster"
            )
            remedy = "imsobs verify --cluster, or --machine"
            raise ImsobsError(message, remedy=remedy, exit_code=ExitCode.INPUT)
        found = kubectl.found(context)
        findings = of_cluster.examine(model, render_model(model), found, requests_per_day)
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
