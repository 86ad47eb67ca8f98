"""What the Collector loses at one moment is told, also when nothing was ever lost before.

A counter of the Collector's that is about failures begins with the first of them, so that there
is no earlier sample that it has risen from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import promtool
import pytest
from alertmanager import ROOT
from promql_parser import VectorSelector

from imsobs import promql
from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.model.rules import ResolvedAlert

pytestmark = pytest.mark.native
RULES = ROOT / "alerts" / "rules" / "alerting.yaml"
# In steps of 15 s: an hour in which the Collector is silent about it, or has nothing to tell.
HOUR = 240


def model() -> Model:
    read = read_spec([ROOT / "spec" / "ims.yaml"])
    assert read.model is not None
    return read.model


def losses(alert: ResolvedAlert) -> list[str]:
    """Return a series per counter of the Collector's that the alert looks at."""
    found = {}
    for selector in promql.selectors(promql.parse(alert.value)):
        name = promql.selector_name(selector)
        if name.startswith("otelcol_") and name.endswith("_total"):
            found[name] = _series(name, selector)
    return list(found.values())


def _series(name: str, selector: VectorSelector) -> str:
    """Return a series that the selector finds."""
    labels = {"job": "otelcol", "instance": "a", "receiver": "otlp", "exporter": "otlp_http"}
    for matcher in selector.matchers.matchers:
        labels[matcher.name] = matcher.value or "delta.ErrOutOfOrder"
    written = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{written}}}"


CASES = [
    (alert.name, series)
    for alert in model().alerts.values()
    if alert.path[0] == "alerts"
    for series in losses(alert)
]


def test_there_are_such_alerts() -> None:
    assert {"TelemetryRefused", "TelemetryExportFailing", "TelemetryDropped"} <= {
        alert for alert, _ in CASES
    }


def fires(alert: str, at: str, times: int) -> dict[str, Any]:
    """Return a question for promtool: so many of this alert fire at this time."""
    query = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    return promtool.asked(query, at, {"{}": times} if times else {})


@pytest.mark.parametrize(("alert", "series"), CASES)
@pytest.mark.parametrize("before", ["_", "0"])
def test_one_burst_is_told_and_is_over(
    alert: str, series: str, before: str, tmp_path: Path
) -> None:
    values = f"{before}x{HOUR} 7x{HOUR}"
    questions = [fires(alert, "59m", 0), fires(alert, "70m", 1), fires(alert, "90m", 0)]
    promtool.check(tmp_path, {series: values}, questions, [RULES])


@pytest.mark.parametrize(("alert", "series"), CASES)
def test_what_was_lost_long_ago_is_not_told_again(alert: str, series: str, tmp_path: Path) -> None:
    # Neither in all that time, nor because of a gap in it.
    values = f"7x{HOUR} _x8 7x{HOUR}"
    questions = [fires(alert, at, 0) for at in ("30m", "62m", "70m", "90m")]
    promtool.check(tmp_path, {series: values}, questions, [RULES])
