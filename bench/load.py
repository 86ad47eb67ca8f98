"""Load: 1000 users for two minutes against the demo, and every counter equal to what they sent.

Locust, the demo service, its stub vendors and the native stack (Collector, Prometheus) run on
one machine, on loopback. Users pause between scenarios, so that the rate is what the
machine can carry with all of that on it. Afterwards every counter in Prometheus is compared
with what Locust sent: requests by method, route and status, model calls, tokens, and
events, each series by itself. With several workers (uvicorn's) the service shares its cache and
its database between them, and every series must be equal all the same.

    python -m bench.load
    python -m bench.load --users 50 --seconds 20
    python -m bench.load --workers 4
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.harness import EXAMPLES, ROOT, measured, say
from bench.project import components, packages, rendered
from bench.report import Goal, Page, Table, write
from gateway.launch import Launch, running
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.trial import free_ports

Counts = dict[tuple[str, ...], float]
_SETTLE_SECONDS = 90.0
_GOAL_ERRORS = 0.0
# For the scenarios that begin last to end.
_LAST_SECONDS = 20
# Series of a metric: which effects they count, and the labels in the order of the key.
_EVENTS = {
    "ims_model_selections_total": ("model_selected", ("vendor", "model", "strategy")),
    "ims_model_fallbacks_total": ("model_fallback", ("from_vendor", "to_vendor", "reason")),
    "ims_vendor_retries_total": ("model_retry", ("vendor", "reason")),
    "ims_policy_evaluations_total": ("policy_evaluated", ("policy", "decision")),
    "ims_queue_enqueued_total": ("job_enqueued", ("queue",)),
    "ims_queue_dequeued_total": ("job_started", ("queue",)),
    "ims_queue_processing_seconds_count": ("job_finished", ("queue",)),
    "ims_agents_spawned_total": ("agent_spawned", ("agent_type",)),
    "ims_agents_completed_total": ("agent_finished", ("agent_type", "outcome")),
    "ims_actions_total": ("action_executed", ("action", "outcome")),
    "ims_sandbox_executions_total": ("sandbox_finished", ("runtime", "exit_code")),
    "ims_cache_lookup_duration_seconds_count": ("cache_lookup", ("cache",)),
}


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--wait", type=float, default=20.0, help="mean pause of a user, seconds")
    parser.add_argument("--workers", type=int, default=1, help="processes of the service")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        page = _benchmark(given, Path(folder))
    write(page, run, given.out)


def _benchmark(given: argparse.Namespace, folder: Path) -> Page:
    (port,) = free_ports(1)
    quick = {
        "service": {"url": f"http://127.0.0.1:{port}"},
        "scrape": {"interval": "5s", "timeout": "5s"},
    }
    root = rendered(folder / "project", quick)
    with running_stack(root, folder / "state", only=("otelcol", "prometheus")) as stack:
        launch = Launch(
            root=root,
            logs=folder / "logs",
            port=port,
            endpoint=f"http://127.0.0.1:{stack.port('otelcol', 'otlp_http')}",
            workers=given.workers,
        )
        with running(launch) as service:
            say(f"{given.users} users for {given.seconds} s ...")
            report = _locust(given, service.gateway_url, folder)
            expected = _expected(report)
            prometheus = f"http://127.0.0.1:{stack.port('prometheus', 'http')}"
            say("comparing counters ...")
            rows = _compare(expected, prometheus)
    return _page(given, report, rows)


def _locust(given: argparse.Namespace, url: str, folder: Path) -> dict[str, Any]:
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "locust", "--headless", "--host", url, "--loglevel", "WARNING"),
        *("--locustfile", str(ROOT / "bench" / "locustfile.py"), "--only-summary"),
        *("--users", str(given.users), "--spawn-rate", str(max(1, given.users // 10))),
        *("--run-time", f"{math.ceil(given.seconds + 1.5 * given.wait) + _LAST_SECONDS}s"),
    ]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(EXAMPLES)]),
        "BENCH_LOAD_REPORT": str(report),
        "BENCH_LOAD_WAIT": str(given.wait),
        "BENCH_LOAD_SECONDS": str(given.seconds),
    }
    with (folder / "locust.log").open("wb") as log:
        subprocess.run(command, env=env, stdout=log, stderr=subprocess.STDOUT, check=False)
    if not report.exists():
        raise SystemExit((folder / "locust.log").read_text()[-3000:])
    return dict(json.loads(report.read_text()))


def _expected(report: dict[str, Any]) -> dict[tuple[str, tuple[str, ...]], Counts]:
    """Return (metric, labels) -> label values -> count, from what Locust sent."""
    found: dict[tuple[str, tuple[str, ...]], Counter[tuple[str, ...]]] = {}
    requests: Counter[tuple[str, ...]] = Counter()
    for method, route, status, count in report["requests"]:
        requests[method, route, f"{status // 100}xx"] += count
    found["ims_requests_total", ("method", "route", "status_class")] = requests
    effects = [(tuple(key), count) for key, count in report["effects"]]
    calls: Counter[tuple[str, ...]] = Counter()
    tokens: dict[str, Counter[tuple[str, ...]]] = {}
    for key, count in effects:
        if key[0] == "model_call":
            calls[key[1:]] += count
        elif key[0] == "tokens":
            tokens.setdefault(key[3], Counter())[key[1:3]] += count
    found["ims_model_calls_total", ("vendor", "model", "operation", "outcome")] = calls
    for kind, counts in tokens.items():
        if kind in ("input", "output", "cached", "reasoning"):
            found[f"ims_{kind}_tokens_total", ("vendor", "model")] = counts
    for metric, (event, labels) in _EVENTS.items():
        counts = found.setdefault((metric, labels), Counter())
        for key, count in effects:
            if key[:2] == ("event", event):
                fields = dict(part.split("=", 1) for part in key[2:])
                counts[tuple(fields[label] for label in labels)] += count
    return {key: dict(counts) for key, counts in found.items() if counts}


@dataclass(frozen=True)
class Compared:
    """A metric. differing: label values of a series -> what was sent and what was counted."""

    metric: str
    series: int
    sent: float
    counted: float
    differing: dict[str, list[float]]


def _compare(
    expected: dict[tuple[str, tuple[str, ...]], Counts], prometheus: str
) -> list[Compared]:
    """Compare every metric, until all are equal or nothing more can be expected."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        rows = [_compared(key, counts, prometheus) for key, counts in expected.items()]
        if not any(row.differing for row in rows) or time.monotonic() > deadline:
            return rows
        time.sleep(3)


def _compared(key: tuple[str, tuple[str, ...]], counts: Counts, prometheus: str) -> Compared:
    metric, labels = key
    without = '{route!~"/health.*"}' if metric == "ims_requests_total" else ""
    query = f"sum by ({', '.join(labels)}) ({metric}{without})"
    answer = httpx.get(
        f"{prometheus}/api/v1/query", params={"query": query}, timeout=30, trust_env=False
    )
    found = {
        tuple(series["metric"].get(label, "") for label in labels): float(series["value"][1])
        for series in answer.json()["data"]["result"]
    }
    differing = {
        " ".join(key): [counts.get(key, 0.0), found.get(key, 0.0)]
        for key in {*counts, *found}
        if counts.get(key, 0.0) != found.get(key, 0.0)
    }
    return Compared(metric, len(counts), sum(counts.values()), sum(found.values()), differing)


def _page(
    given: argparse.Namespace,
    report: dict[str, Any],
    rows: list[Compared],
) -> Page:
    figures = report["locust"]
    share = figures["failures"] / max(1, figures["requests"])
    load = Table(
        f"{given.users} users for {given.seconds} s",
        ["requests", "per second", "errors", "mean", "p50", "p95", "p99", "slowest"],
        [
            [
                f"{figures['requests']:,}",
                f"{figures['rate']:.0f}",
                f"{figures['failures']} ({share:.2%})",
                *(
                    f"{figures[k]:,.0f} ms"
                    for k in ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms")
                ),
            ]
        ],
        note="Errors: no answer, or one of 5xx. What a policy denies (403) is no error."
        + "".join(f"\n- {error}" for error in report["errors"]),
    )
    counters = Table("Counters", ["metric", "series", "sent", "counted", "each series equal"])
    for row in rows:
        cells = [f"`{row.metric}`", str(row.series), f"{row.sent:,.0f}", f"{row.counted:,.0f}"]
        counters.rows.append([*cells, "no" if row.differing else "yes"])
    goals = [
        Goal("no request fails", f"{figures['failures']}", share <= _GOAL_ERRORS),
        Goal(
            "every counter equal to what Locust sent, series by series",
            f"{sum(not row.differing for row in rows)} of {len(rows)} metrics,"
            f" {sum(row.series for row in rows)} series",
            not any(row.differing for row in rows),
        ),
    ]
    several = given.workers > 1
    return Page(
        "load-workers" if several else "load",
        f"Benchmark: load, {given.workers} workers" if several else "Benchmark: load",
        __doc__ or "",
        {
            **packages("locust", "fastapi", "uvicorn", "opentelemetry-sdk"),
            **components("otelcol"),
        },
        [load, counters],
        goals,
        {
            "locust": figures,
            "errors": report["errors"],
            "routes": report["routes"],
            "counters": [asdict(row) for row in rows],
        },
        {
            "users": given.users,
            "seconds": given.seconds,
            "mean pause (s)": given.wait,
            "workers": given.workers,
        },
    )


if __name__ == "__main__":
    main()
