"""Recording rules: sound queries, names in the form of Prometheus, and an order that works."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import promql
from imsobs.checks import circles, ratios
from imsobs.checks.thresholds import beyond_retention
from imsobs.model import Model, conventions
from imsobs.model.rules import Record
from imsobs.problems import KeyPath, Problem, dotted, part
from imsobs.promql import labels as promql_labels
from imsobs.promql.labels import Finding
from imsobs.promql.lint import as_shown, lint
from imsobs.promql.matchers import excluding
from imsobs.promql.meaning import senseless
from imsobs.promql.mixing import mixed, mixed_with_apart
from imsobs.promql.places import place_of_word
from imsobs.spec.schema.base import seconds

_MIXES = "rule/environment-label"
# Prometheus finds a sample for 5 minutes; the next one needs time to be computed.
_SLOWEST = 240
# Windows of days add up counts of so many seconds, each taken once.
_COUNTED = 300
_APART = "rule/values-apart"
_ORDER = "rule/order"


def check(model: Model) -> Iterator[Problem]:
    """Yield promql/* and rule/* problems of ``rules`` and of metrics that are rules."""
    for name, rule in model.spec.rules.items():
        path: KeyPath = ("rules", name)
        if (rule.expr is None) == (rule.ratio is None):
            message = "say with expr or with ratio what is recorded, one of them"
            yield Problem(path, message, "rule/one-source")
        elif rule.ratio is not None:
            yield from ratios.problems((*path, "ratio"), rule.ratio, rule.by, model)
        elif rule.by:
            message = "expr says itself by which labels it sums; by goes with ratio"
            yield Problem((*path, "by"), message, "rule/by-without-ratio")
    yield from _names(model)
    slow = model.spec.alerting.slow
    if seconds(slow) > _SLOWEST:
        message = f"a recorded value is found for 5 minutes; with {slow} it is missing between two"
        message += " evaluations; at most 4m"
        yield Problem(("alerting", "slow"), message, "rule/slow-interval")
    fast = model.spec.alerting.fast
    if seconds(fast) == 0 or _COUNTED % seconds(fast):
        message = f"objectives add up counts of 5 minutes, which {fast} does not divide; use 15s,"
        message += " 30s or 1m"
        yield Problem(("alerting", "fast"), message, "rule/fast-interval")
    found = circles.circles(model)
    yield from map(circles.problem, found)
    circular = {record.name for circle in found for record in circle}
    last = {(record.group, record.name): i for i, record in enumerate(model.records)}
    for index, record in enumerate(model.records):
        if not record.expr or written_here(record):
            continue
        # A metric's rule is resolved by the check of metrics; here only habits matter.
        if record.path[-1] == "ratio":
            yield from _window(record.expr, record.path, model)
            continue
        if record.path[0] == "rules":
            yield from unknown(record.expr, record.path, model)
        yield from habits(record.expr, record.path, model)
        if _MIXES not in _allowed(record, model):
            yield from mixing(record.expr, conventions.ENVIRONMENT, record.path, _MIXES, model)
        if _APART not in _allowed(record, model):
            yield from mixing_apart(record.expr, record.path, _APART, model)
        for name in reads(record.expr) if _ORDER not in _allowed(record, model) else ():
            if {name, record.name} <= circular:
                continue
            if last.get((record.group, name), -1) > index:
                message = (
                    f'"{name}" is recorded after this rule in the group {record.group}; put it'
                    " before"
                )
                at = part(record.expr, place_of_word(record.expr, name))
                yield Problem(record.path, message, _ORDER, part=at)


def written_here(record: Record) -> bool:
    """Return whether the generator wrote the query: of a fold, a budget, an objective, a band."""
    return record.path[0] not in ("rules", "metrics") or record.path[-1] == "fold"


def _names(model: Model) -> Iterator[Problem]:
    """Yield rules of names that the generator records."""
    taken = {record.name: record.path for record in model.records if written_here(record)}
    for name in model.spec.rules:
        if name in taken:
            message = f"this is recorded for {dotted(taken[name])}; choose another name, or drop it"
            yield Problem(("rules", name), message, "rule/recorded-twice")


def _window(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    """Yield what is wrong with the window of a ratio; all else of it is the generator's."""
    yield from spans(expr, (*path, "over"), model)


def unknown(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    """Yield what an expression names that does not exist, or else what has no sense."""
    for finding in _faults(expr, model):
        yield located(finding, expr, path)


def located(finding: Finding, expr: str, path: KeyPath) -> Problem:
    """Return the problem of an expression that stands at ``path``."""
    return Problem(path, finding.message, finding.check, part=part(expr, finding.at))


def _faults(expr: str, model: Model) -> list[Finding]:
    if expr not in model.judged:
        found = promql_labels.findings(expr, model.series)
        model.judged[expr] = found or promql_labels.once(senseless(expr, model.series))
    return model.judged[expr]


def habits(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    """Yield rule/* problems of an expression."""
    scrape = seconds(model.spec.scrape.interval)
    for finding in promql_labels.once(lint(expr, model.series, model.computed, scrape)):
        yield located(finding, expr, path)
    yield from beyond_retention(expr, path, model)


def spans(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    """Yield ranges that hold too few scrapes, or reach back further than metrics are kept."""
    for problem in habits(expr, path, model):
        if problem.check in ("rule/short-range", "rule/long-range"):
            yield problem


def mixing(expr: str, label: str, path: KeyPath, check_id: str, model: Model) -> Iterator[Problem]:
    """Yield the metrics that an expression mixes over a label that should keep them apart."""
    # What it mixes is reported once its names are right.
    for metric in mixed(expr, label, model.series) if not _faults(expr, model) else ():
        message = f'the label {label} of "{metric}" is lost; aggregate and match by ({label}, ...)'
        yield Problem(path, message, check_id, part=part(expr, place_of_word(expr, metric)))


def mixing_apart(expr: str, path: KeyPath, check_id: str, model: Model) -> Iterator[Problem]:
    """Yield where an expression mixes values that are set apart with the others."""
    found = mixed_with_apart(expr, model.series) if not _faults(expr, model) else ()
    for metric, label in found:
        values = model.series[metric].apart[label]
        message = (
            f'{", ".join(values)} of "{metric}" are mixed with the others; add'
            f" {excluding(label, values)}, or keep {label}"
        )
        yield Problem(path, message, check_id, part=part(expr, place_of_word(expr, metric)))


def _allowed(record: Record, model: Model) -> dict[str, str]:
    section = model.spec.rules if record.path[0] == "rules" else model.spec.metrics
    return section[record.name].allow


def shown(expr: str, path: KeyPath) -> Iterator[Problem]:
    """Yield rule/* problems of an expression whose numbers a person reads."""
    for finding in as_shown(expr):
        yield located(finding, expr, path)


def reads(expr: str) -> list[str]:
    """Return the series that an expression selects; none when it does not parse."""
    try:
        return promql.metric_names(expr)
    except ValueError:
        return []
