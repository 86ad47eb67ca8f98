"""What the generator writes itself is held to the law of what the spec has.

Records of folds, budgets, objectives and bands; alerts of objectives and bands, with their
runbooks. A fault here is reported at the entry that asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.checks.rules import habits, mixing, mixing_apart, unknown, written_here
from imsobs.model import Model, conventions
from imsobs.problems import KeyPath, Problem

_MIXES, _APART = "rule/environment-label", "rule/values-apart"
# A band is drawn around the mean of a curve, be it of a ratio.
_OF_BANDS = "rule/mean-of-ratios"


def check(model: Model) -> Iterator[Problem]:
    """Yield the first fault of what each entry asks for."""
    seen: set[KeyPath] = set()
    for path, expr in _queries(model):
        for problem in _query(expr, path, model) if path not in seen else ():
            seen.add(path)
            yield problem
            break


def _queries(model: Model) -> Iterator[tuple[KeyPath, str]]:
    for record in model.records:
        if written_here(record):
            yield record.path, record.expr
    for alert in model.alerts.values():
        if alert.path[0] != "alerts":
            yield alert.path, alert.expr
            for query in alert.runbook.queries.values() if alert.runbook else ():
                yield alert.path, query


def _query(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    names = list(unknown(expr, path, model))
    yield from names
    if names:
        return
    for problem in habits(expr, path, model):
        if not (path[0] == "anomalies" and problem.check == _OF_BANDS):
            yield problem
    yield from mixing(expr, conventions.ENVIRONMENT, path, _MIXES, model)
    yield from mixing_apart(expr, path, _APART, model)
