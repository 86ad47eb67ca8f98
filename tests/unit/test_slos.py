"""Objectives: whole counts in every window, and alerts that a few failures do not raise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from promtool import asked, check

from imsobs.model import Model
from imsobs.outputs.prometheus import rules as alert_rules
from imsobs.pages import render

SERVICE = 'service_name="ims-core",deployment_environment_name="production"'
GOOD = f'ims_requests_total{{{SERVICE},status_class="2xx",route="/v1/generate",method="POST"}}'
BAD = f'ims_requests_total{{{SERVICE},status_class="5xx",route="/v1/generate",method="POST"}}'
ALL = f'ims_request_duration_seconds_count{{{SERVICE},route="/v1/generate",method="POST"}}'
FAST = (
    f'ims_request_duration_seconds_bucket{{{SERVICE},le="2.0",route="/v1/generate",method="POST"}}'
)
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


@pytest.fixture(scope="module")
def rules(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rules")
    for path, content in render(alert_rules.plan(model)).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root / "alerts/rules/slo.yaml"


def firing(at: str, *alerts: str) -> dict[str, Any]:
    return asked(FIRING, at, {f'{{alertname="{name}"}}': 1 for name in alerts})


@pytest.mark.native
@pytest.mark.parametrize("per_hour", [0, 18, 115, 3600])
def test_one_failure_alerts_nobody_whatever_the_traffic(
    per_hour: int, rules: Path, tmp_path: Path
) -> None:
    """With 18 requests an hour it is 6 % of an hour, 0.9 % of six and 0.9 % of all there were."""
    traffic = {GOOD: f"0+{per_hour / 60}x640"} if per_hour else {}
    moments = [f"{370 + minutes}m" for minutes in (0, 1, 3, 4, 5, 12, 20, 31, 61, 90, 240)]
    failed = {BAD: "_x369 0 1x270"}
    check(
        tmp_path,
        traffic | failed,
        [firing(at) for at in moments],
        [rules],
        interval="1m",
        evaluation="1m",
    )


@pytest.mark.native
@pytest.mark.parametrize("minutes", [1, 10])
def test_so_many_failures_wake_somebody(
    minutes: int, model: Model, rules: Path, tmp_path: Path
) -> None:
    """A whole outage with little traffic: one failure each so many minutes."""
    enough = model.spec.slos["availability"].min_failures
    steps = f"0x{minutes - 1} " if minutes > 1 else "0 "
    steps += " ".join(f"{n}x{minutes - 1}" for n in range(1, 12))
    nth = enough * minutes
    # Not yet with one failure less, however long that stays so.
    check(
        tmp_path,
        {BAD: steps},
        [
            firing(f"{nth - 1}m"),
            asked(
                "slo:availability:bad_events1h",
                f"{nth}m",
                {f"slo:availability:bad_events1h{{{SERVICE}}}": enough},
            ),
            firing(f"{nth + 2}m", "SLOAvailabilityBurnFast"),
        ],
        [rules],
        interval="1m",
    )


@pytest.mark.native
def test_a_few_slow_requests_alert_nobody(model: Model, rules: Path, tmp_path: Path) -> None:
    few = model.spec.slos["latency"].min_failures - 1
    moments = [f"{minutes}m" for minutes in (1, 3, 4, 6, 20, 31, 70, 130, 400)]
    slow = {ALL: f"0 {few}x500", FAST: "0x501"}
    check(tmp_path, slow, [firing(at) for at in moments], [rules], interval="1m")


@pytest.mark.native
def test_windows_count_exactly(rules: Path, tmp_path: Path) -> None:
    """10 requests a minute; the Collector starts anew after 40 minutes; 3 failures in between."""
    good = "0+10x40 0+10x100"
    bad = "_x20 0 1 2x17 0 1x100"
    asks = []
    for window, events, failed in (("5m", 50, 0), ("30m", 300, 0), ("1h", 591, 1), ("6h", 993, 3)):
        for name, value in ((f"events{window}", events), (f"bad_events{window}", failed)):
            name = f"slo:availability:{name}"
            asks.append(asked(name, "1h40m", {f"{name}{{{SERVICE}}}": value}))
    check(tmp_path, {GOOD: good, BAD: bad}, asks, [rules], interval="1m")


@pytest.mark.native
def test_days_add_up_exactly(rules: Path, tmp_path: Path) -> None:
    """4 days of 6 requests a minute, of which one fails each hour, asked in the last three."""
    asks = []
    for name, value in (
        ("events3d", 3 * 24 * 361),
        ("bad_events3d", 3 * 24),
        ("events30d", 4 * 24 * 361),
    ):
        name = f"slo:availability:{name}"
        asks.append(asked(name, "96h", {f"{name}{{{SERVICE}}}": value}))
    bad = " ".join(f"{n}x11" for n in range(97))
    check(tmp_path, {GOOD: "0+30x1160", BAD: bad}, asks, [rules], interval="5m", evaluation="5m")
