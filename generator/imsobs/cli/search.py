"""imsobs traces, imsobs trace, imsobs records: from an alert to the request that failed."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs.cli import completion
from imsobs.cli.app import STACK, app
from imsobs.cli.options import AsFormat, Format, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.stack import project
from imsobs.errors import ExitCode, ImsobsError
from imsobs.problems import available
from imsobs.spec.schema.base import seconds_of

if TYPE_CHECKING:
    from imsobs.runtime.process.plan import Plan
    from imsobs.runtime.records import Record
    from imsobs.runtime.trace_search import Found

_COLOURS = {"ERROR": "red", "CRITICAL": "bold red", "FATAL": "bold red", "WARN": "yellow"}
Since = Annotated[str, typer.Option("--since", help="How far back, such as 10m or 2h.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="The newest so many.")]


def _span(since: str) -> tuple[int, int]:
    """Return start and end in nanoseconds since the epoch."""
    length = seconds_of(since)
    if length is None:
        raise ImsobsError(
            f'--since: "{since}" is no duration', remedy="write 10m, 2h or 1d",
            exit_code=ExitCode.INPUT,
        )  # fmt: skip
    end = time.time_ns()
    return end - length * 10**9, end


def _jaeger(plan: Plan) -> str:
    """Return Jaeger's base URL; raise ImsobsError when the stack has none."""
    if plan.api.jaeger is None:
        raise ImsobsError(
            "no traces are stored: the spec leaves Jaeger out (stack.jaeger: null)",
            exit_code=ExitCode.INPUT,
        )
    return plan.api.jaeger


@app.command(rich_help_panel=STACK)
def traces(
    error: Annotated[
        bool, typer.Option("--error", help="Only those in which a span failed.")
    ] = False,
    route: Annotated[
        str | None, typer.Option("--route", help="Only of this route, such as /v1/generate.")
    ] = None,
    service: Annotated[str | None, typer.Option("--service", help="Only of this service.")] = None,
    since: Since = "1h",
    limit: Limit = 20,
    tree: Annotated[bool, typer.Option("--tree", help="Whole traces in place of lines.")] = False,
    root: Root = Path(),
    format: AsFormat = Format.text,
) -> None:
    """Find traces that Jaeger holds, newest first.

    imsobs traces --error --route /v1/generate --since 10m
    """
    from imsobs.cli.tables import trace_tree
    from imsobs.runtime.process.plan import load_plan
    from imsobs.runtime.trace_search import search, summary
    from imsobs.runtime.traces import parse_trace

    start, end = _span(since)
    found = search(
        _jaeger(load_plan(root)),
        error=error, route=route, service=service, start=start, end=end, limit=limit,
    )  # fmt: skip
    if format is Format.json:
        print_json({"traces": [asdict(summary(trace)) for trace in found]})
        return
    for trace in found:
        if tree:
            results.print(
                trace_tree(foreign(str(trace["traceID"])), parse_trace(trace)), soft_wrap=False
            )
        else:
            _print_trace(summary(trace))
    if not found:
        errors.print(
            "no such trace; one is stored some 30 s after its last span, and of those that are "
            "neither slow nor failed only a share"
        )


def _print_trace(found: Found) -> None:
    colour = "red" if found.failures else "green"
    shown = " ".join(filter(None, (found.service, found.name, found.status)))
    results.print(
        f"{found.start} {foreign(found.trace_id)} [{colour}]{foreign(shown)}[/]"
        f" {found.duration * 1000:,.1f} ms, {found.spans} spans"
    )
    for failure in dict.fromkeys(found.failures):
        said = f"{failure.service} {failure.name}: {failure.kind} {failure.message}".rstrip(" :")
        results.print(f"    [red]{foreign(said)}[/]")


@app.command(rich_help_panel=STACK)
def records(
    trace: Annotated[str | None, typer.Option("--trace", help="Of this trace.")] = None,
    level: Annotated[
        str | None,
        typer.Option("--level", help="Of this level or above: debug, info, warning, error."),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            "--event", help="Of this event of the spec.", autocompletion=completion.events
        ),
    ] = None,
    since: Since = "1h",
    limit: Limit = 100,
    root: Root = Path(),
    format: AsFormat = Format.text,
) -> None:
    """Find log records, the newest last: in Loki, or in the file where there is none.

    imsobs records --trace 4bf92f3577b34da6a3ce929d0e0e4736
    """
    from imsobs.runtime import record_store
    from imsobs.runtime.paths import layout_for
    from imsobs.runtime.process.plan import load_plan
    from imsobs.runtime.records import Wanted

    start, end = _span(since)
    layout = layout_for(root)
    wanted = Wanted(start, end, limit, _trace(trace), _level(level), _event(event, root))
    found, where = record_store.find(load_plan(layout.root), layout, wanted)
    if format is Format.json:
        rows = [{"time": record.time, **asdict(record)} for record in found]
        print_json({"from": where, "records": rows})
        return
    for record in found:
        _print_record(record, stack=trace is not None)
    if not found:
        errors.print(foreign(f"no such record in {where} since {since}"))


def _trace(text: str | None) -> str | None:
    if text is None:
        return None
    wanted = text.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", wanted):
        raise ImsobsError(f'"{text}" is not a trace id', exit_code=ExitCode.INPUT)
    return wanted.zfill(32)


def _level(text: str | None) -> str | None:
    from imsobs.runtime.records import LEVELS

    if text is not None and text.lower() not in LEVELS:
        known = available(text, LEVELS)
        raise ImsobsError(f'there is no level "{text}"', remedy=known, exit_code=ExitCode.INPUT)
    return text and text.lower()


def _event(name: str | None, root: Path) -> str | None:
    from imsobs.cli.spec import model_or_exit

    if name is None:
        return None
    known = model_or_exit(root, None).spec.events
    if name not in known:
        raise ImsobsError(
            f'there is no event "{name}"', remedy=available(name, known), exit_code=ExitCode.INPUT
        )
    return name


def _print_record(record: Record, *, stack: bool) -> None:
    fields = dict(record.fields)
    trace = fields.pop("exception_stacktrace", "")
    colour = _COLOURS.get(record.severity.upper(), "default")
    shown = [f"{key}={value}" for key, value in fields.items() if not key.startswith("telemetry_")]
    if record.trace_id and not stack:
        shown.insert(0, f"trace_id={record.trace_id}")
    head = f"{record.time} [{colour}]{foreign(record.severity)}[/] {foreign(record.service)}"
    event = f" [bold]{foreign(record.event)}[/]" if record.event else ""
    results.print(f"{head}{event} {foreign(record.body)} [dim]{foreign(' '.join(shown))}[/]")
    if stack and trace:
        for line in trace.splitlines():
            results.print(f"    [dim]{foreign(line)}[/]")


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
    found = fetch_trace(_jaeger(plan), trace_id)
    if format is Format.json:
        print_json(found)
        return
    tree = trace_tree(foreign(str(found.get("traceID", trace_id))), parse_trace(found))
    results.print(tree, soft_wrap=False)
