"""Check: what a well-shaped spec means; every problem at once.

Stage 4 of load -> parse -> resolve -> check -> plan -> render. One module per subject; each
has ``check(model) -> Iterator[Problem]``, and its ids are explained in docs/checks/.
"""

from __future__ import annotations

from itertools import islice

from imsobs.checks import (
    alerts,
    attributes,
    collector,
    dashboards,
    events,
    expected,
    generated,
    kubernetes,
    labels,
    metrics,
    ottl,
    prices,
    probe,
    routing,
    rules,
    services,
    slos,
    stack,
)
from imsobs.model import Model
from imsobs.problems import MOST_LOOKED_FOR, Problem

CHECKS = (
    services,
    labels,
    attributes,
    ottl,
    events,
    prices,
    metrics,
    expected,
    collector,
    probe,
    dashboards,
    stack,
    kubernetes,
    rules,
    alerts,
    slos,
    routing,
)


def run(model: Model) -> list[Problem]:
    """Return every problem that any check finds.

    What the generator makes of a spec is looked at once the spec is right: faults of it would
    follow from those of the spec.
    """
    found = [
        problem for module in CHECKS for problem in islice(module.check(model), MOST_LOOKED_FOR)
    ]
    return found or list(generated.check(model))


def notes(model: Model) -> list[Problem]:
    """Return what is missing without being wrong; a spec with notes is rendered."""
    return list(alerts.notes(model))
