"""Commands on the running stack. Parses, calls, prints; the work is in imsobs.runtime.process."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs.cli.app import FOUR_CHECKS, OPERATIONS, STACK, app
from imsobs.cli.options import AsFormat, Format, Root
from imsobs.cli.output import errors, print_json, print_plain, results
from imsobs.errors import ExitCode, ImsobsError

if TYPE_CHECKING:
    from imsobs.runtime.paths import Layout
    from imsobs.runtime.process.plan import Plan

# Imports of imsobs.runtime.process stay inside the commands: validate and render do without
# an HTTP client and a process library.


class ModeChoice(StrEnum):
    """Where the stack runs."""

    auto = "auto"
    native = "native"
    docker = "docker"


def project(root: Path) -> tuple[Plan, Layout]:
    """Return what runs in a project, and where its files are."""
    from imsobs.runtime.paths import layout_for
    from imsobs.runtime.process.plan import load_plan

    layout = layout_for(root)
    return load_plan(layout.root), layout


def _choose_mode(wanted: ModeChoice, layout: Layout) -> str:
    """Return "docker" or "native", and say plainly why."""
    from imsobs.runtime.docker import find_docker, recorded_mode
    from imsobs.runtime.process.daemon import Supervisor

    running = "native" if Supervisor(layout).alive() else None
    if running is None and recorded_mode(layout) == "docker":
        running = "docker"
    if running is not None and wanted in (ModeChoice.auto, running):
        return running
    if running is not None:
        raise ImsobsError(f"the stack is up in {running} mode", remedy="run imsobs down first")
    if wanted is ModeChoice.native:
        return "native"
    docker = find_docker()
    if docker.usable:
        errors.print(f"mode: docker (engine {docker.engine}, compose {docker.compose})")
        return "docker"
    if wanted is ModeChoice.docker:
        raise ImsobsError(docker.why, remedy="start Docker, or use --mode native")
    errors.print(f"mode: native ({docker.why})")
    return "native"


def _native_up(plan: Plan, layout: Layout, wanted: list[str], *, first: bool) -> None:
    from imsobs.runtime.build.binaries import how_to_get
    from imsobs.runtime.docker import record_mode
    from imsobs.runtime.process.stack import up as bring_up
    from imsobs.runtime.progress import console_progress

    record_mode(layout, "native")
    with console_progress(errors) as progress:
        outcome = bring_up(plan, layout, progress, wanted, first=first)
    for word in ("started", "restarted", "reloaded", "unchanged"):
        if names := getattr(outcome, word):
            errors.print(f"{word}: {', '.join(names)}")
    if outcome.absent:
        errors.print(f"[yellow]absent:[/] {', '.join(outcome.absent)} (optional)")
        for name in outcome.absent:
            errors.print(f"  {name}: {how_to_get(name, plan.components[name])} to run it natively")
    if outcome.later:
        errors.print(f"still to be built: {', '.join(outcome.later)}; imsobs up adds them")
    for name in outcome.spare:
        errors.print(f"{name} is here and does not run: imsobs up --with {name} adds it")
    if "loki" in {*outcome.absent, *outcome.spare}:
        errors.print(
            "  without loki, log records go to rotated JSON-lines files in the state folder"
        )


@app.command(rich_help_panel=STACK)
def up(
    root: Root = Path(),
    mode: Annotated[
        ModeChoice, typer.Option(help="docker, native, or what is here.")
    ] = ModeChoice.auto,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="Add an optional component to the stack that runs natively."),
    ] = None,
    first: Annotated[
        bool,
        typer.Option("--first", help="Of binaries that are missing build only what counts."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Start the stack, or what changed in it, and wait until it is ready.

    Components whose configuration changed are restarted one after another, each announced first;
    the others keep running.
    """
    from imsobs.runtime.docker import compose_foresee, compose_up
    from imsobs.runtime.process.stack import foresee
    from imsobs.runtime.progress import console_progress
    from imsobs.runtime.status import collect

    # A terminated build must still stop its compiler and remove its folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan, layout = project(root)
    docker = _choose_mode(mode, layout) == "docker"
    if docker and with_:
        raise ImsobsError(
            "--with is for a native stack",
            remedy="COMPOSE_PROFILES names what containers have besides",
            exit_code=ExitCode.INPUT,
        )
    if dry_run:
        for change in compose_foresee(layout) if docker else foresee(plan, layout, with_ or []):
            print_plain(change.line)
        return
    if docker:
        with console_progress(errors) as progress:
            compose_up(layout, plan, progress)
    else:
        _native_up(plan, layout, with_ or [], first=first)
    from imsobs.cli.tables import component_table, status_lines

    found = collect(plan, layout, ask_prometheus=False)
    results.print(component_table(found.components))
    for line in status_lines(found):
        errors.print(line)


def _take_down(root: Path, *, purge: bool) -> None:
    from imsobs.runtime.docker import compose_down, record_mode, recorded_mode
    from imsobs.runtime.paths import layout_for
    from imsobs.runtime.process.stack import down as take_down
    from imsobs.runtime.progress import console_progress

    layout = layout_for(root)
    plan = project(root)[0] if purge else None
    ran = False
    if recorded_mode(layout) == "docker":
        with errors.status("docker compose down"):
            compose_down(layout, purge=purge)
        ran = True
    with console_progress(errors) as progress:
        ran = take_down(layout, progress, purge=plan) or ran
    record_mode(layout, None)
    errors.print("[green]ok[/] the stack is down" if ran else "[green]ok[/] nothing was running")


@app.command(rich_help_panel=STACK)
def down(root: Root = Path()) -> None:
    """Stop the stack and leave nothing running; stored data is kept."""
    _take_down(root, purge=False)


@app.command(rich_help_panel=STACK)
def destroy(
    root: Root = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop the stack and delete its stored metrics, traces, logs and alert states."""
    if not yes:
        typer.confirm("Delete all stored telemetry of this stack?", abort=True, err=True)
    _take_down(root, purge=True)
    errors.print("[green]ok[/] its data is deleted")


@app.command(rich_help_panel=STACK)
def binaries(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="All but the optional ones when left out; those are built by name."),
    ] = None,
    root: Root = Path(),
    scale: Annotated[
        bool, typer.Option("--scale", help="Those too that only more than one machine wants.")
    ] = False,
    format: AsFormat = Format.text,
) -> None:
    """Find or build the binaries now, and print where they are."""
    from imsobs.runtime.build.binaries import resolve
    from imsobs.runtime.progress import console_progress
    from imsobs.shipped import shipped

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan, layout = project(root)
    asked = [*(names or ()), *(shipped().of_scale() if scale else ())]
    with console_progress(errors) as progress:
        found = [
            binary
            for name in (asked if names else plan.components)
            if (binary := resolve(plan, layout.root, name, progress, asked=name in asked))
            is not None
        ]
    if format is Format.json:
        rows = {binary.name: {**asdict(binary), "path": str(binary.path)} for binary in found}
        print_json(rows)
        return
    for binary in found:
        print_plain(f"{binary.name} {binary.version} {binary.source} {binary.path}")


@app.command(rich_help_panel=OPERATIONS, epilog=FOUR_CHECKS)
def doctor(root: Root = Path(), format: AsFormat = Format.text) -> None:
    """Check this machine: binaries, Go, Docker, ports, disk."""
    from imsobs.cli.tables import print_findings
    from imsobs.runtime.doctor import examine
    from imsobs.runtime.paths import layout_for

    if print_findings(examine(layout_for(root)), format):
        raise typer.Exit(ExitCode.OUTSIDE)


@app.command(rich_help_panel=STACK)
def logs(
    name: Annotated[str, typer.Argument(help="A process of the stack, or supervisord.")],
    root: Root = Path(),
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many last lines.")] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until interrupted.")
    ] = False,
) -> None:
    """Print the last lines of a process's log."""
    from imsobs.runtime.process.ready import tail

    plan, layout = project(root)
    path = layout.log_of(name)
    known = [*plan.processes, "supervisord"]
    if name not in known:
        raise ImsobsError(
            f'no process "{name}"; available: {", ".join(known)}', exit_code=ExitCode.INPUT
        )
    if not path.exists():
        raise ImsobsError(
            f"{name} has no log yet", remedy="start it with imsobs up (natively; under Docker: "
            f"docker compose -f stack/compose.yaml logs {name})", exit_code=ExitCode.FINDINGS,
        )  # fmt: skip
    for line in tail(path, lines):
        print_plain(line)
    position = path.stat().st_size
    while follow:
        time.sleep(0.3)
        size = path.stat().st_size if path.exists() else 0
        # Shorter than before: the log was rotated.
        start = position if size >= position else 0
        if size > start:
            with path.open("rb") as handle:
                handle.seek(start)
                text = handle.read(size - start).decode(errors="replace")
            print_plain(text, end="")
        position = size
