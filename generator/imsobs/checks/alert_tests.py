"""Tests of alerts: they read what exists, and say what is shown."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.checks.rules import unknown
from imsobs.model import Model, conventions
from imsobs.model.rules import ResolvedAlert
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.alerts import AlertTest


def test_problems(
    path: KeyPath, alert: ResolvedAlert, test: AlertTest, model: Model
) -> Iterator[Problem]:
    """Yield what is wrong with the test of an alert."""
    written = model.spec.alerts[alert.name].test
    for selector, as_written in zip(test.series, written.series if written else (), strict=False):
        # Where the labels of the service were added, what is written has the place.
        known = as_written if next(iter(unknown(as_written, path, model)), None) else selector
        yield from unknown(known, (*path, "series", as_written), model)
    if not test.series and not test.always:
        lacks = ", and the value that is shown while it fires" if test.value is None else ""
        yield Problem(path, f"give the series at the boundary{lacks}", "alert/test-series")
    if test.limit is not None and test.limit not in model.limits:
        message = f'"{test.limit}" is no limit; {available(test.limit, model.limits)}'
        yield Problem((*path, "limit"), message, "alert/test-value")
    elif test.value is None and (test.series or test.always):
        message = "give the value of the alert while it fires, as its notification shows it"
        yield Problem(path, message, "alert/test-value")
    if alert.carried is None:
        return
    own = alert.carried - set(alert.labels)
    if set(test.labels) - own or (own - set(test.labels)) & {*conventions.IDENTITY_LABELS}:
        message = f"the alert carries the labels {', '.join(sorted(own)) or 'none'}"
        yield Problem((*path, "labels"), message, "alert/test-labels")
