"""Commands on the operation of the stack: estimate, reload, preflight, secrets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from imsobs.cli.app import FOUR_CHECKS, OPERATIONS, STACK, app
from imsobs.cli.options import AsFormat, Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import model_or_exit
from imsobs.errors import ExitCode
from imsobs.model import Model
from imsobs.model.estimate import Load
from imsobs.spec.schema.kubernetes import Kubernetes


@app.command(rich_help_panel=OPERATIONS)
def estimate(
    requests_per_day: Annotated[float, typer.Option(min=1, help="Requests that are served a day.")],
    root: Root = Path(),
    overlay: Overlay = None,
    spans: Annotated[float, typer.Option(min=0, help="Spans of a request.")] = 6.0,
    records: Annotated[float, typer.Option(min=0, help="Log records of a request.")] = 8.0,
    kept: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of traces kept; from the spec.")
    ] = None,
    peak: Annotated[float, typer.Option(min=1, help="Busiest second over the mean.")] = 4.0,
    duration: Annotated[float, typer.Option(min=0, help="Mean time of a request, s.")] = 10.0,
    unended: Annotated[
        float, typer.Option(min=0, max=1, help="Share of traces that no request ends.")
    ] = 0.05,
    explain: Annotated[bool, typer.Option("--explain", help="Print formulas, constants.")] = False,
    format: AsFormat = Format.text,
) -> None:
    """Estimate disk and memory of every component at a request rate."""
    from imsobs.model import estimate as estimating

    model = model_or_exit(root, overlay)
    load = estimating.Load.of(
        model, requests_per_day, spans, records, kept, peak, duration, unended
    )
    if (given := model.spec.kubernetes) is not None:
        _estimate_cluster(model, given, load, explain, format)
        return
    found = estimating.estimate(model, load)
    if format is Format.json:
        data = {"load": asdict(load), "components": [asdict(row) for row in found]}
        print_json(data)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("component", "kept", "disk a day", "disk in all", "memory", "limit"):
        table.add_column(heading, justify="left" if heading == "component" else "right")
    for row in found:
        table.add_row(
            row.component,
            row.kept,
            estimating.human(row.disk_per_day),
            estimating.human(row.disk),
            estimating.human(row.memory),
            estimating.human(row.memory_limit),
        )
    results.print(table)
    for row in found:
        if row.memory > row.memory_limit * 0.8:
            errors.print(
                f"[yellow]{row.component} is estimated above 80 % of its limit:[/] raise "
                f"stack.{row.component}.memory_mib in the spec"
            )
    if explain:
        results.print()
        for line in estimating.explanation(model, load):
            results.print(foreign(line))


def _estimate_cluster(
    model: Model, given: Kubernetes, load: Load, explain: bool, format: Format
) -> None:
    """Print what the pods of a cluster need."""
    from imsobs.model import cluster_estimate as cluster
    from imsobs.model.estimate import human

    rows = cluster.cluster_estimate(model, given, load)
    series = cluster.cluster_series(rows, load)
    if format is Format.json:
        pods = [asdict(row) for row in rows]
        print_json({"load": asdict(load), "series": series, "pods": pods})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("component", "pods", "at most", "cores", "memory", "of", "disk", "network"):
        table.add_column(heading, justify="left" if heading == "component" else "right")
    for row in rows:
        table.add_row(
            row.component,
            str(row.needed),
            str(row.most),
            "-" if row.cores is None else f"{row.cores:.1f}",
            "-" if row.memory_needed is None else human(row.memory_needed),
            human(row.memory),
            human(row.disk),
            f"{human(row.network)}/s" if row.network else "-",
        )
    results.print(table)
    # More digits would look like a measurement.
    about = float(f"{series:.2g}")
    results.print(f"{about:,.0f} series in each Prometheus, {load.at_peak:,.0f} requests/s")
    for row in rows:
        if row.needed > row.most:
            errors.print(
                f"[yellow]{row.component} needs {row.needed} pods:[/] raise"
                f" kubernetes.{row.component}.most, or cpus and memory_mib of each"
            )
        if row.memory_needed is not None and row.memory_needed > row.memory * 0.8:
            errors.print(
                f"[yellow]{row.component} is estimated above 80 % of its memory:[/] raise"
                f" kubernetes.{row.component}.memory_mib"
            )
    if explain:
        results.print()
        for line in cluster.cluster_explanation():
            results.print(foreign(line))


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
