"""Recording rules: sound queries, names that tell, and an order that works."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import promql
from imsobs.model import Model
from imsobs.problems import KeyPath, Problem
from imsobs.promql import labels as promql_labels
from imsobs.promql.lint import lint
from imsobs.spec.schema.base import seconds


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


def _reads(expr: str) -> list[str]:
    try:
        return promql.metric_names(expr)
    except ValueError:
        return []
