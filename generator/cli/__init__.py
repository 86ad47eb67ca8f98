"""The command line: parses, calls, prints. Exit codes: 0 ok, 1 findings or drift, 2 bad
input, 3 environment or outside failure."""

from __future__ import annotations

import sys

from rich.markup import escape

from generator.cli import preview_commands, spec_commands, stack_commands
from generator.cli.app import app
from generator.cli.output import errors
from generator.errors import ImsobsError

__all__ = ["app", "main", "preview_commands", "spec_commands", "stack_commands"]


def main() -> None:
    """Run ``imsobs``; an expected failure is one clear line, never a traceback."""
    try:
        app()
    except ImsobsError as error:
        errors.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        sys.exit(error.exit_code)
