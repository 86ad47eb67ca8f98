"""A live check in words: sections of rows, which the command prints as text or as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from imsobs.markdown import cell, code_cell
from imsobs.model import Model
from imsobs.runtime.livecheck.metrics import Seen, State
from imsobs.runtime.livecheck.report import Finding, Report, Verdict
from imsobs.runtime.livecheck.scopes import Scope

_STATES = {
    State.missing: "Never seen",
    State.quiet: "Not counted in this time; their series are from before",
    State.absent: "Of components that do not run",
    State.none: "Count what goes wrong or is rare; nothing was",
    State.seen: "Seen",
}
_ALWAYS = (State.missing, State.quiet)


@dataclass(frozen=True)
class Section:
    """A title, and rows under headings. The first column of a row is a name."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def sections(
    report: Report, model: Model, place: Callable[[str], str], *, every: bool
) -> Iterator[Section]:
    """Yield what there may be to tell, the gravest first; a section can be without rows.

    place: of a metric in the spec. every: also metrics of which there is nothing to tell.
    """
    losses = [(one.series, one.where, _number(one.count), one.meaning) for one in report.losses]
    yield Section("Lost on the way", ("counter", "where", "count", "meaning"), losses)
    states = [*_STATES] if every else _ALWAYS
    for state in states:
        rows = [
            (row.metric, row.service, _counted(row), _source(row, model), place(row.metric))
            for row in report.metrics
            if row.state is state
        ]
        yield Section(_STATES[state], ("metric", "service", "count", "comes from", "spec"), rows)
    yield Section(
        "Seen with what is not in the spec",
        ("metric", "service", "label", "count", "meaning"),
        list(_outside(report)),
    )
    yield Section(
        "Senders that the spec does not name",
        ("service", "environment", "series"),
        [(one.service, one.environment, _number(one.series)) for one in report.senders],
    )
    yield Section(
        "Series that nobody declared",
        ("series", "job", "service", "count"),
        [(one.name, one.job, one.service, _number(one.series)) for one in report.undeclared],
    )
    yield Section(
        "Sources that took no span",
        ("source", "metrics"),
        [(one.source, ", ".join(one.metrics)) for one in report.unmatched],
    )
    yield Section(
        "Scopes whose spans no source takes",
        ("scope", "spans", "to take them"),
        [
            (one.name, _number(one.untaken), one.line or "their spans are not what a source asks")
            for one in report.scopes
            if not one.taken
        ],
    )
    if every:
        took = [
            (one.name, _number(sum(one.taken.values()) + one.untaken), _by_source(one))
            for one in report.scopes
            if one.taken
        ]
        yield Section("Scopes that sources take spans of", ("scope", "spans", "taken by"), took)
    broken = [
        (", ".join(one.labels.values()), one.service, _number(one.count), one.fault)
        for one in report.broken
    ]
    yield Section("Broken signals", ("which", "service", "count", "fault"), broken)


def _outside(report: Report) -> Iterator[tuple[str, ...]]:
    for row in report.metrics:
        for one in row.outside:
            if one.value is None:
                meaning = "the spec has no such label"
            elif one.overflow:
                meaning = "stands for values that the spec does not list"
            else:
                meaning = "the spec does not list this value"
            yield row.metric, row.service, one.text, _number(one.count), meaning


def _by_source(scope: Scope) -> str:
    return ", ".join(f"{source} {_number(count)}" for source, count in scope.taken.items())


def _counted(row: Seen) -> str:
    return "" if row.count is None else _number(row.count)


def _source(row: Seen, model: Model) -> str:
    metric = model.metrics[row.metric]
    if metric.kind.recorded:
        return "a recording rule"
    return f"{metric.source_kind} {', '.join(metric.sources)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.3g}"


def summary(report: Report) -> str:
    """Return one line: how many metrics were seen, and how much of everything else."""
    found = report.counts()
    states = [row.state for row in report.metrics]
    parts = [
        f"{states.count(State.seen)} of {len(states)} seen",
        f"{found[Finding.missing]} never",
        f"{found[Finding.quiet]} not in this time",
        f"{found[Finding.outside]} labels or values outside of the spec",
        f"{found[Finding.undeclared]} undeclared series",
        f"{found[Finding.unmatched]} sources that took no span",
        f"{found[Finding.broken]} kinds of broken signals",
    ]
    return f"{', '.join(parts)}; in {report.seconds} s"


def verdict(report: Report, fail_on: Collection[Finding]) -> str:
    """Return the verdict as a sentence."""
    match report.verdict(fail_on):
        case Verdict.invalid:
            return "invalid: something was lost on its way, so what was not seen may have been sent"
        case Verdict.findings:
            found = report.counts()
            told = [f"{found[one]} {one}" for one in Finding if one in fail_on and found[one]]
            return f"failed: {', '.join(told)}"
    return "ok"


def markdown(
    report: Report, shown: Collection[Section], fail_on: Collection[Finding]
) -> Iterator[str]:
    """Yield the lines of the check as Markdown, for a comment or the summary of a build."""
    yield f"**Live check: {verdict(report, fail_on)}**"
    yield ""
    yield summary(report)
    for section in shown:
        yield from ("", f"### {section.title}", "", _row(section.headings))
        yield _row(["---"] * len(section.headings))
        for name, *others in section.rows:
            yield _row([code_cell(name), *(cell(one) for one in others)])


def _row(cells: Collection[str]) -> str:
    return f"| {' | '.join(cells)} |"
