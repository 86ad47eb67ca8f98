"""Which alerts a change makes fire, or be told, otherwise."""

from __future__ import annotations

from imsobs.changes.alerts import definition
from imsobs.changes.change import paired
from imsobs.model import Model, conventions
from imsobs.model.receivers import inhibitions_of, taken
from imsobs.model.rules import ResolvedAlert, recorded_in

Pair = tuple[str | None, str | None]
"""An alert's name in the revision before and in the one after; None where it is not."""


def alert_pairs(before: Model, after: Model) -> list[Pair]:
    """Return every alert of both revisions, in the order of the later one, then what is gone."""
    pairs = paired(before.alerts, after.alerts, definition)
    old = {new: name for name, new in pairs.renamed.items()} | {name: name for name in pairs.both}
    return [
        *((old.get(name), name) for name in after.alerts),
        *((name, None) for name in pairs.removed),
    ]


def touched(before: Model, after: Model) -> list[Pair]:
    """Return the alerts whose condition, records, times, labels or way to a receiver changed."""
    return [pair for pair in alert_pairs(before, after) if _differs(pair, before, after)]


def _differs(pair: Pair, before: Model, after: Model) -> bool:
    old, new = pair
    if old is None or new is None or old != new:
        return True
    return _behaviour(before.alerts[old], before) != _behaviour(after.alerts[new], after)


def _behaviour(alert: ResolvedAlert, model: Model) -> tuple[object, ...]:
    records = {record.name: record for record in model.records}
    read = [records[name] for name in recorded_in(alert.expr, records)]
    environments = model.spec.service.environments or ("",)
    labels = alert.fixed_labels
    routes = [
        route
        for environment in environments
        for route in taken({**labels, conventions.ENVIRONMENT: environment}, model).values()
    ]
    routing = model.spec.routing
    return (
        alert.enabled,
        alert.expr,
        alert.interval,
        alert.for_,
        alert.keep_firing_for,
        alert.labels,
        [(record.name, record.expr, record.interval) for record in read],
        routes,
        [model.spec.mutes.get(name) for route in routes for name in route.mute],
        inhibitions_of(alert, model),
        (routing.receiver, routing.group_by, routing.group_wait, routing.group_interval),
    )
