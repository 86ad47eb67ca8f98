"""``imsobs verify``: the real software's verdict on what is rendered."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from imsobs import write
from imsobs.cli.app import FOUR_CHECKS, SPEC, app
from imsobs.cli.options import AsFormat, Context, Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import compiled_or_exit, refuse_drift
from imsobs.compile import places, render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.places import Places
from imsobs.problems import dotted
from imsobs.spec.load import Document

if TYPE_CHECKING:
    from imsobs.runtime.verify import Verdict


@app.command(rich_help_panel=SPEC, epilog=FOUR_CHECKS)
def verify(
    root: Root = Path(),
    overlay: Overlay = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="What runs in the cluster, after kubectl apply.")
    ] = False,
    context: Context = None,
    prometheus: Annotated[
        str | None,
        typer.Option(help="Base URL of the cluster's Prometheus; by a forwarded port if left out."),
    ] = None,
    format: AsFormat = Format.text,
) -> None:
    """Validate the rendered files with promtool, amtool, the Collector and the others.

    Files that differ from what the spec (with its overlays) renders are refused: a validator also
    reads the files that a configuration names, and a changed one could name any. With --cluster:
    whether the cluster does what the files say: objects reconciled, pods ready, targets up, rules
    loaded, the Watchdog firing, series there.
    """
    from imsobs.runtime.verify import verify_all

    compiled, model = compiled_or_exit(root, overlay, format)
    if cluster:
        _cluster(model, context, prometheus, format)
        return
    if context is not None or prometheus is not None:
        message = "--context and --prometheus have no effect without --cluster"
        raise ImsobsError(message, remedy="add --cluster", exit_code=ExitCode.INPUT)
    refuse_drift(write.changes(root, render_model(model)))
    verdicts: list[Verdict] = []
    with errors.status("running the validators") as status:
        for verdict in verify_all(root.resolve()):
            status.update(foreign(f"{verdict.component}: {verdict.subject}"))
            verdicts.append(verdict)
    refused = [v for v in verdicts if not v.ok and not v.skipped]
    if refused:
        known = places(model)
        verdicts = [_in_spec(v, known, compiled.document, root) for v in verdicts]
    if format is Format.json:
        print_json([asdict(v) for v in verdicts])
    else:
        _print(verdicts)
    if refused:
        raise typer.Exit(ExitCode.FINDINGS)


def _cluster(model: Model, context: str | None, prometheus: str | None, format: Format) -> None:
    """Print what the cluster does of what is rendered."""
    from imsobs.cli.tables import print_findings
    from imsobs.runtime.cluster import applied, kubectl

    if model.spec.kubernetes is None:
        remedy = "lay it over the spec with --overlay (docs/guide/kubernetes.md)"
        message = "the spec has no section kubernetes"
        raise ImsobsError(message, remedy=remedy, exit_code=ExitCode.INPUT)
    found = applied.examine(render_model(model), kubectl.found(context), prometheus)
    if print_findings(found, format):
        raise typer.Exit(ExitCode.FINDINGS)


def _in_spec(verdict: Verdict, known: Places, document: Document, root: Path) -> Verdict:
    """Return the verdict with the places of the spec that an objection is about."""
    from imsobs.runtime.verify.spec_lines import entries

    here = known.get(verdict.subject)
    if verdict.ok or verdict.skipped or here is None:
        return verdict
    file = root / verdict.subject
    rendered = file.read_text(encoding="utf-8") if file.is_file() else ""
    paths = entries(verdict.detail, here, rendered)
    lines = (f"{document.locate(path)} {dotted(path)}" for path in paths)
    return replace(verdict, spec=tuple(lines))


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
            foreign("\n".join([*verdict.spec, verdict.detail]), lines=True),
        )
    results.print(table)
