"""Where an expression mixes environments, and where it does not."""

from __future__ import annotations

import pytest
from imsobs.promql.mixing import mixed
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
