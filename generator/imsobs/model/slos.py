"""Objectives to recorded windows and burn-rate alerts (Google SRE workbook, chapter 5).

Short windows are recorded from the raw counters; longer ones add up the recorded samples
(events weighted, never a mean of ratios), so that 30 days cost one range of two series.
"""

from __future__ import annotations

from dataclasses import dataclass

from imsobs.model import conventions
from imsobs.model.rules import WHO, Record, example_labels, number
from imsobs.promql.matchers import matcher
from imsobs.spec.schema.alerts import Alert, AlertTest, BurnAlert, Slo, Step
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

SHORTEST = "5m"
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


def windows(slo: Slo) -> list[str]:
    """Return the windows that are recorded, short ones first, without the shortest."""
    wanted = {slo.window, *(w for burn in slo.burn for w in (burn.long, burn.short))}
    return sorted(wanted - {SHORTEST}, key=seconds)


def good_share(slo: Slo) -> float:
    """Return the share of events that may be bad."""
    return round(1 - slo.objective, 12)


def _rates(slo: Slo, metric: Metric | None) -> tuple[str, str]:
    """Return the queries of all and of bad events per second, by service and environment."""
    histogram = metric is not None and metric.type == "histogram"
    bucket, _, count = conventions.histogram_series(slo.total)
    total = f"sum by ({BY}) (rate({count if histogram else slo.total}[{SHORTEST}]))"
    if slo.below is not None:
        bound = conventions.bucket_bound(slo.below)
        good = f'sum by ({BY}) (rate({bucket}{{le="{bound}"}}[{SHORTEST}]))'
        return total, f"clamp_min({total} - {good}, 0)"
    matchers = ",".join(matcher(*item) for item in slo.bad.items())
    return total, f"sum by ({BY}) (rate({slo.total}{{{matchers}}}[{SHORTEST}])) or {total} * 0"


def slo_records(spec: Spec) -> list[Record]:
    """Return every record of every objective."""
    return [record for name in spec.slos for record in _records(name, spec)]


def _records(name: str, spec: Spec) -> list[Record]:
    slo, names = spec.slos[name], SloNames(name)
    total, bad = _rates(slo, spec.metrics.get(slo.total))
    fast = spec.alerting.fast
    total_rate, bad_rate = names.of("total_rate5m"), names.of("bad_rate5m")

    def record(what: str, expr: str, description: str, interval: str) -> Record:
        group = f"slo-{name.replace('_', '-')}" + ("" if interval == fast else "-long")
        return Record(what, expr, description, group, interval, ("slos", name), file="slo")

    records = [
        record(
            names.of("objective"),
            f"vector({number(slo.objective)})",
            "Share of events that must be good.",
            fast,
        ),
        record(total_rate, total, "Events per second.", fast),
        record(bad_rate, bad, "Bad events per second.", fast),
        record(
            names.ratio(SHORTEST),
            f"{bad_rate} / ({total_rate} > 0)",
            f"Share of bad events over {SHORTEST}.",
            fast,
        ),
    ]
    for window in windows(slo):
        interval = fast if seconds(window) <= 6 * 3600 else spec.alerting.slow
        bad_sum, total_sum = (f"sum_over_time({rate}[{window}])" for rate in (bad_rate, total_rate))
        records += [
            record(
                names.ratio(window),
                f"{bad_sum} / ({total_sum} > 0)",
                f"Share of bad events over {window}.",
                interval,
            ),
            record(
                names.events(window),
                f"{total_sum} * {seconds(fast)}",
                f"Events in {window}: each recorded rate stands for {fast}.",
                interval,
            ),
        ]
    remaining = f"1 - {names.ratio(slo.window)} / {number(good_share(slo))}"
    records.append(
        record(
            names.of("error_budget_remaining"),
            remaining,
            f"Error budget left of {slo.window}: 1 is all, below 0 is overdrawn.",
            interval=spec.alerting.slow,
        )
    )
    return records


def slo_alerts(spec: Spec) -> dict[str, tuple[str, Alert]]:
    """Return alert name -> (objective, alert) of every objective."""
    found: dict[str, tuple[str, Alert]] = {}
    for name, slo in spec.slos.items():
        for burn in slo.burn:
            found[burn.name] = (name, _burn_alert(name, slo, burn, spec))
        found[slo.breach.name] = (name, _breach_alert(name, slo, spec))
    return found


def _burn_alert(name: str, slo: Slo, burn: BurnAlert, spec: Spec) -> Alert:
    names = SloNames(name)
    limit = round(burn.factor * good_share(slo), 12)
    guard = (
        f"{names.ratio(burn.short)} > {number(limit)} and {names.events(burn.long)} >="
        f" {slo.min_events}"
    )
    hours = number(seconds(slo.window) / 3600 / burn.factor)
    percent = number(limit * 100)
    return Alert(
        summary=(f"{WHO} burns its {name} budget {number(burn.factor)} times too fast"),
        description=(
            f"{{{{ $value | humanizePercentage }}}} of events were bad over the last"
            f" {burn.long}, and more than"
            f" {percent}% over the last {burn.short}. At this speed the error budget of"
            f" {slo.window} lasts {hours} h."
        ),
        severity=burn.severity,
        team=slo.team,
        group=f"slo-{name.replace('_', '-')}",
        expr=names.ratio(burn.long),
        threshold=limit,
        unit="ratio",
        guard=guard,
        **{"for": burn.hold},
        dashboard=slo.dashboard,
        labels={"slo": name},
        runbook=slo.runbook,
        test=_test(name, limit, burn.long, spec, inverse=False),
        drill=slo.drill,
    )


def _breach_alert(name: str, slo: Slo, spec: Spec) -> Alert:
    names = SloNames(name)
    target = number(slo.objective * 100)
    return Alert(
        summary=f"{WHO} misses its {name} objective over {slo.window}",
        description=(
            f"Only {{{{ $value | humanizePercentage }}}} of events were good over the last"
            f" {slo.window};"
            f" the objective is {target}%. {slo.description}"
        ),
        severity=slo.breach.severity,
        team=slo.team,
        group=f"slo-{name.replace('_', '-')}",
        expr=f"1 - {names.ratio(slo.window)}",
        op="<",
        threshold=slo.objective,
        unit="ratio",
        guard=f"{names.events(slo.window)} >= {slo.min_events}",
        **{"for": slo.breach.hold},
        dashboard=slo.dashboard,
        labels={"slo": name},
        runbook=slo.runbook,
        test=_test(name, good_share(slo), slo.window, spec, inverse=True),
        drill=slo.drill,
    )


def _test(name: str, limit: float, long: str, spec: Spec, *, inverse: bool) -> AlertTest:
    """Return the test at the boundary: exactly the limit is quiet, a tenth above fires.

    The condition becomes true with the first sample above it, because every window stood at
    the limit before.
    """
    names, labels = SloNames(name), example_labels(spec)
    label = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    step = max(60, seconds(long) // 72) // 60 * 60
    total, bad = 1000.0, round(1000 * limit, 9)
    above = round(bad * 1.1, 9)
    value = above / total
    return AlertTest(
        series={
            names.of("total_rate5m") + label: Step(quiet=total, fires=total),
            names.of("bad_rate5m") + label: Step(quiet=bad, fires=above),
        },
        labels=labels,
        value=1 - value if inverse else value,
        interval=f"{step}s",
    )
