"""imsobs backtest: what alerts would have done."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs.cli import completion
from imsobs.cli.app import SPEC, app
from imsobs.cli.options import AsFormat, AtPrometheus, Format, Overlay, Root, prometheus_at
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import compiled_or_exit
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.problems import available
from imsobs.spec.schema.base import seconds_of

if TYPE_CHECKING:
    from imsobs.changes.revision import Revision
    from imsobs.changes.touched import Pair

# Thresholds that are tried between the two that are given, these included.
_SWEPT = 9


@app.command(rich_help_panel=SPEC)
def backtest(
    alerts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ALERT",
            help="Alerts to replay; all when left out, or with --against those that it changes.",
            show_default=False,
            autocompletion=completion.alerts,
        ),
    ] = None,
    root: Root = Path(),
    overlay: Overlay = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REV|FILE", help="A git revision, or another spec, that is replayed beside."
        ),
    ] = None,
    since: Annotated[str, typer.Option(help="How far back, as 12h or 30d.")] = "30d",
    until: Annotated[
        str | None, typer.Option(help="Where the range ends, as 2026-01-31T12:00Z.")
    ] = None,
    prometheus: AtPrometheus = None,
    sweep: Annotated[
        str | None,
        typer.Option(metavar="LOW:HIGH", help="Also try thresholds of one alert, as 0.02:0.1."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page for a browser.")] = None,
    format: AsFormat = Format.text,
) -> None:
    """Replay alerts over what Prometheus holds: how often, how long, and who would have been told.

    Evaluated with Prometheus' own rules, at every interval of the alert's group. Exit code 3 when
    Prometheus does not answer, or refuses the condition of an alert.
    """
    from imsobs.backtest import page, replay, report
    from imsobs.backtest.prometheus import Prometheus
    from imsobs.changes.revision import Revision, revision
    from imsobs.runtime.progress import console_progress

    length = _seconds(since)
    end = _time(until)
    compiled, model = compiled_or_exit(root, overlay, format)
    here = Revision("the working tree", compiled.document, model)
    other = nullcontext(None) if against is None else revision(root, against, overlay or [])
    with other as before:
        pairs = _chosen(alerts or [], before, model)
        thresholds = _thresholds(sweep, alerts or [], model)
        if not pairs:
            errors.print(f"no alert behaves otherwise than in {against}")
            return
        revisions = [one for one in (before, here) if one is not None]
        sides = [
            replay.Side(one.name, one.model, _names(pairs, one is here, one.model, alerts or []))
            for one in revisions
        ]
        address = prometheus_at(prometheus, model.spec)
        with closing(Prometheus(address)) as source, console_progress(errors) as progress:
            span = replay.span_of(source, sides, length, end)
            verdicts = replay.replay(sides, source, span, progress, thresholds)
        by_name = [{one.alert.name: one for one in side} for side in verdicts]
        columns = [0, 1] if before else [1]
        subjects = [
            report.Subject(
                pair[1] or pair[0] or "",
                [
                    found.get(pair[column] or "")
                    for found, column in zip(by_name, columns, strict=True)
                ],
            )
            for pair in pairs
        ]
        named = {side.name: one for side, one in zip(sides, revisions, strict=True)}
        result = report.Report(
            source.name,
            span,
            sides,
            [subject for subject in subjects if any(subject.verdicts)],
            lambda side, path: named[side.name].place(path),
        )
        if format is Format.json:
            print_json(report.data(result))
        else:
            for line in report.lines(result):
                results.print(line)
        if html is not None:
            page.write(result, html)
            errors.print(f"[green]+[/] {foreign(html)}")
    if result.failed:
        raise typer.Exit(ExitCode.OUTSIDE)


def _chosen(names: list[str], before: Revision | None, model: Model) -> list[Pair]:
    """Return the alerts to replay. Raises ImsobsError (INPUT) for a name that is none."""
    from imsobs.changes.touched import alert_pairs, touched

    if before is None:
        pairs: list[Pair] = [(None, name) for name in model.alerts]
        known = set(model.alerts)
    else:
        pairs = alert_pairs(before.model, model) if names else touched(before.model, model)
        known = {*model.alerts, *before.model.alerts}
    for name in names:
        if name not in known:
            raise ImsobsError(
                f'there is no alert "{name}"; {available(name, known)}',
                exit_code=ExitCode.INPUT,
            )
    return [pair for pair in pairs if not names or set(pair) & set(names)]


def _names(pairs: list[Pair], is_here: bool, model: Model, named: list[str]) -> list[str]:
    """Return the alerts of a revision that are on; one that is named is replayed as if it were."""
    found = [pair[1] if is_here else pair[0] for pair in pairs]
    return [name for name in found if name and (model.alerts[name].enabled or {*named} == {name})]


def _thresholds(sweep: str | None, names: list[str], model: Model) -> list[float]:
    """Return the thresholds to try. Raises ImsobsError (INPUT)."""
    from imsobs.backtest.questions import exact, is_inequality

    if sweep is None:
        return []
    low, _, high = sweep.partition(":")
    try:
        ends = (float(low), float(high))
    except ValueError:
        ends = (1.0, 0.0)
    # Neither an infinity nor NaN is below another number by a finite one.
    if not 0 < ends[1] - ends[0] < float("inf"):
        raise ImsobsError(
            f'"{sweep}" is no range of thresholds; write LOW:HIGH, as 0.02:0.1',
            exit_code=ExitCode.INPUT,
        )
    alert = model.alerts.get(names[0]) if len(names) == 1 else None
    if alert is None or not is_inequality(alert):
        raise ImsobsError(
            "--sweep tries thresholds of one alert with >, >=, < or <=",
            remedy="name one such alert of the spec",
            exit_code=ExitCode.INPUT,
        )
    step = (ends[1] - ends[0]) / (_SWEPT - 1)
    tried = {exact(ends[0] + step * index) for index in range(_SWEPT)}
    return sorted({*tried, exact(alert.threshold)})


def _seconds(since: str) -> int:
    if (length := seconds_of(since)) is None:
        raise ImsobsError(
            f'"{since}" is not a duration; write 12h, 7d or 30d', exit_code=ExitCode.INPUT
        )
    return length


def _time(until: str | None) -> float:
    if until is None:
        return time.time()
    try:
        given = datetime.fromisoformat(until)
    except ValueError:
        raise ImsobsError(
            f'"{until}" is not a time; write 2026-01-31T12:00Z', exit_code=ExitCode.INPUT
        ) from None
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
