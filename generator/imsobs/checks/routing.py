"""Routing: every alert reaches someone, and nothing names what does not exist."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator

from imsobs.checks.rules import mixing
from imsobs.model import Model, conventions
from imsobs.model.metrics import identity_values
from imsobs.model.rules import ResolvedAlert
from imsobs.problems import KeyPath, Problem, available, near
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.routing import Inhibition, Matchers, Receiver, Route, Routing

# A repetition may be a quarter later than is written.
_LATE = 1.25
_NEVER_EQUAL = "inhibition/never-equal"
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
            if not getattr(rule, side):
                message = f"without a label every alert is the {side}; name a label and its value"
                yield Problem(("inhibitions", name, side), message, "inhibition/empty-match")
        yield from _matchers(("inhibitions", name, "source"), rule.source, model)
        yield from _matchers(("inhibitions", name, "target"), rule.target, model)
        yield from _inhibition(("inhibitions", name), rule, model)
    yield from _unrouted(model)
    yield from _receivers(model)
    yield from _mutes(model)
    yield from _expectations(model)


def _groups(path: KeyPath, labels: list[str], model: Model) -> Iterator[Problem]:
    carried = _carried(model)
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


def _carried(model: Model) -> set[str]:
    """Return the labels that some alert carries, or would: its name and whose it is."""
    own = {"alertname", *conventions.IDENTITY_LABELS}
    return own.union(*(alert.carried or () for alert in model.alerts.values()))


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


def _inhibition(path: KeyPath, rule: Inhibition, model: Model) -> Iterator[Problem]:
    """Yield labels of equal that no alert has, and one environment that silences another.

    Alertmanager takes a label that both alerts lack for an equal one.
    """
    carried = _carried(model)
    for index, label in enumerate(rule.equal):
        if label not in carried:
            message = f'no alert carries the label "{label}"; {available(label, carried)}'
            yield Problem((*path, "equal", index), message, "route/unknown-label")
    yield from _never_equal(path, rule, model)
    if conventions.ENVIRONMENT in rule.equal:
        return
    for match in (rule.source, rule.target):
        chosen = [
            alert
            for alert in model.alerts.values()
            if _may_match(match, {**alert.labels, "alertname": alert.name})
        ]
        if not any(conventions.ENVIRONMENT in (alert.carried or ()) for alert in chosen):
            return
    message = f"one environment would silence another; add {conventions.ENVIRONMENT} to equal"
    yield Problem(path, message, "inhibition/environment-label")


def _never_equal(path: KeyPath, rule: Inhibition, model: Model) -> Iterator[Problem]:
    """Yield the alerts named by an inhibition that it can never hold back, or hold others by.

    A label of ``equal`` that one alert carries and the other lacks is never equal.
    """
    sides = {
        side: [
            alert
            for alert in model.alerts.values()
            if _may_match(match, {**alert.labels, "alertname": alert.name})
            and not _loses_identity(alert, model)
        ]
        for side, match in (("source", rule.source), ("target", rule.target))
    }
    for side, other in (("target", "source"), ("source", "target")):
        if "alertname" not in getattr(rule, side):
            continue
        never: dict[str, list[str]] = {}
        for alert in sides[side]:
            against = [entry for entry in sides[other] if entry is not alert]
            apart = [_differing(alert, entry, rule.equal) for entry in against]
            if against and all(apart):
                never.setdefault(apart[0][0], []).append(alert.name)
        for label, names in never.items():
            has = label in (model.alerts[names[0]].carried or ())
            message = (
                f"of {side}, {', '.join(names)} {'with' if has else 'without'} the label that"
                f" {'no' if has else 'every'} alert of {other} has: it is never equal; take"
                f' "{label}" from equal'
            )
            yield Problem((*path, "equal", rule.equal.index(label)), message, _NEVER_EQUAL)
        if never:
            return


def _differing(left: ResolvedAlert, right: ResolvedAlert, labels: list[str]) -> list[str]:
    """Return the labels that one alert carries and the other lacks; none where that is unknown."""
    if left.carried is None or right.carried is None:
        return []
    return [label for label in labels if (label in left.carried) != (label in right.carried)]


def _loses_identity(alert: ResolvedAlert, model: Model) -> bool:
    """Return whether an alert has lost the labels of its service: a fault that is told of it."""
    return any(
        next(mixing(alert.value, label, alert.path, "", model), None) is not None
        for label in conventions.IDENTITY_LABELS
    )


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
        return {alert.labels[label] for alert in alerts}
    return None


def _matchers(path: KeyPath, match: Matchers, model: Model) -> Iterator[Problem]:
    carried = _carried(model)
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


def _unrouted(model: Model) -> Iterator[Problem]:
    routes = model.spec.routing.routes.values()
    carried = _carried(model)
    if any(label not in carried for route in routes for label in route.match):
        # A problem of the route already, which may have been for any of these.
        return
    notifying = {name for name, receiver in model.spec.receivers.items() if receiver != Receiver()}
    if not notifying.difference([model.spec.routing.receiver]):
        # Nobody else could be told.
        return
    told: set[tuple[str, str]] = set()
    for alert in model.alerts.values():
        if alert.team not in model.spec.alerting.teams:
            # A problem of the alert already.
            continue
        labels = {**alert.labels, "alertname": alert.name}
        # A route that asks for a label which the alert may lack does not catch all of them.
        if any(
            route.match.keys() <= labels.keys() and _may_match(route.match, labels)
            for route in routes
        ):
            continue
        pair = (alert.severity, alert.team)
        if pair not in told:
            told.add(pair)
            message = (
                f"no route matches severity {alert.severity} of team {alert.team}, so only the"
                " default"
                f" receiver is told (first: {alert.name}); add a route"
            )
            yield Problem(("routing", "routes"), message, "route/severity-unrouted")


def _may_match(match: Matchers, labels: dict[str, str]) -> bool:
    return all(
        label not in labels or labels[label] in ([given] if isinstance(given, str) else given)
        for label, given in match.items()
    )


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
    for name, mute in model.spec.mutes.items():
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
