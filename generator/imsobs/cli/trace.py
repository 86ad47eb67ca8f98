"""`imsobs trace`. Parses, calls, prints; the work is in imsobs.runtime.traces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imsobs.cli.app import STACK, app
from imsobs.cli.options import AsFormat, Format, Root
from imsobs.cli.output import foreign, print_json, results
from imsobs.cli.stack import project


@app.command(rich_help_panel=STACK)
def trace(
    trace_id: Annotated[str, typer.Argument(help="32 hex digits, as in a log record.")],
    root: Root = Path(),
    format: AsFormat = Format.text,
) -> None:
    """Print a trace that Jaeger holds, as a tree (or, as json, as Jaeger gives it)."""
    from imsobs.cli.tables import trace_tree
    from imsobs.runtime.traces import fetch_trace, parse_trace

    plan, _ = project(root)
    found = fetch_trace(plan.api.jaeger, trace_id)
    if format is Format.json:
        print_json(found)
        return
    tree = trace_tree(foreign(str(found.get("traceID", trace_id))), parse_trace(found))
    results.print(tree, soft_wrap=False)
