"""Receivers: who is notified of an alert, by the spec's routes."""

from __future__ import annotations

from imsobs.model import Model
from imsobs.model.rules import ResolvedAlert
from imsobs.spec.schema.routing import Matchers


def receivers_of(alert: ResolvedAlert, labels: dict[str, str], model: Model) -> list[str]:
    """Return the receivers that the spec's routes name for an alert."""
    found = []
    for route in model.spec.routing.routes.values():
        if _matches(route.match, {**labels, "alertname": alert.name}):
            found.append(route.receiver)
            if not route.then_continue:
                return found
    return found or [model.spec.routing.receiver]


def _matches(match: Matchers, labels: dict[str, str]) -> bool:
    return all(
        labels.get(label) in ([value] if isinstance(value, str) else value)
        for label, value in match.items()
    )
