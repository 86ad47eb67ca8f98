"""A replay as one page for a browser, without script and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imsobs.backtest import wording
from imsobs.backtest.replay import Row, Span, Verdict
from imsobs.backtest.report import Report, Subject
from imsobs.backtest.states import Episode
from imsobs.errors import ImsobsError
from imsobs.model.alerts import threshold_text
from imsobs.pages import environment

_WIDTH = 1000
# Rows of a table, and bars of a timeline, that a browser still shows at once.
_MOST = 200


@dataclass(frozen=True)
class _Bar:
    """An episode on a timeline: left end and width in thousandths of it."""

    left: float
    width: float
    kind: str


@dataclass(frozen=True)
class _Block:
    """An alert of one revision, as texts."""

    revision: str
    summary: str
    told: str
    notes: list[str]
    error: str
    bars: list[_Bar]
    rows: Sequence[Sequence[str]]
    more: int
    sweep: Sequence[Sequence[str]]


def write(report: Report, path: Path) -> None:
    """Write the page. Raises ImsobsError where it cannot be written."""
    try:
        path.write_text(html(report), encoding="utf-8")
    except OSError as error:
        raise ImsobsError(
            f"cannot write {path}: {error.strerror}", remedy="give another --html"
        ) from error


def html(report: Report) -> str:
    """Return the page; every text in it is escaped."""
    # The environment of rendered files writes texts as they are.
    template = environment().overlay(autoescape=True).get_template("backtest.html.j2")
    noisy = [subject for subject in report.subjects if not subject.quiet]
    return template.render(
        start=wording.moment(report.span.first),
        end=wording.moment(report.span.last),
        prometheus=report.prometheus,
        gap=wording.gap(report.span),
        subjects=[_subject(report, subject) for subject in noisy],
        quiet=[subject.name for subject in report.subjects if subject.quiet],
        compared=len(report.sides) > 1,
        width=_WIDTH,
    )


def _subject(report: Report, subject: Subject) -> dict[str, object]:
    verdict = next(one for one in subject.verdicts if one)
    file, line = report.place(verdict.side, verdict.alert.path)
    return {
        "name": subject.name,
        "severity": verdict.alert.severity,
        "place": f"{file}:{line}",
        "blocks": [
            _block(side.name, one, report.span)
            for side, one in zip(report.sides, subject.verdicts, strict=True)
        ],
    }


def _block(revision: str, verdict: Verdict | None, span: Span) -> _Block:
    if verdict is None:
        text = "There is no such alert, or it is off."
        return _Block(revision, text, "", [], "", [], [], 0, [])
    if verdict.error:
        return _Block(revision, "", "", [], verdict.error, [], [], 0, [])
    alert = verdict.alert
    rows = [
        (
            wording.begun(episode, span),
            wording.course(episode, span),
            wording.value_text(episode.peak, alert),
            wording.labels_text(episode.labels, alert),
            wording.ending(outcome),
        )
        for episode, outcome in zip(verdict.episodes, verdict.outcomes, strict=True)
    ]
    return _Block(
        revision,
        wording.summary(verdict, span),
        wording.reached(verdict),
        list(wording.notes(verdict)),
        "",
        _bars(verdict.episodes, span),
        rows[:_MOST],
        max(0, len(rows) - _MOST),
        [_swept(row, verdict) for row in verdict.sweep],
    )


def _swept(row: Row, verdict: Verdict) -> Sequence[str]:
    return (
        threshold_text(row.threshold, verdict.alert.unit),
        str(row.fired),
        str(row.pending),
        wording.duration(row.seconds),
    )


def _bars(episodes: Sequence[Episode], span: Span) -> list[_Bar]:
    """Return pending and firing stretches; those that touch at this scale are one."""
    stretches: dict[str, list[tuple[float, float]]] = {"pending": [], "firing": []}
    for episode in episodes:
        until = episode.until(int(span.last))
        stretches["pending"].append((episode.begin, until))
        if episode.fired is not None:
            stretches["firing"].append((episode.fired, until))
    return [bar for kind, found in stretches.items() for bar in _joined(kind, found, span)]


def _joined(kind: str, found: list[tuple[float, float]], span: Span) -> list[_Bar]:
    scale = _WIDTH / (span.last - span.first)
    bars: list[_Bar] = []
    for start, end in sorted(found):
        left = max(0.0, (start - span.first) * scale)
        # What is short is still seen.
        right = min(float(_WIDTH), max((end - span.first) * scale, left + 1))
        if bars and left <= bars[-1].left + bars[-1].width:
            last = bars.pop()
            left, right = last.left, max(right, last.left + last.width)
        bars.append(_Bar(round(left, 2), round(right - left, 2), kind))
    return bars
