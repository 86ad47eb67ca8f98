"""The command line: parses, calls, prints. Exit codes: 0 ok, 1 findings or drift, 2 bad
input, 3 environment or outside failure."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

from rich.markup import escape

from imsobs.cli.app import app
from imsobs.cli.output import errors
from imsobs.errors import ImsobsError

COMMANDS = (
    "spec",
    "verify",
    "stack",
    "operations",
    "preview",
    "drill",
)
"""Modules of this package that register commands, in the order of ``imsobs --help``."""


def main() -> None:
    """Run ``imsobs``; an expected failure is one clear line, never a traceback."""
    # A rendering makes much and drops little: looking for garbage took a sixth of its time.
    gc.set_threshold(200_000, 20, 20)
    # None is wanted, and looking for some reads the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for name in COMMANDS:
        import_module(f"imsobs.cli.{name}")
    try:
        app()
    except ImsobsError as error:
        errors.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        sys.exit(error.exit_code)
    finally:
        # The process ends: looking for garbage among all it made would be for nothing.
        gc.freeze()
