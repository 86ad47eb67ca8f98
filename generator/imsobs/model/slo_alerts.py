"""Alerts of objectives: on the speed of the error budget's use, and on its end.

Burn rates over two windows each are those of the Google SRE workbook, chapter 5. Besides the
share of bad events an alert needs ``min_failures`` of them: with little traffic, one of them is
a large share (docs/adr/0016-failures-that-page.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imsobs.model import conventions
from imsobs.model.labels import resolve_label
from imsobs.model.notification import computed, literal
from imsobs.model.rules import WHO, example_labels, number
from imsobs.model.slos import SHORTEST, SloNames, good_share, is_raw
from imsobs.promql.matchers import selector
from imsobs.spec.schema.alerts import Alert, AlertTest, Step
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.root import Spec
from imsobs.spec.schema.slos import BurnAlert, Slo


def slo_alerts(spec: Spec) -> dict[str, tuple[str, Alert]]:
    """Return alert name -> (objective, alert) of every objective."""
    found: dict[str, tuple[str, Alert]] = {}
    for name, slo in spec.slos.items():
        for burn in slo.burn:
            found[burn.name] = (name, _burn_alert(name, burn, spec))
        found[slo.breach.name] = (name, _breach_alert(name, spec))
    return found


def _burn_alert(name: str, burn: BurnAlert, spec: Spec) -> Alert:
    slo, names = spec.slos[name], SloNames(name)
    limit = round(burn.factor * good_share(slo), 12)
    guard = (
        f"{names.ratio(burn.short)} > {number(limit)}"
        f" and {names.bad_events(burn.long)} >= {slo.min_failures}{_untold(slo, burn.short)}"
    )
    share = number(good_share(slo))
    whole = number(seconds(slo.window) * good_share(slo))
    speed = computed("%v", share, "humanize")
    matchers = ",".join(f"{label}=%q" for label in conventions.IDENTITY_LABELS)
    left = f"{names.of('error_budget_remaining')}{{{matchers}}}"
    own = " ".join(f"$labels.{label}" for label in conventions.IDENTITY_LABELS)
    percent = number(limit * 100)
    return Alert(
        summary=f"{WHO} burns its {name} budget {speed} times too fast",
        description=(
            f"{{{{ $value | humanizePercentage }}}} of events were bad over the last"
            f" {burn.long}, and more than"
            f" {percent}% over the last {burn.short}. At this speed a whole error budget of"
            f" {slo.window} lasts {computed(whole, '%v', 'humanizeDuration')}."
            # Nothing where nothing is left.
            f"{{{{ with query (printf `{left} * {whole} / %v > 0` {own} $value) }}}}"
            " What is left of it lasts {{ . | first | value | humanizeDuration }}.{{ end }}"
        ),
        severity=burn.severity,
        team=slo.team,
        group=f"slo-{name.replace('_', '-')}",
        expr=names.ratio(burn.long),
        threshold=limit,
        unit="ratio",
        guard=guard,
        **dict[str, Any]({"for": burn.for_}),
        dashboard=slo.dashboard,
        labels={"slo": name},
        runbook=slo.runbook,
        test=_test(name, limit, (burn.long, burn.short), spec, inverse=False),
        drill=slo.drill,
    )


def _untold(slo: Slo, window: str) -> str:
    """Return the clause that prevents a second notification: no alert of ``told_by`` fired lately.

    As long as the short window, in which the failures that they fired on are still counted.
    """
    if not slo.told_by:
        return ""
    names = selector("ALERTS", {"alertname": slo.told_by, "alertstate": "firing"})
    by = conventions.BY_IDENTITY
    return f" unless on ({by}) max by ({by}) (max_over_time({names}[{window}])) > 0"


def _breach_alert(name: str, spec: Spec) -> Alert:
    slo, names = spec.slos[name], SloNames(name)
    target = number(slo.objective * 100)
    return Alert(
        summary=f"{WHO} misses its {name} objective over {slo.window}",
        description=(
            f"Only {{{{ $value | humanizePercentage }}}} of events were good over the last"
            f" {slo.window};"
            f" the objective is {target}%. {literal(slo.description)}"
        ),
        severity=slo.breach.severity,
        team=slo.team,
        group=f"slo-{name.replace('_', '-')}",
        expr=f"1 - {names.ratio(slo.window)}",
        op="<",
        threshold=slo.objective,
        unit="ratio",
        guard=f"{names.bad_events(slo.window)} >= {slo.min_failures}",
        **dict[str, Any]({"for": slo.breach.for_}),
        dashboard=slo.dashboard,
        labels={"slo": name},
        runbook=slo.runbook,
        test=_test(name, good_share(slo), (slo.window,), spec, inverse=True),
        drill=slo.drill,
    )


def _test(
    name: str, limit: float, windows: Sequence[str], spec: Spec, *, inverse: bool
) -> AlertTest:
    """Return the test at the boundary: exactly the limit is quiet, a tenth above fires.

    The condition becomes true with the first sample above it, because every window stood at
    the limit before. windows: the long one first. One of days is tested from what
    is recorded, because 30 days of scrapes are too many for a test.
    """
    slo, names = spec.slos[name], SloNames(name)
    labels, long = example_labels(spec, slo.service), windows[0]
    step = max(60, seconds(long) // 72) // 60 * 60
    total, bad = _whole(limit, slo.min_failures)
    above = bad + -(-bad // 10)
    value = above / total
    all_events = Step(quiet=total, fires=total)
    good_events = Step(quiet=total - bad, fires=total - above)
    bad_events = Step(quiet=bad, fires=above)
    if is_raw(long):
        other = all_events if slo.below is not None else bad_events
        series = dict(zip(_counters(slo, labels, spec), (good_events, other), strict=True))
    else:
        series = {
            selector(names.events(SHORTEST), labels): all_events,
            selector(names.bad_events(SHORTEST), labels): bad_events,
        }
        for short in windows[1:]:
            if is_raw(short):
                share = Step(quiet=bad / total, fires=value)
                series[selector(names.ratio(short), labels)] = share
    return AlertTest(
        series=series,
        labels=labels,
        value=1 - value if inverse else value,
        interval=f"{step}s",
    )


def _counters(slo: Slo, labels: dict[str, str], spec: Spec) -> tuple[str, str]:
    """Return the raw series that count good events, and bad ones (of a histogram: all)."""
    bucket, _, count = conventions.histogram_series(slo.total)
    if slo.below is not None:
        within = {**labels, "le": conventions.bucket_bound(slo.below)}
        return selector(bucket, within), selector(count, labels)
    bad = {label: [value] if isinstance(value, str) else value for label, value in slo.bad.items()}
    good = {label: _another(label, values, spec) for label, values in bad.items()}
    first = {label: values[0] for label, values in bad.items()}
    return selector(slo.total, {**labels, **good}), selector(slo.total, {**labels, **first})


def _another(label: str, values: list[str], spec: Spec) -> str:
    """Return a value that a label may have besides these."""
    allowed = resolve_label(label, spec).values if label in spec.labels else None
    return next((value for value in allowed or () if value not in values), "other")


def _whole(share: float, least: int) -> tuple[int, int]:
    """Return events of which exactly this share is bad, at least ``least`` of them."""
    total = 1000
    while abs(total * share - round(total * share)) > 1e-9 * total and total < 10**9:
        total *= 10
    bad = round(total * share)
    times = -(-least // bad)
    return total * times, bad * times
