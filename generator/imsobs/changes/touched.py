"""Which alerts a change makes fire, or be told, otherwise."""

from __future__ import annotations

from imsobs.changes.alerts import definition
from imsobs.changes.change import paired
from imsobs.model import Model
from imsobs.model.receivers import inhibitions_of, situations, taken
from imsobs.model.rules import ResolvedAlert, recorded_in
from imsobs.spec.schema.routing import Route

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
    # One more service that goes the same way changes nothing.
    ways: list[list[Route]] = []
    for labels in situations(alert, model):
        if (way := list(taken(labels, model).values())) not in ways:
            ways.append(way)
    routes = [route for way in ways for route in way]
    routing = model.spec.routing
    return (
        alert.enabled,
        alert.expr,
        alert.interval,
        alert.for_,
        alert.keep_firing_for,
        alert.labels,
        [(record.name, record.expr, record.interval) for record in read],
        ways,
        [model.spec.mutes.get(name) for route in routes for name in route.mute],
        inhibitions_of(alert, model),
        (routing.receiver, routing.group_by, routing.group_wait, routing.group_interval),
    )
