"""The typer application that every command module registers itself on."""

from __future__ import annotations

import typer

app = typer.Typer(name="imsobs", no_args_is_help=True)
