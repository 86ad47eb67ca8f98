"""Inhibitions: what holds back what, and by which labels they are of one trouble."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from imsobs.checks.rules import mixing
from imsobs.model import Model, conventions
from imsobs.model.receivers import may_be, may_match
from imsobs.model.rules import ResolvedAlert
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.routing import Inhibition

_NEVER_EQUAL = "inhibition/never-equal"


def problems(path: KeyPath, rule: Inhibition, model: Model) -> Iterator[Problem]:
    """Yield labels of equal that no alert has, and one environment that silences another.

    Alertmanager takes a label that both alerts lack for an equal one.
    """
    for side in ("source", "target"):
        if not getattr(rule, side):
            message = f"without a label every alert is the {side}; name a label and its value"
            yield Problem((*path, side), message, "inhibition/empty-match")
    carried = carried_labels(model)
    for index, label in enumerate(rule.equal):
        if label not in carried:
            message = f'no alert carries the label "{label}"; {available(label, carried)}'
            yield Problem((*path, "equal", index), message, "route/unknown-label")
        elif not any(label in kept for kept in _kept(rule, model)):
            message = (
                f'no alert of source and none of target has the label "{label}"; Alertmanager'
                " takes two that are missing for equal, so it keeps nothing apart; take it from"
                " equal"
            )
            yield Problem((*path, "equal", index), message, "inhibition/equal-absent")
    never = list(_never_equal(path, rule, model))
    yield from never
    told = {problem.path for problem in never}
    yield from (p for p in _absent_in_a_pair(path, rule, model) if p.path not in told)
    yield from _equal_in_nothing(path, rule, model)
    if conventions.ENVIRONMENT in rule.equal:
        return
    for match in (rule.source, rule.target):
        chosen = [alert for alert in model.alerts.values() if may_be(match, alert, model)]
        if not any(conventions.ENVIRONMENT in (alert.carried or ()) for alert in chosen):
            return
    message = f"one environment would silence another; add {conventions.ENVIRONMENT} to equal"
    yield Problem(path, message, "inhibition/environment-label")


def _absent_in_a_pair(path: KeyPath, rule: Inhibition, model: Model) -> Iterator[Problem]:
    """Yield a label of equal that two alerts given by their names both lack, and others have."""
    if not ("alertname" in rule.source and "alertname" in rule.target):
        return
    known = [alert for alert in model.alerts.values() if alert.carried is not None]
    sources, targets = (
        [alert for alert in known if may_be(match, alert, model)]
        for match in (rule.source, rule.target)
    )
    anywhere = set[str]().union(*_kept(rule, model))
    for index, label in enumerate(rule.equal):
        for source, target in product(sources, targets) if label in anywhere else ():
            both = {*(source.carried or ()), *(target.carried or ()), "alertname"}
            if source is not target and label not in both:
                message = (
                    f'neither {source.name} nor {target.name} has the label "{label}"; Alertmanager'
                    " takes two that are missing for equal, so one holds back the other whatever it"
                    " is of; give these two an inhibition of their own, without it"
                )
                yield Problem((*path, "equal", index), message, "inhibition/equal-absent")
                break


def _equal_in_nothing(path: KeyPath, rule: Inhibition, model: Model) -> Iterator[Problem]:
    """Yield an inhibition by kind that holds back what has none of its labels: another trouble."""
    if "alertname" in {*rule.source, *rule.target} or len(rule.equal) == 0:
        return
    alerts = [alert for alert in model.alerts.values() if alert.carried is not None]
    # Alerts that have the same of equal share, or share nothing, with the same others.
    sources, targets = (
        _alike([alert for alert in alerts if may_match(match, alert.labels)], rule.equal)
        for match in (rule.source, rule.target)
    )
    groups = [
        (source, target)
        for source in sources
        for target in targets
        if _share_nothing(source[0], target[0], rule.equal)
    ]
    pairs = sum(
        len(source) * len(target) - len({a.name for a in source} & {a.name for a in target})
        for source, target in groups
    )
    if pairs:
        source, target = next(
            (source, target)
            for group in groups
            for source in group[0]
            for target in group[1]
            if source is not target
        )
        more = f", and {pairs - 1} more pairs" if pairs > 1 else ""
        message = (
            f"{source.name} would hold back {target.name}{more}, though neither has a label of"
            " equal that tells one trouble from another; name the areas that source is about"
        )
        yield Problem((*path, "equal"), message, "inhibition/equal-in-nothing")


def _alike(alerts: list[ResolvedAlert], labels: list[str]) -> list[list[ResolvedAlert]]:
    """Return the alerts in groups of those that have the same of the labels."""
    groups: dict[Any, list[ResolvedAlert]] = {}
    for alert in alerts:
        has = tuple((alert.labels.get(name), name in (alert.carried or ())) for name in labels)
        groups.setdefault(has, []).append(alert)
    return list(groups.values())


def _share_nothing(source: ResolvedAlert, target: ResolvedAlert, equal: list[str]) -> bool:
    fixed = source.labels.keys() & target.labels.keys() & {*equal}
    if any(source.labels[label] != target.labels[label] for label in fixed):
        return False
    telling = {*equal} - fixed
    return bool(telling) and not telling & {*(source.carried or ()), *(target.carried or ())}


def _kept(rule: Inhibition, model: Model) -> Iterator[set[str]]:
    """Yield the labels of each alert of source and target; all labels where that is unknown."""
    for alert in model.alerts.values():
        if may_be(rule.source, alert, model) or may_be(rule.target, alert, model):
            yield {*rule.equal} if alert.carried is None else {*alert.carried, "alertname"}


def _never_equal(path: KeyPath, rule: Inhibition, model: Model) -> Iterator[Problem]:
    """Yield the alerts named by an inhibition that it can never hold back, or hold others by.

    A label of ``equal`` that one alert carries and the other lacks is never equal.
    """
    sides = {
        side: [
            alert
            for alert in model.alerts.values()
            if may_be(match, alert, model) and not _loses_identity(alert, model)
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


def carried_labels(model: Model) -> set[str]:
    """Return the labels that some alert carries, or would: its name and whose it is."""
    own = {"alertname", *conventions.IDENTITY_LABELS}
    return own.union(*(alert.carried or () for alert in model.alerts.values()))
