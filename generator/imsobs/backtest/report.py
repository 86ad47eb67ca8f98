"""What a replay found, as lines for a terminal and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from imsobs.backtest import wording
from imsobs.backtest.replay import Side, Span, Verdict
from imsobs.backtest.states import Episode
from imsobs.backtest.told import OUTCOMES, Outcome
from imsobs.model.alerts import threshold_text
from imsobs.model.rules import ResolvedAlert, number
from imsobs.problems import KeyPath
from imsobs.terminal import printable

# Episodes that are listed of an alert and revision; JSON and the page have more.
_LISTED = 5
_COLUMNS = 60
_PENDING, _FIRING = "▒", "█"


@dataclass(frozen=True)
class Subject:
    """An alert, and its verdict of each side; None: the revision has no such alert, or it is off.

    name: in the last revision that has it.
    """

    name: str
    verdicts: Sequence[Verdict | None]

    @property
    def quiet(self) -> bool:
        """Whether nothing is to be said of it."""
        return not any(
            one and (one.episodes or one.error or one.refused or one.without_data or one.sweep)
            for one in self.verdicts
        )


@dataclass(frozen=True)
class Report:
    """A replay. place: function from the key path of an alert to file and line of the spec."""

    prometheus: str
    span: Span
    sides: Sequence[Side]
    subjects: Sequence[Subject]
    place: Callable[[Side, KeyPath], tuple[str, int]]

    @property
    def failed(self) -> list[str]:
        """Alerts for which a revision has no answer."""
        return [
            subject.name
            for subject in self.subjects
            if any(verdict and verdict.error for verdict in subject.verdicts)
        ]


def lines(report: Report) -> Iterator[Text]:
    """Yield the report for a terminal."""
    span = report.span
    ends = f"{wording.moment(span.first)} to {wording.moment(span.last)} UTC"
    yield Text(f"{ends}, Prometheus at {report.prometheus}")
    if missing := wording.gap(span):
        yield Text(missing, style="yellow")
    for subject in report.subjects:
        if subject.quiet:
            continue
        yield Text()
        yield _heading(report, subject)
        for side, verdict in zip(report.sides, subject.verdicts, strict=True):
            if len(report.sides) > 1:
                yield Text(f"  {printable(side.name)}", style="bold")
            yield from _verdict(verdict, span)
    quiet = [subject.name for subject in report.subjects if subject.quiet]
    if quiet:
        yield Text()
        yield Text(f"never pending ({len(quiet)}): {', '.join(quiet)}", style="green")


def _heading(report: Report, subject: Subject) -> Text:
    verdict = next(one for one in subject.verdicts if one)
    file, line = report.place(verdict.side, verdict.alert.path)
    return Text.assemble(
        (subject.name, "bold"), f" {verdict.alert.severity}  {printable(file)}:{line}"
    )


def _verdict(verdict: Verdict | None, span: Span) -> Iterator[Text]:
    if verdict is None:
        yield Text("    none: there is no such alert, or it is off")
        return
    if verdict.error:
        yield Text(f"    no answer: {printable(verdict.error)}", style="red")
        return
    yield Text(f"    {wording.summary(verdict, span)}")
    if told := wording.reached(verdict):
        yield Text(f"    {told}")
    for note in wording.notes(verdict):
        yield Text(f"    {note}", style="dim")
    if verdict.episodes:
        yield Text.assemble("    ", _timeline(verdict.episodes, span))
    for episode, outcome in list(zip(verdict.episodes, verdict.outcomes, strict=True))[:_LISTED]:
        yield Text(f"    {_episode(episode, outcome, verdict.alert, span)}")
    if (more := len(verdict.episodes) - _LISTED) > 0:
        yield Text(f"    and {more} more")
    if verdict.sweep:
        yield Text(f"    {'threshold':>12} {'fired':>7} {'pending':>8}  firing")
    for row in verdict.sweep:
        limit = threshold_text(row.threshold, verdict.alert.unit)
        own = "  <- the spec" if row.threshold == verdict.alert.threshold else ""
        yield Text(
            f"    {limit:>12} {row.fired:>7} {row.pending:>8}  {wording.duration(row.seconds)}{own}"
        )


def _timeline(episodes: Sequence[Episode], span: Span) -> Text:
    """Return the range in columns: firing where any label set fired, or pending."""
    width = (span.last - span.first) / _COLUMNS
    cells = [" "] * _COLUMNS

    def fill(start: float, end: float, sign: str) -> None:
        first = max(0, int((start - span.first) / width))
        # The instant of the end is no longer part of it.
        for column in range(first, min(_COLUMNS - 1, int((end - 1 - span.first) / width)) + 1):
            cells[column] = sign

    for episode in episodes:
        fill(episode.begin, episode.until(int(span.last)), _PENDING)
    for episode in episodes:
        if episode.fired is not None:
            fill(episode.fired, episode.until(int(span.last)), _FIRING)
    text = Text("|")
    for cell in cells:
        text.append(cell, style={_FIRING: "red", _PENDING: "yellow"}.get(cell, ""))
    return text.append(f"| a column is {wording.duration(width)}")


def _episode(episode: Episode, outcome: Outcome, alert: ResolvedAlert, span: Span) -> str:
    return (
        f"{wording.begun(episode, span)}  {wording.course(episode, span)}"
        f"  worst {wording.value_text(episode.peak, alert)}"
        f"  {wording.labels_text(episode.labels, alert)}  {wording.ending(outcome)}".rstrip()
    )


def data(report: Report) -> dict[str, Any]:
    """Return the report as JSON."""
    span = report.span
    return {
        "prometheus": report.prometheus,
        "from": _iso(span.first),
        "to": _iso(span.last),
        "missing_seconds": round(max(0, span.first - span.asked)),
        "alerts": [
            {
                "alert": subject.name,
                "revisions": [
                    {"revision": side.name, **_verdict_data(report, verdict)}
                    for side, verdict in zip(report.sides, subject.verdicts, strict=True)
                ],
            }
            for subject in report.subjects
        ],
    }


def _verdict_data(report: Report, verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {"on": False}
    span, alert = report.span, verdict.alert
    file, line = report.place(verdict.side, alert.path)
    outcomes = Counter(one.kind for one in verdict.outcomes)
    return {
        "on": True,
        "alert": alert.name,
        "severity": alert.severity,
        "file": file,
        "line": line,
        "op": alert.op,
        "threshold": alert.threshold,
        "error": verdict.error or None,
        "refused": verdict.refused or None,
        "in_place": list(verdict.in_place),
        "without_data": list(verdict.without_data),
        "fired": sum(one.fired is not None for one in verdict.episodes),
        "firing_seconds": verdict.seconds(span),
        "outcomes": {kind: outcomes[kind] for kind in OUTCOMES},
        "receivers": dict(
            sorted(
                Counter(
                    name for one in verdict.outcomes if one.kind == "told" for name in one.receivers
                ).items()
            )
        ),
        "episodes": [
            {
                "labels": dict(sorted(episode.labels.items())),
                "began_before": episode.begin < span.first,
                "pending_at": _iso(episode.begin),
                "fired_at": None if episode.fired is None else _iso(episode.fired),
                "resolved_at": None if episode.end is None else _iso(episode.end),
                # JSON has no infinities.
                "peak": episode.peak if math.isfinite(episode.peak) else number(episode.peak),
                "outcome": outcome.kind,
                "receivers": list(outcome.receivers) if outcome.kind == "told" else [],
                "by": list(outcome.by),
            }
            for episode, outcome in zip(verdict.episodes, verdict.outcomes, strict=True)
        ],
        "sweep": [
            {
                "threshold": row.threshold,
                "fired": row.fired,
                "pending": row.pending,
                "firing_seconds": row.seconds,
            }
            for row in verdict.sweep
        ],
    }


def _iso(at: float) -> str:
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%SZ}"
