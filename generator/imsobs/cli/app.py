"""The typer application that every command module registers itself on."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

app = typer.Typer(name="imsobs", no_args_is_help=True)

# Groups of commands, as `imsobs --help` shows them.
SPEC = "The spec and what is rendered from it"
STACK = "The stack"
OPERATIONS = "Before and during operation"
# Below the help of each of the four.
FOUR_CHECKS = (
    "validate checks the spec alone, verify the rendered files by the programs that read them,"
    " doctor this machine, preflight a deployment."
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imsobs {version('imsobs')}")
        raise typer.Exit


@app.callback()
def _main(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """One spec compiled to Collector pipelines, rules, alerts and dashboards.

    Exit codes: 0 success, 1 findings or drift, 2 wrong input, 3 a failure outside of imsobs,
    4 alerts fire (status).
    """
