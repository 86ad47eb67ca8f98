"""promtool tests of the bands: weeks with calm weekends, in which one weekday goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.model import Model
from imsobs.model.notification import expand
from imsobs.model.rules import ResolvedAlert, example_labels, number
from imsobs.outputs.prometheus.rule_tests import groups_of, test_file
from imsobs.outputs.prometheus.rules import DISABLED, annotations_of, rule_file
from imsobs.pages import YamlPage
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.rules import Anomaly

_WEEK, _WORK_DAYS = 168, 120
_WORK, _WEEKEND, _FALLEN = 100.0, 20.0, 30.0
# Hours of the last week: the fall begins, and is over.
_FALL, _RISE = 10, 16


def plan(model: Model) -> Iterator[YamlPage]:
    """Yield alerts/tests/<alert>.yaml for the alert of every band."""
    for band in model.spec.anomalies.values():
        alert = model.alerts[band.alert]
        labels = example_labels(model.spec)
        rules = DISABLED if not alert.enabled else rule_file("alerting")
        sections = {
            "rule_files": [
                path.replace("alerts/", "../", 1) for path in (rule_file("recording"), rules)
            ],
            "evaluation_interval": "1h",
            "group_eval_order": groups_of(alert, model),
            "tests": [_quiet(band, labels), _caught(band, alert, labels)],
        }
        yield YamlPage(test_file(band.alert), sections)


def _series(band: Anomaly, last_week: str, labels: dict[str, str]) -> list[dict[str, str]]:
    weeks = [
        f"{number(_WORK)}x{_WORK_DAYS - 1} {number(_WEEKEND)}x{_WEEK - _WORK_DAYS - 1}"
    ] * band.weeks
    selector = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return [{"series": f"{band.of}{{{selector}}}", "values": " ".join([*weeks, last_week])}]


def _asked(alert: str, hour: int, samples: list[dict[str, Any]]) -> dict[str, Any]:
    query = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
    return {"expr": query, "eval_time": f"{hour}h", "exp_samples": samples}


def _quiet(band: Anomaly, own: dict[str, str]) -> dict[str, Any]:
    """Every weekend falls to a fifth: that is usual, and must stay quiet."""
    start = band.weeks * _WEEK
    hours = (1, _WORK_DAYS, _WORK_DAYS + 12, _WEEK - 1)
    usual = f"{number(_WORK)}x{_WORK_DAYS - 1} {number(_WEEKEND)}x{_WEEK - _WORK_DAYS - 1}"
    return {
        "name": f"{band.alert}: a quiet weekend",
        "interval": "1h",
        "input_series": _series(band, usual, own),
        "promql_expr_test": [_asked(band.alert, start + hour, []) for hour in hours],
    }


def _caught(band: Anomaly, alert: ResolvedAlert, own: dict[str, str]) -> dict[str, Any]:
    start = band.weeks * _WEEK
    fires = start + _FALL + -(-seconds(band.for_) // 3600)
    labels = {**own, **alert.labels}
    value = (_WORK - _FALLEN) / (band.floor * _WORK)
    shown = {**labels, "alertname": alert.name, "alertstate": "firing"}
    firing = ", ".join(f'{key}="{text}"' for key, text in sorted(shown.items()))
    last = f"{number(_WORK)}x{_FALL - 1} {number(_FALLEN)}x{_RISE - _FALL - 1} {number(_WORK)}x9"
    notice = {
        "exp_labels": labels,
        "exp_annotations": {
            key: expand(text, labels, value) for key, text in annotations_of(alert).items()
        },
    }
    return {
        "name": f"{band.alert}: a weekday that goes wrong",
        "interval": "1h",
        "input_series": _series(band, last, own),
        "promql_expr_test": [
            _asked(band.alert, fires - 1, []),
            _asked(band.alert, fires, [{"labels": f"ALERTS{{{firing}}}", "value": 1}]),
            _asked(band.alert, start + _RISE, []),
        ],
        "alert_rule_test": [
            {"alertname": alert.name, "eval_time": f"{fires}h", "exp_alerts": [notice]}
        ],
    }
