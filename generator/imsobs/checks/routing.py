"""Routing: every alert reaches someone, and nothing names what does not exist."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator

from imsobs.checks import inhibitions
from imsobs.checks.inhibitions import carried_labels
from imsobs.model import Model, conventions
from imsobs.model.metrics import identity_values
from imsobs.model.receivers import may_match
from imsobs.model.reporters import fixed_labels
from imsobs.problems import KeyPath, Problem, available, listed, near
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.routing import Matchers, Receiver, Route, Routing

# A repetition may be a quarter later than is written.
_LATE = 1.25
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def check(model: Model) -> Iterator[Problem]:
    """Yield route/*, receiver/* and mute/* problems."""
    spec = model.spec
    yield from _receiver(("routing", "receiver"), spec.routing.receiver, model)
    yield from _groups(("routing", "group_by"), spec.routing.group_by, model)
    yield from _repeats(("routing",), spec.routing, None)
    for name, route in spec.routing.routes.items():
        path: KeyPath = ("routing", "routes", name)
        yield from _receiver((*path, "receiver"), route.receiver, model)
        yield from _matchers((*path, "match"), route.match, model)
        if not route.match:
            message = "without a label it takes every alert, and no route behind it is tried; name"
            message += " a label and its value, or let routing.receiver be the receiver of the rest"
            yield Problem((*path, "match"), message, "route/empty-match")
        if route.group_by is not None:
            yield from _groups((*path, "group_by"), route.group_by, model)
        yield from _repeats(path, spec.routing, route)
        for mute in route.mute:
            if mute not in spec.mutes:
                message = f'mute "{mute}" is not declared; {available(mute, spec.mutes)}'
                yield Problem((*path, "mute"), message, "route/unknown-mute")
    for name, rule in spec.inhibitions.items():
        for side in ("source", "target"):
            yield from _matchers(("inhibitions", name, side), getattr(rule, side), model)
        yield from inhibitions.problems(("inhibitions", name), rule, model)
    yield from _reached(model)
    yield from _unrouted(model)
    yield from _receivers(model)
    yield from _mutes(model)
    yield from _expectations(model)


def _groups(path: KeyPath, labels: list[str], model: Model) -> Iterator[Problem]:
    carried = carried_labels(model)
    unknown = [label for label in labels if label not in carried]
    for label in unknown:
        message = f'no alert carries the label "{label}"; {available(label, carried)}'
        yield Problem((*path, labels.index(label)), message, "route/unknown-label")
    for label, why in (
        ("alertname", "a message about several alerts has no runbook"),
        (conventions.ENVIRONMENT, "a message about several environments is read as one trouble"),
    ):
        if label not in labels and near(label, unknown) is None:
            yield Problem(path, f"group by {label} as well; {why}", "route/group-by")


def _repeats(path: KeyPath, root: Routing, route: Route | None) -> Iterator[Problem]:
    """Yield a repetition that comes much later than is written.

    Alertmanager looks every group_interval whether repeat_interval has passed since the last
    notification was sent, which is a moment after the look: a whole number of group intervals is
    over one look later.
    """
    if route is not None and route.group_interval is None and route.repeat_interval is None:
        return
    look = seconds((route and route.group_interval) or root.group_interval)
    wanted = seconds((route and route.repeat_interval) or root.repeat_interval)
    if look <= 0 or wanted < look:
        return
    late = (wanted // look + 1) * look
    if late > _LATE * wanted:
        message = (
            f"it comes every {late} s: group_interval is looked at every {look} s, a moment before"
            f" {wanted} s have passed; write a repeat_interval of a little less, as"
            f" {max(1, wanted * 5 // 6)}s"
        )
        yield Problem((*path, "repeat_interval"), message, "route/repeat-interval")


def _receiver(path: KeyPath, name: str, model: Model) -> Iterator[Problem]:
    if name not in model.spec.receivers:
        message = f'receiver "{name}" is not declared; {available(name, model.spec.receivers)}'
        yield Problem(path, message, "route/unknown-receiver")


def _known_values(label: str, model: Model) -> set[str] | None:
    """Return the values that alerts have for a label; None when they are open."""
    identity = identity_values(model.spec)
    if label in identity:
        return set(identity[label])
    alerts = model.alerts.values()
    if label == "alertname":
        return set(model.alerts)
    if all(label in alert.labels for alert in alerts):
        each = [labels for alert in alerts for labels in fixed_labels(alert, model.spec)]
        return {labels[label] for labels in each}
    return None


def _matchers(path: KeyPath, match: Matchers, model: Model) -> Iterator[Problem]:
    carried = carried_labels(model)
    for label, given in match.items():
        if label not in carried:
            message = f'no alert carries the label "{label}"; {available(label, carried)}'
            yield Problem((*path, label), message, "route/unknown-label")
            continue
        known = _known_values(label, model)
        for value in [given] if isinstance(given, str) else given:
            if known is not None and value not in known:
                message = f'no alert has the {label} "{value}"; {available(value, known)}'
                yield Problem((*path, label), message, "route/unknown-value")


def _reached(model: Model) -> Iterator[Problem]:
    """Yield routes that no alert has all labels of, and those behind one that takes all theirs."""
    routes = model.spec.routing.routes
    alerts = [one for a in model.alerts.values() for one in fixed_labels(a, model.spec)]
    before: dict[str, Route] = {}
    for name, route in routes.items():
        here: KeyPath = ("routing", "routes", name)
        taken = next((other for other, r in before.items() if _takes(r.match, route.match)), None)
        if taken is not None:
            message = f"it is never reached: {taken} before it takes all of its alerts; put it"
            message += " first, or give that continue: true"
            yield Problem(here, message, "route/never-reached")
            continue
        if route.match and not route.then_continue:
            before[name] = route
        known = {label: _known_values(label, model) for label in route.match}
        exist = all(k is None or {*_listed(route.match[label])} & k for label, k in known.items())
        if alerts and exist and not any(may_match(route.match, labels) for labels in alerts):
            message = f"no alert has all of these labels ({', '.join(route.match)}), so it takes"
            message += " none"
            yield Problem((*here, "match"), message, "route/matches-nothing")


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given


def _takes(first: Matchers, second: Matchers) -> bool:
    """Return whether what the second matches is matched by the first."""
    return all(
        label in second and {*_listed(second[label])} <= {*_listed(given)}
        for label, given in first.items()
    )


def _unrouted(model: Model) -> Iterator[Problem]:
    routes = model.spec.routing.routes.values()
    carried = carried_labels(model)
    if any(label not in carried for route in routes for label in route.match):
        # A problem of the route already, which may have been for any of these.
        return
    notifying = {name for name, receiver in model.spec.receivers.items() if receiver != Receiver()}
    if not notifying.difference([model.spec.routing.receiver]):
        # Nobody else could be told.
        return
    # Team -> its severities that nobody is told of, with the first alert of all.
    untold: dict[str, dict[str, str]] = {}
    each = [(a, one) for a in model.alerts.values() for one in fixed_labels(a, model.spec)]
    for alert, labels in each:
        team = labels["team"]
        if team not in model.spec.alerting.teams:
            # A problem of the alert, or the service, already.
            continue
        # A route that asks for a label which the alert may lack does not catch all of them.
        if any(
            route.match.keys() <= labels.keys() and may_match(route.match, labels)
            for route in routes
        ):
            continue
        untold.setdefault(team, {}).setdefault(alert.severity, alert.name)
    for team, severities in untold.items():
        first = next(iter(severities.values()))
        message = (
            f"no route matches severity {listed(sorted(severities))} of team {team}, so only the"
            f" default receiver is told (first: {first}); add a route"
        )
        yield Problem(("routing", "routes"), message, "route/severity-unrouted")


def _receivers(model: Model) -> Iterator[Problem]:
    for name, receiver in model.spec.receivers.items():
        hook = receiver.webhook
        if hook is not None and (hook.url is None) == (hook.url_file is None):
            path = ("receivers", name, "webhook")
            yield Problem(
                path, "give url_file, or url on loopback, one of them", "receiver/webhook"
            )


def _is_time_zone(name: str) -> bool:
    # These two folders hold every zone a second time, not on every machine.
    if name.startswith(("posix/", "right/")):
        return False
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _mutes(model: Model) -> Iterator[Problem]:
    named = {mute for route in model.spec.routing.routes.values() for mute in route.mute}
    for name, mute in model.spec.mutes.items():
        if name not in named and near(name, named - model.spec.mutes.keys()) is None:
            message = f"no route names this mute, so it silences nothing; add mute: [{name}] to a"
            message += " route, or take it out"
            yield Problem(("mutes", name), message, "mute/unused")
        if not _is_time_zone(mute.location):
            message = f'"{mute.location}" is not a time zone, such as UTC or Europe/Berlin'
            yield Problem(("mutes", name, "location"), message, "mute/location")
        for index, time in enumerate(mute.times):
            path: KeyPath = ("mutes", name, "times", index)
            if not time.weekdays and (time.start, time.end) == ("00:00", "24:00"):
                message = "this is every minute of every day, in which nothing would be sent; give"
                message += " from, to or weekdays"
                yield Problem(path, message, "mute/always")
            elif time.start >= time.end:
                message = f"{time.start} is not before {time.end}; give the night as two times"
                yield Problem(path, message, "mute/times")
            for days in time.weekdays:
                start, _, end = days.partition(":")
                if end and _DAYS.index(start) > _DAYS.index(end):
                    message = f"{days} runs backwards (weeks begin on Sunday); list the days"
                    yield Problem((*path, "weekdays"), message, "mute/weekdays")


def _expectations(model: Model) -> Iterator[Problem]:
    for name, wanted in model.spec.routing.expect.items():
        path: KeyPath = ("routing", "expect", name)
        for receiver in wanted.receivers:
            yield from _receiver((*path, "receivers"), receiver, model)
        if wanted.muted is not None and wanted.muted not in model.spec.mutes:
            message = (
                f'mute "{wanted.muted}" is not declared;'
                f" {available(wanted.muted, model.spec.mutes)}"
            )
            yield Problem((*path, "muted"), message, "route/unknown-mute")
        if wanted.inhibited and wanted.beside is None:
            message = "say beside which alert it is held back"
            yield Problem(path, message, "route/expectation")
