"""promtool tests, one file per alert: it fires at its boundary after its duration and resolves.

Each test lets the series stand at their quiet values (the boundary itself) until every
window is full, changes them, and asks at five moments: still quiet at the end of the quiet
time, not firing one interval before the duration is over, firing when it is, the texts of
the notification once the windows hold only the new values, resolved at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.model.notification import expand
from imsobs.model.rules import ResolvedAlert, number
from imsobs.outputs.prometheus.rules import DISABLED, annotations_of, rule_file
from imsobs.pages import YamlPage
from imsobs.promql import metric_names
from imsobs.promql.windows import longest_window
from imsobs.spec.schema.alerts import AlertTest, Step
from imsobs.spec.schema.base import seconds

_LEAST_WARMUP = 300


@dataclass(frozen=True)
class Timeline:
    """Moments of a test, in intervals from its start.

    changed: last sample with quiet values; true: the condition holds; fires; settled: the
    windows hold only new values; back: last sample with firing values; resolved.
    """

    interval: int
    changed: int
    true: int
    fires: int
    settled: int
    back: int
    resolved: int


def plan(model: Model) -> Iterator[YamlPage]:
    """Yield alerts/tests/<alert>.yaml for every alert that has a test."""
    for alert in model.alerts.values():
        if alert.test is not None:
            yield YamlPage(test_file(alert.name), _page(alert, alert.test, model))


def test_file(alert: str) -> str:
    """Return the path of an alert's promtool test."""
    return f"{artifacts.RULE_TESTS}/{conventions.alert_file_stem(alert)}.yaml"


def timeline(alert: ResolvedAlert, test: AlertTest, model: Model) -> Timeline:
    """Return when what must happen, from the alert's duration and its longest window."""
    interval = seconds(test.interval)

    def steps(duration: int) -> int:
        return -(-duration // interval)

    window = longest_window(alert.expr, model.recorded)
    warmup = seconds(test.warmup) if test.warmup else max(window, _LEAST_WARMUP)
    changed = steps(warmup) + 1
    true = changed + (steps(seconds(test.true_after)) if test.true_after else 1)
    fires = true + steps(seconds(alert.for_ or "0s"))
    settling = steps(seconds(test.settles_after)) if test.settles_after else steps(window) + 1
    settled = max(fires, changed + settling)
    back = settled + 1
    keep = steps(seconds(alert.keep_firing_for or "0s"))
    rest = steps(seconds(test.resolves_after)) if test.resolves_after else steps(window) + 2
    return Timeline(interval, changed, true, fires, settled, back, back + rest + keep)


def groups_of(alert: ResolvedAlert, model: Model) -> list[str]:
    """Return the rule groups that lead to an alert, in order of evaluation.

    All groups in every test would make the tests grow with the square of the spec.
    """
    found = {alert.group}
    seen: set[str] = set()
    left = [*metric_names(alert.expr), *alert.reads]
    while left:
        name = left.pop()
        if name in model.recorded and name not in seen:
            found.add(model.group_of[name])
            left += metric_names(model.recorded[name])
        seen.add(name)
    return sorted(found, key=model.groups.__getitem__)


def _page(alert: ResolvedAlert, test: AlertTest, model: Model) -> dict[str, Any]:
    files = [rule_file("recording"), rule_file("slo"), rule_file("alerting")]
    if alert.file == "slo":
        files = [rule_file("slo")]
    if not alert.enabled:
        files.append(DISABLED)
    return {
        "rule_files": [path.replace("alerts/", "../", 1) for path in files],
        "evaluation_interval": test.interval,
        "group_eval_order": groups_of(alert, model),
        "tests": [_test(alert, test, model)],
    }


def _test(alert: ResolvedAlert, test: AlertTest, model: Model) -> dict[str, Any]:
    line = timeline(alert, test, model)
    labels = {**test.labels, **alert.labels}
    firing = ", ".join(
        f'{key}="{value}"'
        for key, value in sorted(
            {**labels, "alertname": alert.name, "alertstate": "firing"}.items()
        )
    )
    query = f'ALERTS{{alertname="{alert.name}", alertstate="firing"}}'

    def asked(moment: int, is_firing: bool) -> dict[str, Any]:
        samples = [{"labels": f"ALERTS{{{firing}}}", "value": 1}] if is_firing else []
        return {"expr": query, "eval_time": _time(moment, line), "exp_samples": samples}

    if test.always:
        moments = [asked(0, True), asked(line.resolved, True)]
    else:
        moments = [asked(line.changed, False), asked(line.fires - 1, False)]
        moments += [asked(line.fires, True), asked(line.resolved, False)]
    texts = {**annotations_of(alert), "description": alert.description}
    texts = {key: expand(text, labels, test.shown) for key, text in texts.items()}
    # What facts say is asked of other series, so the test says it.
    texts["description"] += f" {test.facts}" if test.facts else ""
    notice = {"exp_labels": labels, "exp_annotations": texts}
    return {
        "name": f"{alert.name} at its boundary",
        "interval": test.interval,
        "input_series": [
            {"series": selector, "values": series_values(selector, step, line, model)}
            for selector, step in test.series.items()
        ],
        "promql_expr_test": moments,
        "alert_rule_test": [
            {
                "alertname": alert.name,
                "eval_time": _time(line.settled, line),
                "exp_alerts": [notice],
            }
        ],
    }


def _time(moment: int, line: Timeline) -> str:
    return f"{moment * line.interval}s"


def series_values(selector: str, step: Step, line: Timeline, model: Model) -> str:
    """Return the series in promtool's notation: start+step x count, in three phases."""
    name = (metric_names(selector) or [""])[0]
    counts = name in model.series and model.series[name].type in ("counter", "histogram")
    phases = [
        (step.quiet, line.changed + 1),
        (step.fires, line.back - line.changed),
        (step.quiet, line.resolved - line.back),
    ]
    parts: list[str] = []
    total = 0.0
    for index, (value, count) in enumerate(phases):
        if value == "absent":
            # The marker ends the series at once; otherwise it lives on for five minutes.
            parts.append(f"_x{count}" if index == 0 else f"stale _x{count - 1}")
        elif counts:
            start = total if index == 0 else total + value
            parts.append(f"{number(start)}+{number(value)}x{count - 1}")
            total = start + value * (count - 1)
        elif index == 1 and step.rises:
            parts.append(f"{number(value)}+{number(step.rises)}x{count - 1}")
        else:
            parts.append(f"{number(value)}x{count - 1}")
    return " ".join(parts)
