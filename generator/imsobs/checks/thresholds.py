"""Thresholds and durations of alerts: within what their values can be, and what texts say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imsobs.model import Model
from imsobs.model.alert_units import unit_of
from imsobs.model.alerts import threshold_text
from imsobs.model.dashboards.units import base_metric
from imsobs.model.rules import ResolvedAlert, number
from imsobs.problems import KeyPath, Problem, part
from imsobs.promql.places import range_at
from imsobs.promql.signs import never_negative
from imsobs.promql.windows import ranges_of
from imsobs.spec.schema.base import seconds

# Unit -> the least and the most that its values are. A share of a budget may be above 1.
_RANGES: dict[str, tuple[float, float]] = {
    "ratio": (-1, 1),
    "seconds": (0, float("inf")),
    "usd": (0, float("inf")),
    "bool": (0, 1),
}
_LIMITING = r"\b(?:more than|over|above|exceeds?|less than|fewer than|below|under|at least)\s+"
_WRITTEN = {
    "ratio": re.compile(_LIMITING + r"(\d+(?:\.\d+)?) ?(?:%|percent\b)", re.I),
    "count": re.compile(
        _LIMITING + r"(\d+(?:\.\d+)?)(?![\d.]| ?(?:%|\$|percent|s\b|sec|m\b|min|h\b|hour|d\b|day))",
        re.I,
    ),
    "usd": re.compile(_LIMITING + r"\$ ?(\d+(?:\.\d+)?)", re.I),
    "seconds": re.compile(
        _LIMITING + r"(\d+(?:\.\d+)?) ?(s|sec|seconds?|m|min|minutes?|h|hours?)\b", re.I
    ),
}
_LASTING = re.compile(
    r"\bfor (?:more than |over |at least )?(\d+) ?(s|sec|seconds?|m|min|minutes?|h|hours?)\b", re.I
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def problems(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    """Yield what is wrong with the threshold, the durations and the numbers of an alert."""
    yield from _threshold(alert, model)
    yield from _unit(alert, model)
    yield from _kept(alert, model)
    written = model.spec.alerts[alert.name]
    for key, text in (("summary", written.summary), ("description", written.description)):
        yield from _text((*alert.path, key), text, alert)
        yield from _lasting((*alert.path, key), text, alert)


def _unit(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    """Yield a unit that is another than that of the series which is measured."""
    known = unit_of(alert.value, model.metrics)
    fits = {known, "times"} if known == "ratio" else {known}
    if known in _RANGES and alert.unit not in fits:
        message = f"the value is measured in {known}, by what the expression reads; write {known},"
        message += " or leave unit out"
        yield Problem((*alert.path, "unit"), message, "alert/unit")


def _threshold(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    def counted(name: str) -> bool:
        metric = base_metric(name, model.metrics)
        return metric is not None and (metric.type != "gauge" or metric.kind.signal is not None)

    if alert.threshold < 0 and never_negative(alert.value, model.recorded, counted):
        message = f"{number(alert.threshold)} is below 0, and the value of this expression never is"
        yield Problem((*alert.path, "threshold"), message, "alert/threshold-range")
        return
    least, most = _RANGES.get(alert.unit, (float("-inf"), float("inf")))
    if least <= alert.threshold <= most:
        return
    told = f"{number(alert.threshold)} is "
    if alert.unit == "ratio" and 1 < alert.threshold <= 100:
        share = number(round(alert.threshold / 100, 9))
        told += f"outside 0 to 1, what a ratio is; for {number(alert.threshold)} % write {share}"
    elif alert.unit == "ratio" and alert.threshold > 1:
        told += "outside 0 to 1, what a ratio is"
    elif alert.unit == "bool":
        told += "neither 0 nor 1, and the unit of this alert is bool"
    else:
        told += f"below {number(least)}, and the unit of this alert is {alert.unit}"
    yield Problem((*alert.path, "threshold"), told, "alert/threshold-range")


def _kept(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    """Nothing looks back further than metrics are kept."""
    retention = model.spec.retention.metrics
    kept = seconds(retention)
    if alert.for_ is not None and seconds(alert.for_) >= kept:
        message = (
            f"{alert.for_} is no shorter than metrics are kept (retention.metrics: {retention})"
        )
        yield Problem((*alert.path, "for"), message, "alert/long-for")


def beyond_retention(expr: str, path: KeyPath, model: Model) -> Iterator[Problem]:
    """Yield the ranges of an expression that reach back further than metrics are kept."""
    retention = model.spec.retention.metrics
    if path[0] == "budget":
        # The generator's sum over a calendar month, of which metrics may be kept a day less.
        return
    length = max(ranges_of(expr), default=0)
    if length > seconds(retention):
        message = f"this reaches {_duration(length)} back, further than metrics are kept"
        message += f" (retention.metrics: {retention})"
        yield Problem(path, message, "rule/long-range", part=part(expr, range_at(expr, length)))


def _duration(length: int) -> str:
    if length > 2 * 86400:
        return f"{length // 86400}d"
    units = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
    unit = next(
        unit
        for unit, each in units.items()
        if length % each == 0 and (length >= 2 * each or unit == "s")
    )
    return f"{length // units[unit]}{unit}"


def _text(path: KeyPath, text: str, alert: ResolvedAlert) -> Iterator[Problem]:
    pattern = _WRITTEN.get(alert.unit)
    found = pattern.search(text) if pattern else None
    if found is None or "$threshold" in text:
        return
    value = float(found[1])
    if alert.unit == "ratio":
        value /= 100
    elif alert.unit == "seconds":
        value *= _SECONDS[found[2][0].lower()]
    if abs(value - alert.threshold) > 1e-9 * max(1, abs(value)):
        message = (
            f'"{found[0]}", but the threshold is {threshold_text(alert.threshold, alert.unit)};'
            " write {{ $threshold }} for the number"
        )
        yield Problem(path, message, "alert/text-number", part=part(text, found.start(1)))


def _lasting(path: KeyPath, text: str, alert: ResolvedAlert) -> Iterator[Problem]:
    """Yield a time in a text that is neither how long it holds nor how far back it looks."""
    found = _LASTING.search(text)
    if found is None or alert.for_ is None:
        return
    said = int(found[1]) * _SECONDS[found[2][0].lower()]
    known = {seconds(alert.for_), *ranges_of(alert.value)}
    if said not in known and alert.unit != "seconds":
        message = f'"{found[0]}", but it fires after {alert.for_} (for)'
        yield Problem(path, message, "alert/text-number", part=part(text, found.start(1)))
