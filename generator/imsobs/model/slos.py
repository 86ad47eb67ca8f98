"""Objectives to recorded windows: the events of each, those that were bad, and their share.

The events are whole counts. Windows of hours count the raw series; longer ones add up recorded
counts of five minutes, so that 30 days cost one range of two series.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from imsobs.model import conventions
from imsobs.model.labels import apart_in
from imsobs.model.rules import Record, number
from imsobs.promql.matchers import selector
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.root import Spec
from imsobs.spec.schema.slos import Slo

SHORTEST = "5m"
# The longest window that is counted from the raw series.
LONGEST_RAW = "6h"
BY = conventions.BY_IDENTITY


@dataclass(frozen=True)
class SloNames:
    """Names of the series recorded for one objective."""

    slo: str

    def of(self, what: str) -> str:
        """Return ``slo:<name>:<what>``."""
        return f"slo:{self.slo}:{what}"

    def ratio(self, window: str) -> str:
        """Return the share of bad events over a window, 0 to 1."""
        return self.of("error_ratio" + window)

    def events(self, window: str) -> str:
        """Return the number of events in a window."""
        return self.of("events" + window)

    def bad_events(self, window: str) -> str:
        """Return the number of bad events in a window."""
        return self.of("bad_events" + window)


def windows(slo: Slo) -> list[str]:
    """Return the windows that are recorded, short ones first."""
    wanted = {SHORTEST, slo.window, *(w for burn in slo.burn for w in (burn.long, burn.short))}
    return sorted(wanted, key=seconds)


def good_share(slo: Slo) -> float:
    """Return the share of events that may be bad."""
    return round(1 - slo.objective, 12)


def events_of_few(slo: Slo, factor: float) -> int:
    """Return the events up to which ``min_failures`` decide whether an alert fires, not the share.

    Of so many events, ``min_failures`` bad ones are just the share that ``factor`` allows.
    """
    return math.floor(slo.min_failures / (factor * good_share(slo)) + 1e-9)


def is_raw(window: str) -> bool:
    """Return whether a window is counted from the raw series."""
    return seconds(window) <= seconds(LONGEST_RAW)


def _counted(slo: Slo, spec: Spec, window: str) -> tuple[str, str]:
    """Return the queries of all and of bad events in a window, by service and environment.

    Events with a value that is set apart (a health route) are none that were promised.
    """
    metric, apart = spec.metrics.get(slo.total), apart_in(slo.total, spec)
    bucket, _, count = conventions.histogram_series(slo.total)
    histogram = metric is not None and metric.type == "histogram"

    own = {} if slo.service is None else {conventions.SERVICE_NAME: slo.service}

    def counted(name: str, where: Mapping[str, str | list[str]] | None = None) -> str:
        selected = selector(name, {**(where or {}), **own}, apart)
        return f"sum by ({BY}) (increase({selected}[{window}] anchored))"

    total = counted(count if histogram else slo.total)
    if slo.below is not None:
        good = counted(bucket, {"le": conventions.bucket_bound(slo.below)})
        return total, f"{total} - {good}"
    # Without a bad event ever there is no series of them.
    return total, f"{counted(slo.total, slo.bad)}\n  or {total} * 0"


def slo_records(spec: Spec) -> list[Record]:
    """Return every record of every objective."""
    return [record for name in spec.slos for record in _records(name, spec)]


def _records(name: str, spec: Spec) -> list[Record]:
    slo, names = spec.slos[name], SloNames(name)

    def record(what: str, expr: str, description: str, *, fast: bool = True) -> Record:
        group = f"slo-{name.replace('_', '-')}" + ("" if fast else "-long")
        interval = spec.alerting.fast if fast else spec.alerting.slow
        return Record(what, expr, description, group, interval, ("slos", name), file="slo")

    objective = f"vector({number(slo.objective)})"
    records = [record(names.of("objective"), objective, "Share of events that must be good.")]
    for window in windows(slo):
        fast = is_raw(window)
        if fast:
            total, bad = _counted(slo, spec, window)
        else:
            total, bad = (
                f"sum_over_time({counts}[{window}:{SHORTEST}])"
                for counts in (names.events(SHORTEST), names.bad_events(SHORTEST))
            )
        share = f"{names.bad_events(window)} / ({names.events(window)} > 0)"
        records += [
            record(names.events(window), total, f"Events in {window}.", fast=fast),
            record(names.bad_events(window), bad, f"Bad events in {window}.", fast=fast),
            record(names.ratio(window), share, f"Share of bad events over {window}.", fast=fast),
        ]
    remaining = f"1 - {names.ratio(slo.window)} / {number(good_share(slo))}"
    described = f"Error budget left of {slo.window}: 1 is all, below 0 is overdrawn."
    records.append(record(names.of("error_budget_remaining"), remaining, described, fast=False))
    return records
