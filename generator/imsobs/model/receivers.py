"""Receivers: who is notified of an alert, by the spec's routes and inhibitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imsobs.model import Model, conventions
from imsobs.model.reporters import fixed_labels, handed_over
from imsobs.model.rules import ResolvedAlert
from imsobs.spec.schema.routing import Inhibition, Matchers, Route


def situations(alert: ResolvedAlert, model: Model) -> Iterator[dict[str, str]]:
    """Yield the labels by which an alert may be routed: of each service, in each environment.

    An alert that does not tell services apart has no service.
    """
    service, environment = conventions.SERVICE_NAME, conventions.ENVIRONMENT
    fixed, spec = alert.fixed_labels, model.spec
    several = service in (alert.carried or ()) and service not in fixed
    for name in spec.service.names if several else [None]:
        own = {} if name is None else {service: name}
        for each in spec.service.environments or [""]:
            yield handed_over({environment: each, **own, **fixed}, spec)


def receivers_of(alert: ResolvedAlert, labels: dict[str, str], model: Model) -> list[str]:
    """Return the receivers that the spec's routes name for an alert."""
    return [receiver for _, receiver in routes_of(alert, labels, model)]


def routes_of(alert: ResolvedAlert, labels: dict[str, str], model: Model) -> list[tuple[str, str]]:
    """Return (route, receiver) of every route that an alert takes; the default's name is empty."""
    found = taken({**labels, "alertname": alert.name}, model)
    routed = [(name, route.receiver) for name, route in found.items()]
    return routed or [("", model.spec.routing.receiver)]


def taken(labels: Mapping[str, str], model: Model) -> dict[str, Route]:
    """Return the routes that an alert with these labels takes; none: the root takes it."""
    found = {}
    labels = handed_over(labels, model.spec)
    for name, route in model.spec.routing.routes.items():
        if matches(route.match, labels):
            found[name] = route
            if not route.then_continue:
                break
    return found


def inhibitions_of(alert: ResolvedAlert, model: Model) -> list[Inhibition]:
    """Return the inhibitions that may hold an alert back, by the labels that it always has."""
    return [rule for rule in model.spec.inhibitions.values() if may_be(rule.target, alert, model)]


def inhibitors(alert: ResolvedAlert, model: Model) -> list[str]:
    """Return the alerts that may hold an alert back, by the labels that they always have."""
    targets = fixed_labels(alert, model.spec)
    rules = inhibitions_of(alert, model)
    return [
        other.name
        for other in model.alerts.values()
        if other.enabled
        and other is not alert
        and any(
            _may_hold(rule, source, target)
            for rule in rules
            for source in fixed_labels(other, model.spec)
            for target in targets
        )
    ]


def _may_hold(rule: Inhibition, source: dict[str, str], target: dict[str, str]) -> bool:
    both = source.keys() & target.keys() & set(rule.equal)
    return may_match(rule.source, source) and all(source[key] == target[key] for key in both)


def may_be(match: Matchers, alert: ResolvedAlert, model: Model) -> bool:
    """Return whether an alert may have the values asked for, whichever team is told of it."""
    return any(may_match(match, labels) for labels in fixed_labels(alert, model.spec))


def may_match(match: Matchers, labels: Mapping[str, str]) -> bool:
    """Return whether labels of which only some are known may have the values asked for."""
    return matches({label: match[label] for label in match if label in labels}, labels)


def matches(match: Matchers, labels: Mapping[str, str]) -> bool:
    """Return whether labels have the values that are asked for."""
    return all(
        labels.get(label) in ([value] if isinstance(value, str) else value)
        for label, value in match.items()
    )
