"""Where an expression mixes environments, and where it does not."""

from __future__ import annotations

import pytest

from imsobs.promql.mixing import mixed, mixed_with_apart
from imsobs.promql.series import Allowed, Series

ENV = "deployment_environment_name"
LABELS: dict[str, Allowed] = {"service_name": None, ENV: ("production", "staging"), "queue": None}
SERIES = {
    "hits_total": Series("hits_total", "hits_total", "counter", LABELS),
    "misses_total": Series("misses_total", "misses_total", "counter", LABELS),
    "up": Series("up", "up", "gauge", {"job": None}),
}


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("rate(hits_total[5m])", []),
        ("sum(rate(hits_total[5m]))", ["hits_total"]),
        ("sum by (service_name) (rate(hits_total[5m]))", ["hits_total"]),
        (f"sum by (service_name, {ENV}) (rate(hits_total[5m]))", []),
        ("sum without (queue) (hits_total)", []),
        (f"sum without ({ENV}) (hits_total)", ["hits_total"]),
        ("topk(3, hits_total)", []),
        ("max(sum by (service_name) (hits_total))", ["hits_total"]),
        # The result keeps the label, its divisor does not.
        (
            f"sum by ({ENV}) (hits_total) / on () group_left () sum(misses_total)",
            ["misses_total"],
        ),
        ("hits_total / on (service_name) misses_total", ["hits_total", "misses_total"]),
        (f"hits_total / ignoring ({ENV}) misses_total", ["hits_total", "misses_total"]),
        ("hits_total / ignoring (queue) misses_total", []),
        ("hits_total unless on (service_name) misses_total", ["hits_total", "misses_total"]),
        ("hits_total and on () up", []),
        ("scalar(hits_total)", ["hits_total"]),
        ("absent(hits_total)", ["hits_total"]),
        # One environment mixes nothing.
        (f'sum(hits_total{{{ENV}="production"}})', []),
        (f'absent(hits_total{{{ENV}="production"}})', []),
        (f'sum(hits_total{{{ENV}=~"production|staging"}})', ["hits_total"]),
        (f'sum(hits_total{{{ENV}!="staging"}})', ["hits_total"]),
        # The stack itself has no environment.
        ("count(up == 0)", []),
        ("sum(nowhere)", []),
        ("sum(", []),
    ],
)
def test_mixed(expr: str, metrics: list[str]) -> None:
    assert mixed(expr, ENV, SERIES) == metrics


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("sum(rate(asked_total[5m]))", [("asked_total", "route")]),
        ("sum by (route) (rate(asked_total[5m]))", []),
        ("rate(asked_total[5m])", []),
        ('sum(rate(asked_total{route!~"/health.*"}[5m]))', []),
        ('sum(rate(asked_total{route="/a"}[5m]))', []),
        ('sum(rate(asked_total{route=~"/health.*"}[5m]))', []),
        # One of the two health routes is left, or chosen together with another.
        ('sum(rate(asked_total{route!="/health"}[5m]))', [("asked_total", "route")]),
        ('sum(rate(asked_total{route=~"/a|/health"}[5m]))', [("asked_total", "route")]),
        # Chosen in the browser.
        ('sum(rate(asked_total{route=~"$route"}[5m]))', []),
        (
            'sum(asked_total{route!~"/health.*"}) / on () sum(asked_total)',
            [("asked_total", "route")],
        ),
        ("sum(hits_total)", []),
    ],
)
def test_values_apart_are_mixed(expr: str, found: list[tuple[str, str]]) -> None:
    labels: dict[str, Allowed] = {**LABELS, "route": ("/a", "/health", "/health/detailed", "other")}
    asked = Series("asked_total", "asked_total", "counter", labels, {"route": ("/health*",)})
    assert mixed_with_apart(expr, {**SERIES, "asked_total": asked}) == found
