"""Expand: plain data to plain data in which nothing that can be derived is left out.

Between load and parse. An author writes what cannot be known; what follows from it (the type of
a metric from its name, the labels of a span source from its metrics, the rates of a service tier
from a factor, the burn-rate alerts of an objective) is filled in here, so that every later stage
sees it written. What is written wins. Misshapen data passes unchanged: parse reports it.
"""

from __future__ import annotations

from typing import Any

from imsobs.spec.expand import alerts, defaults, objectives, prices, routing, slos, telemetry

_STEPS = (
    defaults.teams,
    defaults.owners,
    defaults.receivers,
    telemetry.events,
    telemetry.metrics,
    telemetry.sources,
    prices.models,
    prices.sources,
    prices.tiers,
    alerts.limits,
    slos.alerts,
    objectives.rows,
    routing.expectations,
)


def expand(data: dict[str, Any]) -> dict[str, Any]:
    """Return the spec's data with what can be derived filled in; ``data`` stays as it is."""
    for step in _STEPS:
        data = step(data)
    return data
