"""``imsobs init``: a spec for a service, and all that is rendered from it."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs import write
from imsobs.cli.app import SPEC, app
from imsobs.cli.options import words
from imsobs.cli.output import errors, foreign, results
from imsobs.compile import Compiled, read_spec, render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model.series_budget import series_budget
from imsobs.problems import available, listed
from imsobs.spec import packs
from imsobs.spec.schema.pipeline import Collector

if TYPE_CHECKING:
    from imsobs.runtime.start.begun import Beginning
    from imsobs.runtime.start.openapi import Routes

_ADDRESS = "http://127.0.0.1:8000"
_UNBOUNDED = "collector: {max_series: 1000000000}\n"


@app.command(rich_help_panel=SPEC)
def init(
    folder: Annotated[
        Path, typer.Argument(help="Folder of the service; made when missing.")
    ] = Path(),
    name: Annotated[str | None, typer.Option("--name", help="Name of the service.")] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="Where it answers, as http://127.0.0.1:8000.")
    ] = None,
    openapi: Annotated[
        str | None,
        typer.Option("--openapi", help="Its OpenAPI document, a file or a URL; by default asked."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--routes", help="Its routes, as '/orders/{id},/v1/*'; by default all."),
    ] = None,
    use: Annotated[
        str | None, typer.Option("--use", help="Packs, as http,llm; by default what is installed.")
    ] = None,
    python: Annotated[
        Path | None, typer.Option("--python", help="Python of the service, to see what it uses.")
    ] = None,
    install: Annotated[
        str | None,
        typer.Option(
            "--install",
            help="What the CI's pip installs imsobs from, as a wheel's URL; by default where this"
            " one came from.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what is likely.")] = False,
) -> None:
    """Write a spec for a service and render it; nothing that is there is overwritten."""
    from imsobs.runtime.start import begun as start
    from imsobs.runtime.start import own_files

    root = folder.resolve()
    there = sorted((root / "spec").glob("*.y*ml"))
    if there:
        raise ImsobsError(
            f"{there[0]} is there already",
            remedy="edit it, and imsobs render; or name another folder",
            exit_code=ExitCode.INPUT,
        )
    chosen = _name(name, root, yes)
    where = _address(address, yes)
    routes = _routes(openapi, where).chosen(_patterns(only))
    begun = start.Beginning(chosen, where, routes, _packs(use, python), install=_install(install))
    compiled, begun = _compiled(begun)
    if compiled.model is None:
        for line in compiled.lines():
            errors.print(foreign(line))
        raise ImsobsError(
            "no spec could be made of this; nothing was written", exit_code=ExitCode.INPUT
        )
    pending = write.changes(root, render_model(compiled.model))
    taken = [change.path for change in pending if change.old is not None]
    if taken:
        raise ImsobsError(
            f"rendering would overwrite {listed(taken)}; nothing was written",
            remedy="move them: "
            + ", ".join(sorted({path.split("/")[0] for path in taken}))
            + " is for rendered files",
            exit_code=ExitCode.INPUT,
        )
    own, kept = own_files.changes(root, start.files(begun))
    for path in kept:
        results.print(f"{foreign(path)} is there already, and stays as it is")
    write.apply(root, [*own, *pending])
    for change in own:
        results.print(
            f"{'[green]+[/]' if change.old is None else '[yellow]~[/]'} {foreign(change.path)}"
        )
    results.print(f"[green]+[/] {len(pending)} rendered files")
    _tell(begun, openapi, [change.path for change in own])
    _verify(root)
    results.print(
        "Next: imsobs up; then imsobs run -- and the service's own command line"
        " (guide/integration.md of imsobs)"
    )


def _name(given: str | None, root: Path, yes: bool) -> str:
    from imsobs.runtime.start.begun import name_of

    likely = name_of(root.name) or "service"
    text = given if given is not None else _asked("Name of the service", likely, "--name", yes)
    found = name_of(text)
    if found is None or (given is not None and found != given):
        remedy = f"write {found}" if found else "begin with a letter; small letters, digits and -"
        raise ImsobsError(
            f'"{text}" is no name of a service', remedy=remedy, exit_code=ExitCode.INPUT
        )
    return found


def _address(given: str | None, yes: bool) -> str:
    from imsobs.runtime.start.begun import ADDRESS

    text = given if given is not None else _asked("Its address", _ADDRESS, "--address", yes)
    text = text.rstrip("/")
    if not ADDRESS.fullmatch(text):
        raise ImsobsError(
            f'"{text}" is no address of a service', remedy=f"write it as {_ADDRESS}",
            exit_code=ExitCode.INPUT,
        )  # fmt: skip
    return text


def _install(given: str | None) -> str | None:
    from imsobs.runtime.start.begun import INSTALLED
    from imsobs.runtime.start.surroundings import origin

    if given is None:
        found = origin("imsobs")
        return found if found and INSTALLED.fullmatch(found) else None
    if not INSTALLED.fullmatch(given):
        raise ImsobsError(
            f'"{given}" is nothing that the CI can install',
            remedy="give the path or URL of a wheel, or git+https://HOST/PATH@REVISION, without a"
            " password",
            exit_code=ExitCode.INPUT,
        )
    return given


def _asked(question: str, likely: str, option: str, yes: bool) -> str:
    if yes:
        return likely
    if not sys.stdin.isatty():
        raise ImsobsError(
            f"{question.lower()}? there is nobody to ask", remedy=f"give {option}, or --yes",
            exit_code=ExitCode.INPUT,
        )  # fmt: skip
    return str(typer.prompt(question, default=likely, err=True))


def _routes(given: str | None, address: str) -> Routes:
    from imsobs.runtime.start import openapi

    if given is None:
        return openapi.asked(address) or openapi.Routes()
    if given.startswith(("http://", "https://")):
        return openapi.fetched(given)
    return openapi.read(Path(given))


def _patterns(given: str | None) -> list[str]:
    from imsobs.runtime.start.openapi import is_route

    patterns = words(given or "")
    for pattern in patterns:
        if not is_route(pattern):
            raise ImsobsError(
                f'"{pattern}" is no route', remedy="write /orders/{id}, or with a star /orders/*",
                exit_code=ExitCode.INPUT,
            )  # fmt: skip
    return patterns


def _packs(given: str | None, python: Path | None) -> list[str]:
    """Return the packs that are asked for, or those that what is installed speaks for."""
    from imsobs.runtime.start.begun import packs_for
    from imsobs.runtime.start.surroundings import look, program

    known = packs.names()
    if given is not None:
        wanted = words(given)
        for name in wanted:
            if name not in known:
                raise ImsobsError(
                    f'there is no pack "{name}"; {available(name, known)}', exit_code=ExitCode.INPUT
                )
        return list(dict.fromkeys(wanted))
    there = look(python or program("python3"))
    found = packs_for(there.installed)
    for name, libraries in found.items():
        if libraries:
            results.print(f"{name}: {foreign(there.python)} has {', '.join(libraries)}")
    return list(found)


def _compiled(begun: Beginning) -> tuple[Compiled, Beginning]:
    """Return the compiled spec, with as many series allowed as its labels make possible."""
    from imsobs.runtime.start import begun as start

    with tempfile.TemporaryDirectory() as scratch:
        file, overlay = Path(scratch) / "spec.yaml", Path(scratch) / "overlay.yaml"
        file.write_text(start.spec(begun), encoding="utf-8")
        overlay.write_text(_UNBOUNDED, encoding="utf-8")
        free = read_spec([file, overlay]).model
        if free is not None:
            worst = series_budget(free.spec, free.metrics).worst
            if worst > Collector().max_series:
                begun = dataclasses.replace(begun, series=-(-worst // 50_000) * 50_000)
                file.write_text(start.spec(begun), encoding="utf-8")
        return read_spec([file]), begun


def _tell(begun: Beginning, openapi: str | None, written: list[str]) -> None:
    from imsobs.runtime.start.begun import WORKFLOW, of_events

    routes = begun.routes
    if waiting := of_events(begun.use):
        errors.print(
            f"{', '.join(waiting)}: counted from what the service logs as events;"
            " docs/reference/events.md has the lines"
        )
    if begun.install is None and WORKFLOW in written:
        errors.print(
            f"{WORKFLOW} installs what the repository's variable IMSOBS names, such as a wheel's"
            " URL: imsobs is in no package index (or give --install)"
        )
    if routes.no_routes:
        errors.print(f"{routes.no_routes} paths of its document are no routes, and were left out")
    if routes.too_many:
        errors.print(
            f"{routes.too_many} routes of {routes.too_many + len(routes.templates)} were left out;"
            " choose yours: init again in an empty folder with --routes '/v1/*'"
        )
    if not routes.templates and openapi is None:
        errors.print(
            "no /openapi.json answered: write the routes into spec/spec.yaml, or run it again with"
            " --openapi"
        )
    if routes.templates and routes.health is None:
        errors.print("no health route was recognised: name it as service.health in spec/spec.yaml")


def _verify(root: Path) -> None:
    """Let the real programs judge, when they are here; building them takes minutes."""
    from imsobs.runtime.build.binaries import locate
    from imsobs.runtime.process.plan import load_plan
    from imsobs.runtime.progress import Silent
    from imsobs.runtime.verify import verify_all

    plan = load_plan(root)
    needed = [
        name for name in ("otelcol", "promtool", "amtool", "jaeger") if name in plan.components
    ]
    if any(locate(plan, root, name, Silent()) is None for name in needed):
        results.print(
            "imsobs verify lets the real programs judge it (they are built once, in minutes)"
        )
        return
    refused = [verdict for verdict in verify_all(root) if not verdict.ok]
    for verdict in refused:
        errors.print(
            f"{foreign(verdict.component)} refuses {foreign(verdict.subject)}:"
            f" {foreign(verdict.detail)}"
        )
    if refused:
        raise typer.Exit(ExitCode.FINDINGS)
    results.print("[green]ok[/] the Collector, Prometheus, Alertmanager and Jaeger accept it")
