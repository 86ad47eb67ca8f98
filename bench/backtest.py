"""`imsobs backtest`: every alert of the spec, replayed over thirty days.

History is made up and written to blocks by promtool: of every series that an alert of the spec
reads, recorded or scraped, one for each of two environments, every 15 seconds. Most of the time
nothing is wrong; incidents are spread over the range. Each alert is evaluated at every interval of
its group, which are 172,800 evaluations in thirty days. Prometheus and the command share the
machine's cores.

    python -m bench.backtest
    python -m bench.backtest --days 3
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench.harness import ROOT, measured, say
from bench.history import add_blocks
from bench.project import SPEC, components
from bench.report import Goal, Page, Table, write
from imsobs import promql
from imsobs.compile import read_spec
from imsobs.model import Model, conventions
from imsobs.model.rules import recorded_in
from imsobs.promql.labels import SYNTHETIC
from imsobs.promql.series import Series
from imsobs.runtime.recorded import running

GOAL_SECONDS = 60
_DAY = 86_400
# A size of blocks that Prometheus itself compacts to.
_BLOCK_SECONDS = 54 * 3600
_SCRAPE_SECONDS = 15
_ENVIRONMENTS = ("production", "staging")
# Scrapes from one incident to the next, and in one.
_BETWEEN, _LENGTH = 4000, 80


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.backtest", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--data", type=Path, help="folder of the history; today's is used again")
    given = parser.parse_args()
    model = read_spec([SPEC]).model
    if model is None:
        raise SystemExit("the spec has problems: imsobs validate")
    last = int(time.time()) // _DAY * _DAY
    first = last - given.days * _DAY
    names = read_series(model)
    with tempfile.TemporaryDirectory() as folder:
        data = (given.data or Path(folder)) / f"{first}-{last}"
        if not data.exists():
            for start in range(first, last, _BLOCK_SECONDS):
                end = min(start + _BLOCK_SECONDS, last)
                say(f"writing {(end - first) / _DAY:.1f} of {given.days} days")
                add_blocks(_lines(model, names, start, end, first), data)
        with running(data, ROOT) as (address, pid), measured() as run:
            found = _replayed(address, pid, given.days, last)
    write(_page(given, model, found, len(names)), run, given.out)


def read_series(model: Model) -> list[str]:
    """Return every series that the alerts of a spec read, those that their records read not."""
    return sorted(
        {
            name
            for alert in model.alerts.values()
            if alert.enabled
            for name in promql.metric_names(alert.expr)
            if name in model.series and name not in SYNTHETIC
        }
    )


def _lines(model: Model, names: list[str], first: int, last: int, begin: int) -> Iterator[str]:
    for name in names:
        series = model.series[name]
        # One of each where no label tells them apart.
        apart = conventions.ENVIRONMENT in series.labels
        for environment in _ENVIRONMENTS if apart else _ENVIRONMENTS[:1]:
            labels = _labels(series, environment)
            # The same traffic wherever a block begins.
            chance = random.Random(f"{name} {environment}")  # noqa: S311 - no secret
            phase, step = chance.randrange(_BETWEEN), chance.randint(1, 3)
            for at in range(first, last, _SCRAPE_SECONDS):
                number = (at - begin) // _SCRAPE_SECONDS
                wrong = (number + phase) % _BETWEEN < _LENGTH
                if series.type == "gauge":
                    value = 1 if not wrong else 0 if phase % 2 else 1000
                else:
                    value = number * step
                yield f"{name}{{{labels}}} {value} {at}"


def _labels(series: Series, environment: str) -> str:
    own = {name: (values or ("1",))[0] for name, values in series.labels.items()}
    if conventions.ENVIRONMENT in own:
        own[conventions.ENVIRONMENT] = environment
    return ",".join(f'{name}="{value}"' for name, value in own.items())


def _replayed(address: str, pid: int, days: int, last: int) -> dict[str, Any]:
    say("replaying every alert ...")
    end = datetime.fromtimestamp(last, UTC).isoformat()
    command = [sys.executable, "-m", "imsobs", "backtest", "--root", ROOT, "--format", "json"]
    command += ["--prometheus", address, "--since", f"{days}d", "--until", end]
    start, used = time.monotonic(), _cpu(pid)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if not done.stdout:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout)
    cpu = _cpu(pid) - used
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "alerts": [row["revisions"][0] for row in found["alerts"]],
    }


def _cpu(pid: int) -> float:
    """Return the CPU seconds that Prometheus, and commands which have ended, used so far."""
    times = psutil.Process(pid).cpu_times()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(times.user + times.system + ended.ru_utime + ended.ru_stime)


def _page(given: argparse.Namespace, model: Model, found: dict[str, Any], names: int) -> Page:
    alerts = found["alerts"]
    records = {record.name: record for record in model.records}
    read = {
        name
        for alert in model.alerts.values()
        if alert.enabled
        for name in recorded_in(alert.expr, records)
    }
    rows = [
        ["days", str(given.days)],
        ["alerts", str(len(alerts))],
        ["without an answer", str(sum(alert["error"] is not None for alert in alerts))],
        ["names of series in history", f"{names}, every {_SCRAPE_SECONDS} s"],
        ["records that they read", str(len(read))],
        ["episodes", f"{sum(len(alert['episodes']) for alert in alerts):,}"],
        ["episodes that fired", f"{sum(alert['fired'] for alert in alerts):,}"],
        ["seconds, all in all", f"{found['seconds']:.1f}"],
        ["CPU seconds, of Prometheus and the command", f"{found['cpu_seconds']:.1f}"],
    ]
    goals = [
        Goal(
            f"every alert over {given.days} days within a minute",
            f"{len(alerts)} alerts in {found['seconds']:.1f} s, of {found['cpu_seconds']:.1f} CPU"
            " seconds on two cores",
            found["seconds"] <= GOAL_SECONDS and not any(alert["error"] for alert in alerts),
        )
    ]
    summary = {
        "seconds": found["seconds"],
        "cpu_seconds": found["cpu_seconds"],
        "alerts": [{k: v for k, v in alert.items() if k != "episodes"} for alert in alerts],
    }
    return Page(
        "backtest",
        "Benchmark: backtest",
        __doc__ or "",
        components("prometheus", "promtool"),
        [Table("Every alert of the spec", ["", ""], rows)],
        goals,
        summary,
        {"days": given.days},
    )


if __name__ == "__main__":
    main()
