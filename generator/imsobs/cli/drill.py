"""The fire drill on the command line."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from imsobs import private
from imsobs.cli import completion
from imsobs.cli.app import OPERATIONS, app
from imsobs.cli.options import AsFormat, Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import model_or_exit, spec_files
from imsobs.errors import ExitCode, ImsobsError
from imsobs.problems import available
from imsobs.spec.schema.base import seconds

if TYPE_CHECKING:
    from imsobs.model import Model
    from imsobs.runtime.drill.case import Case


# Wide enough for the longest row, also where the output is no terminal.
_WIDTH = 120
_PATIENCE = 120.0


@app.command(rich_help_panel=OPERATIONS)
def drill(
    alerts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Alerts. Default: all that have a drill.", autocompletion=completion.alerts
        ),
    ] = None,
    root: Root = Path(),
    overlay: Overlay = None,
    environment: Annotated[
        str | None,
        typer.Option(help="Environment of the telemetry. Default: the last of the spec."),
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option(
            help="Seconds to wait for each notification. Default: 120, and 600 in real time."
        ),
    ] = None,
    real_time: Annotated[
        bool,
        typer.Option(
            "--real-time",
            help="Keep the ranges, durations, intervals and waits of the spec, and wait for no"
            " resolution; write the times from the first bad request to the notification to"
            " docs/reference/notifications.md.",
        ),
    ] = False,
    format: AsFormat = Format.text,
) -> None:
    """Make alerts fire in a separate stack; check that each notification arrives and resolves.

    The separate stack runs natively with its own ports and data. Its rules are those of the
    spec with shorter ranges and durations, unless --real-time is given. While an alert fires, the
    queries of its runbook are run. Exit code 1 when a notification did not arrive at
    the expected receiver or an alert did not resolve.
    """
    from imsobs.runtime.drill import health, receiver, times, tree
    from imsobs.runtime.drill.case import new_case
    from imsobs.runtime.drill.run import Drill
    from imsobs.runtime.paths import STATE_REMEDY, layout_for
    from imsobs.runtime.process.stack import running_stack
    from imsobs.runtime.trial import free_ports

    model = model_or_exit(root, overlay)
    waits = patience or (times.PATIENCE if real_time else _PATIENCE)
    chosen = _chosen(alerts or [], model)
    if real_time and not alerts:
        # An alert that holds for an hour is not waited for, unless it is named.
        chosen = [name for name in chosen if seconds(model.alerts[name].for_ or "0s") < waits / 2]
    reported = _environment(environment, model)
    home = layout_for(root, root / ".imsobs").state / "drill"
    private.make_below(home.parent, home, STATE_REMEDY)
    project, state = home / "project", home / "state"
    (port,) = free_ports(1)
    with receiver.listening() as inbox, health.answering(port) as answers:
        files = spec_files(root, overlay)
        quick = tree.prepare(files, model, project, inbox.url, port, reported, real_time=real_time)
        cases = [new_case(quick.alerts[name], quick) for name in chosen]
        tree.clear(project, state)
        errors.print(f"starting a stack for the drill of {len(cases)} alerts ...")
        with running_stack(project, state) as stack:
            Drill(
                quick,
                project,
                stack,
                inbox,
                answers,
                patience=waits,
                real_time=real_time,
                report=lambda text: errors.print(foreign(text)),
            ).run(cases)
    rows = [_row(case) for case in cases]
    _remember(root, rows)
    if real_time:
        page = times.record(root, model, rows)
        shown = "; `imsobs render` shows it in the runbooks" if model.spec.alerting.measured else ""
        errors.print(f"wrote {page}{shown}")
    if format is Format.json:
        print_json({"alerts": rows})
    else:
        _print(cases)
        if not alerts:
            _print_skipped(model)
    failed = [case.alert.name for case in cases if case.state == "failed"]
    if failed:
        raise ImsobsError(
            f"{len(failed)} of {len(cases)} drills failed: {', '.join(failed)}",
            remedy="drill one of them alone, then read the logs below .imsobs/drill/state/logs",
            exit_code=ExitCode.FINDINGS,
        )


def _chosen(names: list[str], model: Model) -> list[str]:
    for name in names:
        if name not in model.alerts:
            known = available(name, model.alerts)
            raise ImsobsError(f'there is no alert "{name}"', remedy=known, exit_code=ExitCode.INPUT)
        if why := model.alerts[name].why_no_drill:
            raise ImsobsError(f"{name} has no drill: {why}", exit_code=ExitCode.INPUT)
    drilled = [n for n, a in model.alerts.items() if a.why_no_drill is None]
    return names or drilled


def _environment(name: str | None, model: Model) -> str:
    """Return the environment to report as: its routes are those that are drilled."""
    known = model.spec.service.environments
    if name is not None and name not in known:
        raise ImsobsError(
            f'there is no environment "{name}"',
            remedy=available(name, known),
            exit_code=ExitCode.INPUT,
        )
    return name or known[-1]


def _row(case: Case) -> dict[str, object]:
    return {
        "alert": case.alert.name,
        "severity": case.alert.severity,
        "outcome": case.state,
        "delivered_to": case.delivered,
        "reason": case.reason,
        "delivered_after_seconds": case.fired_after and round(case.fired_after, 1),
        "resolved_after_seconds": case.resolved_after and round(case.resolved_after, 1),
        "queries": case.queries,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _remember(root: Path, rows: list[dict[str, object]]) -> None:
    """Keep the last outcome of every alert in ``.imsobs/drill.json``."""
    file = root / ".imsobs/drill.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known.update({str(row["alert"]): row for row in rows})
    private.write(file, json.dumps(known, indent=2, sort_keys=True) + "\n")


def _print(cases: list[Case]) -> None:
    from imsobs.runtime.drill.queries import silent

    table = Table(box=None, pad_edge=False)
    for heading in (
        "alert",
        "severity",
        "delivered to",
        "after",
        "resolved after",
        "queries",
        "outcome",
    ):
        align: Literal["left", "right"] = "right" if "after" in heading else "left"
        table.add_column(heading, justify=align, no_wrap=heading == "alert")
    for case in cases:
        times = [
            "" if value is None else f"{value:.0f} s"
            for value in (case.fired_after, case.resolved_after)
        ]
        outcome = "[green]ok[/]" if case.state == "done" else f"[red]{foreign(case.reason)}[/]"
        table.add_row(
            case.alert.name,
            case.alert.severity,
            foreign(case.delivered),
            *times,
            f"{len(case.queries) - len(silent(case.queries))} of {len(case.queries)}",
            outcome,
        )
    Console(highlight=False, emoji=False, width=max(results.width, _WIDTH)).print(table)


def _print_skipped(model: Model) -> None:
    for name, alert in model.alerts.items():
        if why := alert.why_no_drill:
            results.print(f"[dim]{name}: {foreign(why)}[/]")
