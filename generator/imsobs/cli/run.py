"""``imsobs run``: start a service with what is rendered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imsobs.cli.app import STACK, app
from imsobs.cli.options import Root
from imsobs.cli.output import errors, foreign
from imsobs.errors import ExitCode, ImsobsError


@app.command(
    rich_help_panel=STACK,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
def run(
    command: Annotated[list[str], typer.Argument(help="The service's own command line.")],
    root: Root = Path(),
    python: Annotated[
        Path | None,
        typer.Option("--python", help="Python of the service; by default that of its program."),
    ] = None,
) -> None:
    """Start a service with the rendered settings: imsobs run -- uvicorn shop.app:app.

    Its process takes the place of this one, so that signals reach it. Options of imsobs come
    before the command.
    """
    from imsobs.runtime.start.launch import prepare
    from imsobs.runtime.start.surroundings import look, program, python_of

    if Path(command[0]).name == "imsobs" and command[1:2] == ["run"]:
        raise ImsobsError(
            "imsobs run would start itself", remedy="give the service's own command line once",
            exit_code=ExitCode.INPUT,
        )  # fmt: skip
    found = program(command[0])
    there = look(python or python_of(found))
    launch = prepare(root.resolve(), found, command[1:], there, dict(os.environ))
    errors.print(foreign(launch.line(there)))
    for warning in launch.warnings:
        errors.print(f"[yellow]warning:[/] {foreign(warning)}")
    try:
        os.execve(launch.program, launch.arguments, launch.environment)  # noqa: S606
    except OSError as error:
        raise ImsobsError(
            f"{launch.program} cannot be started: {error.strerror}",
            remedy="a script begins with #! and the program that reads it",
        ) from error
