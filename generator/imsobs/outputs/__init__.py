"""Plan: the model to pages, data only. One module per product, each ``plan(model)``.

Stage 5 of load -> parse -> resolve -> check -> plan -> render. What a target needs escaped
is escaped here, once, in that target's plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imsobs.model import Model
from imsobs.pages import Page

Planner = Callable[[Model], Iterator[Page]]
PLANNERS: tuple[str, ...] = (
    "stack",
    "docs.estimate",
    "grafana",
    "app.sdk",
    "collector",
    "docs.reference",
    "docs.redaction",
    "prometheus.rules",
    "prometheus.rule_tests",
    "prometheus.anomaly_tests",
    "alertmanager",
    "docs.runbooks",
)
"""Modules of this package with a ``plan``, in the order in which pages are planned."""


def plan_all(model: Model) -> Iterator[Page]:
    """Yield every page of every output."""
    from importlib import import_module

    for name in PLANNERS:
        planner: Planner = import_module(f"imsobs.outputs.{name}").plan
        yield from planner(model)
