"""Tests of alerts that the spec does not write: the boundary follows from one series.

Quiet is the largest step that is not beyond the threshold, and the threshold itself where it is
whole; firing is the next one. promtool runs these tests as it runs written ones.
"""

from __future__ import annotations

import math

from imsobs.model import conventions
from imsobs.model.measured import Measured, measured
from imsobs.model.metrics import ResolvedMetric
from imsobs.promql.matchers import selector
from imsobs.promql.series import Series
from imsobs.spec.schema.alerts import Alert, AlertTest, Step
from imsobs.spec.schema.root import Spec

_INTERVAL = 60
_LEAST_SAMPLES = 5
_PROCESS = {conventions.PROCESS_LABELS["service.instance.id"]: "a"}


def derived_test(
    alert: Alert, spec: Spec, series: dict[str, Series], metrics: dict[str, ResolvedMetric]
) -> AlertTest | None:
    """Return the test of an alert on one series; None when it has to be written.

    That is so when the alert has a guard, which needs series of its own, or compares otherwise
    than by ``>``, ``>=``, ``<`` and ``<=``.
    """
    one = measured(alert.expr, series, metrics)
    if one is None or alert.guard is not None or alert.op not in (">", ">=", "<", "<="):
        return None
    return _counter(alert, one) if one.function else _gauge(alert, one, spec, metrics)


def _counter(alert: Alert, one: Measured) -> AlertTest | None:
    interval = min(_INTERVAL, one.window // _LEAST_SAMPLES)
    if interval < 1:
        return None
    # Increments per interval to the value of the alert.
    factor = interval if one.function == "rate" else interval / one.window
    boundary = round(alert.threshold * factor, 9)
    quiet, fires = _around(boundary, alert.op)
    if min(quiet, fires) < 0:
        return None
    # Steps between the samples of a window. `anchored` takes the one before it, and rate does not
    # look beyond the first sample of a counter that has stood at 0.
    steps = -(-one.window // interval) - (0 if one.anchored or quiet == 0 else 1)
    needed = next(
        n for n in range(1, steps + 1) if _beyond(n, steps, quiet, fires, boundary, alert)
    )
    return AlertTest(
        series={selector(one.series.name, one.labels): Step(quiet=quiet, fires=fires)},
        value=round(fires / factor, 12),
        interval="1m" if interval == _INTERVAL else f"{interval}s",
        true_after=f"{needed * interval}s" if needed > 1 else None,
    )


def _around(boundary: float, op: str) -> tuple[int, int]:
    """Return the last whole step that is quiet and the first that fires."""
    match op:
        case ">":
            return math.floor(boundary), math.floor(boundary) + 1
        case ">=":
            return math.ceil(boundary) - 1, math.ceil(boundary)
        case "<":
            return math.ceil(boundary), math.ceil(boundary) - 1
    return math.floor(boundary) + 1, math.floor(boundary)


def _beyond(count: int, steps: int, quiet: int, fires: int, boundary: float, alert: Alert) -> bool:
    """Return whether a window with ``count`` firing steps is beyond the threshold."""
    mean = (count * fires + (steps - count) * quiet) / steps
    match alert.op:
        case ">":
            return mean > boundary
        case ">=":
            return mean >= boundary
        case "<":
            return mean < boundary
    return mean <= boundary


def _gauge(
    alert: Alert, one: Measured, spec: Spec, metrics: dict[str, ResolvedMetric]
) -> AlertTest | None:
    threshold = alert.threshold
    step = 0.01 if alert.unit == "ratio" else 1.0 if threshold == int(threshold) else 0.1
    beyond = round(threshold + (step if alert.op.startswith(">") else -step), 12)
    within = round(threshold - (beyond - threshold), 12)
    quiet, fires = (within, threshold) if alert.op.endswith("=") else (threshold, beyond)
    name, labels, alive = one.series.name, one.labels, {}
    metric = metrics.get(one.series.metric)
    if metric is not None and metric.fold is not None and name == metric.name:
        if not metric.by_process:
            return None
        name, labels = metric.exposed, {**labels, **_PROCESS}
        if not metric.kind.repeated:
            process = conventions.process_alive(spec.service.namespace)
            alive = {selector(process, _PROCESS): Step(quiet=1, fires=1)}
    return AlertTest(
        series={selector(name, labels): Step(quiet=quiet, fires=fires), **alive}, value=fires
    )
