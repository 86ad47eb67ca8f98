"""Series of the backtest's truth, written once for both who judge: promtool, and blocks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence

# Of every kind of alert, and of every way in which a series may go on.
SPEC = """
alerting: {fast: 15s, slow: 15s, groups: {kinds: {team: me}}}
routing: {routes: {me: {match: {team: me}, receiver: chat}}}
receivers: {chat: {webhook: {url: "http://127.0.0.1:1/"}}}
labels:
  queue: {description: Queue., values: [a, b, c]}
  outcome: {description: How it ended., values: [success, error, cancelled]}
events:
  queue_state:
    description: A queue.
    fields: {jobs: {type: integer, description: Jobs.}, queue: {type: string, description: Q.}}
sources: {page_view: {description: A page., kind: server}}
metrics:
  shop_jobs: {description: Jobs., event: queue_state, value: jobs, fold: sum, labels: [queue]}
  shop_pages_total: {description: Pages., span: page_view, labels: [outcome]}
rules:
  service:shop_pages_failed:ratio:
    description: Share of pages that fail.
    expr: |-
      sum by (service_name, deployment_environment_name)
        (rate(shop_pages_total{outcome="error"}[2m]))
      / sum by (service_name, deployment_environment_name) (rate(shop_pages_total[2m]))
  queue:shop_jobs:max2m:
    description: The longest of late.
    expr: max by (service_name, deployment_environment_name, queue) (max_over_time(shop_jobs[2m]))
slos:
  pages:
    description: Pages that are answered.
    total: shop_pages_total
    bad: {outcome: error}
    objective: 0.99
    window: 30d
    team: me
    dashboard: pages
    runbook:
      {meaning: Fail., impact: Seen., queries: {Pages: "service:shop_pages_failed:ratio"},
        causes: [A bug.], mitigation: [Mend it.]}
dashboards:
  pages:
    {title: Pages, description: "Fine?", rows: {Traffic: {Pages: {rate: shop_pages_total}}}}
alerts:
  ManyJobs: {group: kinds, severity: warning, for: 1m, threshold: 10, expr: shop_jobs,
    summary: Many jobs}
  JobsAtOnce: {group: kinds, severity: warning, for: 0s, threshold: 10, op: ">=",
    expr: shop_jobs, summary: Many jobs}
  JobsKept: {group: kinds, severity: warning, for: 30s, keep_firing_for: 100s, threshold: 10,
    expr: shop_jobs, summary: Many jobs}
  FewJobs: {group: kinds, severity: warning, for: 40s, threshold: 2, op: "<",
    expr: "sum by (service_name, deployment_environment_name) (shop_jobs)", summary: Few jobs}
  QueueGone: {group: kinds, severity: critical, for: 1m, threshold: 0,
    expr: 'absent(shop_jobs{queue="c"})', summary: Gone}
  PagesFail: {group: kinds, severity: critical, for: 45s, threshold: 0.05, unit: ratio,
    expr: "service:shop_pages_failed:ratio", summary: Pages fail,
    guard: "sum by (service_name, deployment_environment_name) (rate(shop_pages_total[2m])) > 0.5"}
  LateJobs: {group: kinds, severity: info, for: 0s, threshold: 15,
    expr: 'max_over_time(queue:shop_jobs:max2m{queue=~"a|b", queue!="b"}[3m])', summary: Jobs}
  EarlierJobs: {group: kinds, severity: info, for: 15s, threshold: 8,
    expr: 'queue:shop_jobs:max2m{queue="b"} offset 5m', summary: Jobs}
"""
STEP = 15
STEPS = 640
IDENTITY = {"service_name": "orders-api", "deployment_environment_name": "production"}

Values = Sequence[float | None]
"""A value every STEP seconds; None where nothing was scraped."""


def series() -> dict[tuple[str, tuple[tuple[str, str], ...]], Values]:
    """Return (name, labels) -> values of everything that is scraped."""
    gauges = {
        "a": _flapping(1),
        "b": [*_flapping(2)[:200], *[None] * 60, *_flapping(3)[260:]],
        # Gone for longer than Prometheus looks back, and back for one scrape.
        "c": [*[4.0] * 150, *[None] * 90, 4.0, *[None] * 60, *[12.0] * 70, *[None] * (STEPS - 371)],
    }
    found: dict[tuple[str, tuple[tuple[str, str], ...]], Values] = {
        _key("shop_jobs", queue=queue): values for queue, values in gauges.items()
    }
    found[_key("shop_pages_total", outcome="success")] = _counter(lambda step: 15)
    found[_key("shop_pages_total", outcome="error")] = _counter(_failures)
    return found


def _key(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted({**IDENTITY, **labels}.items()))


def _flapping(seed: int) -> list[float]:
    """Return a gauge that stays on a side of the threshold for one to nine scrapes."""
    chance = random.Random(seed)  # noqa: S311 - the same series every time
    found: list[float] = []
    while len(found) < STEPS:
        value = chance.choice([0, 1, 9, 10, 11, 16, 20])
        found += [float(value)] * chance.randint(1, 9)
    return found[:STEPS]


def _failures(step: int) -> int:
    if 100 <= step < 106 or 480 <= step < 484:
        return 4
    if 300 <= step < 380:
        return 15
    return 1 if step % 17 == 0 else 0


def _counter(added) -> Values:  # type: ignore[no-untyped-def]
    """Return a counter; the process begins anew twice, the second time after a gap."""
    found: list[float | None] = []
    total = 0
    for step in range(STEPS):
        if step in (310, 520):
            total = 0
        total += added(step)
        found.append(None if 505 <= step < 520 else float(total))
    return found


def openmetrics(base: int) -> Iterator[str]:
    """Yield the samples as lines of OpenMetrics, the first at ``base`` (Unix seconds)."""
    for (name, labels), values in series().items():
        inner = ",".join(f'{label}="{value}"' for label, value in labels)
        for step, value in enumerate(values):
            if value is not None:
                yield f"{name}{{{inner}}} {value} {base + step * STEP}"


def notation() -> Mapping[str, str]:
    """Return selector -> values in the notation of promtool's tests."""
    found = {}
    for (name, labels), values in series().items():
        inner = ",".join(f'{label}="{value}"' for label, value in labels)
        runs = [(value, len(list(run))) for value, run in itertools.groupby(values)]
        found[f"{name}{{{inner}}}"] = " ".join(
            f"_x{count}" if value is None else f"{value:g}x{count - 1}" for value, count in runs
        )
    return found
