"""Recording rules: sound queries, names that tell, and an order that works."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import promql
from imsobs.model import Model, conventions
from imsobs.model.rules import Record
from imsobs.problems import KeyPath, Problem
from imsobs.promql import labels as promql_labels
from imsobs.promql.lint import lint
from imsobs.promql.mixing import mixed
from imsobs.spec.schema.base import seconds

_MIXES = "rule/environment-label"


def check(model: Model) -> Iterator[Problem]:
    """Yield promql/* and rule/* problems of ``rules`` and of metrics that are rules."""
    last = {(record.group, record.name): i for i, record in enumerate(model.records)}
    for index, record in enumerate(model.records):
        if record.path[0] not in ("rules", "metrics"):
            continue
        # A metric's rule is resolved by the check of metrics; here only habits matter.
        if record.path[0] == "rules":
            yield from unknown(record.expr, record.path, model)
        yield from habits(record.expr, record.path, model)
        if _MIXES not in _allowed(record, model):
            yield from mixing(record.expr, conventions.ENVIRONMENT, record.path, _MIXES, model)
        for name in _reads(record.expr):
            if name == record.name or last.get((record.group, name), -1) > index:
                message = (
                    f'"{name}" is recorded after this rule in the group {record.group}; put it'
                    " before"
                )
                yield Problem(record.path, message, "rule/order")


def unknown(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    """Yield what an expression names that does not exist."""
    for finding in promql_labels.findings(expr, model.series):
        yield Problem(path, finding.message, finding.check)


def habits(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    """Yield rule/* problems of an expression."""
    scrape = seconds(model.spec.scrape.interval)
    for finding in lint(expr, model.series, model.recorded, scrape):
        yield Problem(path, finding.message, finding.check)


def mixing(expr: str, label: str, path: KeyPath, check_id: str, model: Model) -> Iterator[Problem]:
    """Yield the metrics that an expression mixes over a label that should keep them apart."""
    for metric in mixed(expr, label, model.series):
        message = f'the label {label} of "{metric}" is lost; aggregate and match by ({label}, ...)'
        yield Problem(path, message, check_id)


def _allowed(record: Record, model: Model) -> dict[str, str]:
    section = model.spec.rules if record.path[0] == "rules" else model.spec.metrics
    return section[record.name].allow


def _reads(expr: str) -> list[str]:
    try:
        return promql.metric_names(expr)
    except ValueError:
        return []
