"""Commands on the spec and what is rendered from it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imsobs import project, write
from imsobs.cli import completion
from imsobs.cli.app import FOUR_CHECKS, SPEC, app
from imsobs.cli.options import Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_commands, print_json, print_plain, results
from imsobs.compile import Compiled, read_spec, render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.findings.finding import Finding, Level
from imsobs.findings.github import workflow_commands
from imsobs.findings.sarif import sarif
from imsobs.model import Model
from imsobs.problems import listed
from imsobs.spec.load import load
from imsobs.spec.origin import origins


def spec_files(root: Path, overlay: list[Path] | None) -> list[Path]:
    """Return the spec and its overlays, in the order in which they are laid over each other."""
    return [project.spec_of(root), *(overlay or [])]


def model_or_exit(root: Path, overlay: list[Path] | None, format: Format = Format.text) -> Model:
    """Return the model, or print every problem and end with exit code 2."""
    return compiled_or_exit(root, overlay, format)[1]


def compiled_or_exit(
    root: Path, overlay: list[Path] | None, format: Format = Format.text
) -> tuple[Compiled, Model]:
    """Return the compiled spec and its model, or print every problem and end with exit code 2."""
    compiled = read_spec(spec_files(root, overlay))
    if compiled.model is None:
        _print_problems(compiled, format)
        raise typer.Exit(ExitCode.INPUT)
    return compiled, compiled.model


def _print_problems(compiled: Compiled, format: Format) -> None:
    if format is Format.json:
        _print_json(compiled.findings())
        return
    for line in compiled.lines():
        errors.print(foreign(line))
    count = len(compiled.problems)
    errors.print(f"[bold red]{count} problem{'s' if count != 1 else ''}[/]; nothing was written")


def _print_json(findings: list[Finding]) -> None:
    rows: dict[str, list[dict[str, object]]] = {"problems": [], "notes": []}
    for finding in findings:
        rows["problems" if finding.level is Level.error else "notes"].append(
            {
                "file": finding.place.file,
                "line": finding.place.line,
                "column": finding.place.column,
                "path": list(finding.path),
                "message": finding.message,
                "check": finding.title,
            }
        )
    print_json(rows)


def _print_text(compiled: Compiled) -> None:
    if compiled.model is None:
        _print_problems(compiled, Format.text)
        return
    for note in compiled.notes:
        errors.print(f"[yellow]note:[/] {foreign(compiled.document.format(note))}")
    model = compiled.model
    results.print(f"[green]ok[/] {len(model.metrics)} metrics, {len(model.series)} series names")


class ValidateFormat(StrEnum):
    """How problems are printed."""

    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"


@app.command(rich_help_panel=SPEC, epilog=FOUR_CHECKS)
def validate(
    root: Root = Path(),
    overlay: Overlay = None,
    format: Annotated[
        ValidateFormat,
        typer.Option("--format", help="github: workflow annotations; sarif: for code scanning."),
    ] = ValidateFormat.text,
) -> None:
    """Check the spec alone and print every problem with its place and remedy.

    Notes name what is missing without being wrong, as the runbook of an alert; they fail nothing.
    """
    compiled = read_spec(spec_files(root, overlay))
    match format:
        case ValidateFormat.text:
            _print_text(compiled)
        case ValidateFormat.json:
            _print_json(compiled.findings())
        case ValidateFormat.github:
            print_commands(workflow_commands(compiled.findings()))
        case ValidateFormat.sarif:
            print_json(sarif(compiled.findings()))
    if compiled.model is None:
        raise typer.Exit(ExitCode.INPUT)


@app.command(rich_help_panel=SPEC)
def render(
    root: Root = Path(),
    overlay: Overlay = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 on drift.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what changes.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write below this folder instead.")
    ] = None,
) -> None:
    """Render every file from the spec; stale ones are removed."""
    model = model_or_exit(root, overlay)
    target = out or root
    pending = write.changes(target, render_model(model))
    for change in pending:
        if check or diff:
            print_plain(change.diff(), end="")
    if check:
        refuse_drift(pending)
        results.print("[green]ok[/] every rendered file is what the spec says")
        return
    if not diff:
        write.apply(target, pending)
        for change in pending:
            sign = (
                "[red]-[/]"
                if change.new is None
                else "[green]+[/]"
                if change.old is None
                else "[yellow]~[/]"
            )
            results.print(f"{sign} {foreign(change.path)}")
        results.print(f"[green]ok[/] {len(pending)} file(s) changed")


def refuse_drift(pending: list[write.Change]) -> None:
    """Raise ImsobsError (exit code 1) when rendered files differ from the spec."""
    if pending:
        names = listed(change.path for change in pending)
        raise ImsobsError(
            f"{len(pending)} rendered file(s) differ from the spec: {names}",
            remedy="run `make render` and commit the result",
            exit_code=ExitCode.FINDINGS,
        )


@app.command(rich_help_panel=SPEC)
def inspect(
    name: Annotated[
        str | None,
        typer.Argument(help="A metric; all when left out.", autocompletion=completion.metrics),
    ] = None,
    root: Root = Path(),
    overlay: Overlay = None,
    origin: Annotated[
        bool,
        typer.Option(
            "--origin", help="Print which entries come from packs and what changes them; NAME: any."
        ),
    ] = False,
) -> None:
    """Print the resolved model as JSON, or where entries come from."""
    from imsobs.model.inspect import describe

    model = model_or_exit(root, overlay)
    if not origin:
        print_json(describe(model, name))
        return
    document, _ = load(spec_files(root, overlay))
    for entry in origins(document, name):
        print_plain(f"{entry.entry}  {entry.place}".rstrip())
        for change in entry.changed:
            print_plain(f"    changed at {change}")
        if entry.left_out:
            print_plain(f"    left out: needs {', '.join(entry.left_out)}")
