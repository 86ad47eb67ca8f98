"""The command estimate: what one machine needs at a request rate, or a cluster."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from imsobs.cli.app import OPERATIONS, app
from imsobs.cli.options import AsFormat, Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import model_or_exit
from imsobs.model import Model
from imsobs.model.estimate import Load
from imsobs.spec.schema.kubernetes import Kubernetes


@app.command(rich_help_panel=OPERATIONS)
def estimate(
    requests_per_day: Annotated[
        float, typer.Option(min=1, help="Requests that are served a day; of one region.")
    ],
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
    """Estimate disk and memory of every component at a request rate.

    With a section `kubernetes` in the spec or an overlay: pods, nodes, cores, memory, series, disk
    and network of a region, and which keys of the section are too low.
    """
    model = model_or_exit(root, overlay)
    load = Load.of(model, requests_per_day, spans, records, kept, peak, duration, unended)
    if (given := model.spec.kubernetes) is not None:
        _cluster(model, given, load, explain, format)
    else:
        _one_machine(model, load, explain, format)


def _one_machine(model: Model, load: Load, explain: bool, format: Format) -> None:
    from imsobs.model import estimate as estimating

    found = estimating.estimate(model, load)
    if format is Format.json:
        data = {"load": asdict(load), "components": [asdict(row) for row in found]}
        print_json(data)
        return
    human = estimating.human
    table = _table("component", "kept", "disk a day", "disk in all", "memory", "limit")
    for row in found:
        sizes = (row.disk_per_day, row.disk, row.memory, row.memory_limit)
        table.add_row(row.component, row.kept, *map(human, sizes))
    results.print(table)
    for row in found:
        if row.memory > row.memory_limit * 0.8:
            errors.print(
                f"[yellow]{row.component} is estimated above 80 % of its limit:[/] raise "
                f"stack.{row.component}.memory_mib in the spec"
            )
    if explain:
        _explain(estimating.explanation(model, load))


def _cluster(model: Model, given: Kubernetes, load: Load, explain: bool, format: Format) -> None:
    """Print what the pods of a region need, and which keys are too low for that."""
    from imsobs.model.cluster_constants import VALUES, cluster_explanation
    from imsobs.model.cluster_estimate import cluster_estimate
    from imsobs.model.cluster_findings import cluster_findings
    from imsobs.model.estimate import MIB, human

    cluster = cluster_estimate(model, given, load)
    findings = cluster_findings(model, given, load)
    if format is Format.json:
        data = {
            "load": asdict(load),
            **asdict(cluster),
            "nodes": cluster.nodes,
            "findings": [asdict(finding) for finding in findings],
        }
        print_json(data)
        return
    table = _table("component", "pods", "at most", "cores", "memory", "of", "disk", "of", "network")
    for row in cluster.pods:
        network = cluster.network(row.component)
        table.add_row(
            row.component,
            f"{row.needed:,}",
            f"{row.most:,}",
            "-" if row.cores is None else f"{row.cores:.1f}",
            "-" if row.memory_needed is None else human(row.memory_needed),
            human(row.memory),
            "-" if row.disk_needed is None else human(row.disk_needed),
            human(row.disk),
            f"{human(network)}/s" if network else "-",
        )
    results.print(table)
    for stored in cluster.stores:
        results.print(
            f"{stored.what}: {human(stored.per_day)} a day, {human(stored.disk)} in {stored.kept}"
        )
    # More digits would look like a measurement.
    series, samples = (float(f"{value:.2g}") for value in (cluster.series, cluster.samples))
    results.print(
        f"{series:,.0f} series and {samples:,.0f} samples/s in each Prometheus,"
        f" {load.at_peak:,.0f} requests/s, {cluster.nodes:,} nodes of {VALUES['node_cpus']:.0f}"
        f" cores and {VALUES['node_memory'] / MIB / 1024:.0f} GiB"
    )
    for finding in findings:
        errors.print(f"[yellow]{finding.path}:[/] {foreign(finding.text)}")
    if explain:
        _explain(cluster_explanation())


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("component", "kept") else "right")
    return table


def _explain(lines: list[str]) -> None:
    results.print()
    for line in lines:
        results.print(foreign(line))
