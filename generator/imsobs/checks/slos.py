"""Objectives and bands: they can be measured, and their alerts can fire."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.checks import drills
from imsobs.model import Model
from imsobs.model.budget import costs
from imsobs.model.rules import number
from imsobs.model.slos import good_share
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.slos import Slo


def check(model: Model) -> Iterator[Problem]:
    """Yield slo/*, anomaly/* and budget/* problems."""
    for name, slo in model.spec.slos.items():
        path: KeyPath = ("slos", name)
        yield from _source(path, slo, model)
        yield from _windows(path, slo)
        yield from drills.of_alert((*path, "drill"), slo.drill, model)
        if slo.min_failures < 2:
            message = "one bad event would raise an alert whenever there is little traffic;"
            message += " at least 2"
            yield Problem((*path, "min_failures"), message, "slo/single-failure")
        for index, alert in enumerate(slo.told_by):
            if alert not in model.alerts:
                message = f'alert "{alert}" is not declared; {available(alert, model.alerts)}'
                yield Problem((*path, "told_by", index), message, "slo/unknown-alert")
    rules = model.spec.rules
    for name, band in model.spec.anomalies.items():
        if band.of not in rules:
            message = f'"{band.of}" is not a recorded rule; {available(band.of, rules)}'
            yield Problem(("anomalies", name, "of"), message, "anomaly/unknown-rule")
    yield from _budget(model)


def _budget(model: Model) -> Iterator[Problem]:
    counters, given = costs(model.spec), model.spec.budget.cost
    if given is not None and given not in counters:
        message = f'"{given}" is no counter whose value is cost; {available(given, counters)}'
        yield Problem(("budget", "cost"), message, "budget/cost")
    elif given is None and len(counters) > 1:
        message = f"{' and '.join(counters)} count cost; say with cost which is held against it"
        yield Problem(("budget",), message, "budget/cost")
    environments = model.spec.service.environments
    for environment in model.spec.budget.monthly(environments):
        if environment not in environments:
            message = (
                f'environment "{environment}" is not declared;'
                f" {available(environment, environments)}"
            )
            where = ("budget", "monthly_usd", environment)
            yield Problem(where, message, "budget/unknown-environment")


def _source(path: KeyPath, slo: Slo, model: Model) -> Iterator[Problem]:
    metric = model.metrics.get(slo.total)
    if slo.total in model.unsure:
        return
    if metric is None:
        message = (
            f'metric "{slo.total}" is not in the catalogue; {available(slo.total, model.metrics)}'
        )
        yield Problem((*path, "total"), message, "slo/unknown-metric")
        return
    if bool(slo.bad) == (slo.below is not None):
        yield Problem(
            path, "say with bad or with below which events are bad, one of them", "slo/one-way"
        )
        return
    wanted = "histogram" if slo.below is not None else "counter"
    if metric.type != wanted:
        message = f'"{slo.total}" is a {metric.type}; this objective needs a {wanted}'
        yield Problem((*path, "total"), message, "slo/metric-type")
        return
    if slo.below is not None and slo.below not in metric.buckets:
        bounds = ", ".join(number(bound) for bound in metric.buckets)
        message = (
            f"{number(slo.below)} is no bucket bound of {slo.total}, so it cannot be counted;"
            f" bounds: {bounds}"
        )
        yield Problem((*path, "below"), message, "slo/bucket-bound")
    for label, given in slo.bad.items():
        if label not in metric.labels:
            hint = available(label, metric.labels)
            message = f'metric "{slo.total}" has no label "{label}"; {hint}'
            yield Problem((*path, "bad", label), message, "slo/unknown-label")
            continue
        allowed = metric.labels[label]
        for value in [given] if isinstance(given, str) else given:
            if allowed is not None and value not in allowed:
                hint = available(value, allowed)
                message = f'label {label} of "{slo.total}" never is "{value}"; {hint}'
                yield Problem((*path, "bad", label), message, "slo/unknown-value")


def _windows(path: KeyPath, slo: Slo) -> Iterator[Problem]:
    for index, burn in enumerate(slo.burn):
        here = (*path, "burn", index)
        if not seconds(burn.short) < seconds(burn.long) <= seconds(slo.window):
            message = (
                f"windows must rise: short {burn.short}, long {burn.long}, objective {slo.window}"
            )
            yield Problem(here, message, "slo/window-order")
        limit = burn.factor * good_share(slo)
        if limit >= 1:
            message = f"more than {limit:.0%} of events can never be bad; use a smaller factor"
            yield Problem((*here, "factor"), message, "slo/cannot-fire")
