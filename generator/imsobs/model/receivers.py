"""Receivers: who is notified of an alert, by the spec's routes."""

from __future__ import annotations

from imsobs.model import Model
from imsobs.model.rules import ResolvedAlert
from imsobs.spec.schema.routing import Matchers


def receivers_of(alert: ResolvedAlert, labels: dict[str, str], model: Model) -> list[str]:
    """Return the receivers that the spec's routes name for an alert."""
    return [receiver for _, receiver in routes_of(alert, labels, model)]


def routes_of(alert: ResolvedAlert, labels: dict[str, str], model: Model) -> list[tuple[str, str]]:
    """Return (route, receiver) of every route that an alert takes; the default's name is empty."""
    found = []
    for name, route in model.spec.routing.routes.items():
        if _matches(route.match, {**labels, "alertname": alert.name}):
            found.append((name, route.receiver))
            if not route.then_continue:
                return found
    return found or [("", model.spec.routing.receiver)]


def _matches(match: Matchers, labels: dict[str, str]) -> bool:
    return all(
        labels.get(label) in ([value] if isinstance(value, str) else value)
        for label, value in match.items()
    )
