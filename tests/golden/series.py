"""Series as data: the text exposition parsed, and the lines that a case expects.

A case writes ``labels -> value``; a histogram's value is its count, its sum and how many
observations fell into which bucket (not cumulative), from which every ``_bucket``, ``_sum``
and ``_count`` line follows.
"""

from __future__ import annotations

import math
import re
from typing import Any

from imsobs.model import conventions
from imsobs.model.metrics import ResolvedMetric

Labels = frozenset[tuple[str, str]]
Rows = dict[Labels, float]

# The labels of a process that tells nothing of itself.
NO_PROCESS = {
    conventions.INSTANCE_ID: conventions.OTHER,
    conventions.PROCESS_ROLE: conventions.UNKNOWN,
}
_LINE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


def parse(text: str) -> dict[str, Rows]:
    """Return name -> labels -> value of a Prometheus text exposition."""
    found: dict[str, Rows] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = _LINE.match(line)
            assert match, f"not a series: {line!r}"
            name, labels, value = match.groups()
            assert labels_of(labels or "") not in found.get(name, {}), f"twice: {line}"
            found.setdefault(name, {})[labels_of(labels or "")] = float(value)
    return found


def labels_of(text: str) -> Labels:
    """Return the labels of ``a="x", b="y"``."""
    pairs = _LABEL.findall(text)
    return frozenset((k, re.sub(r"\\.", lambda m: _ESCAPES[m.group()], v)) for k, v in pairs)


def of_service(rows: dict[str, Rows], service: str) -> dict[str, Rows]:
    """Return the series of one service."""
    mine = (conventions.SERVICE_NAME, service)
    kept = {n: {k: v for k, v in found.items() if mine in k} for n, found in rows.items()}
    return {name: found for name, found in kept.items() if found}


def expected(metric: ResolvedMetric, out: dict[str, Any], service: str) -> dict[str, Rows]:
    """Return name -> labels -> value of every series that a case says the metric has.

    A gauge that is folded is what each process reports, also one that tells nothing of itself.
    """
    found: dict[str, Rows] = {}
    for text, value in out.items():
        given = dict(labels_of(text))
        given = {
            conventions.SERVICE_NAME: service,
            conventions.ENVIRONMENT: "development",
            **(NO_PROCESS if metric.by_process else {}),
            # The cases' resource tells no version.
            **({"version": "unknown"} if "version" in metric.labels else {}),
            **given,
        }
        labels = frozenset(given.items())
        if metric.type == "histogram":
            for name, row in _histogram(metric, value).items():
                found.setdefault(name, {}).update({labels | extra: v for extra, v in row.items()})
        else:
            found.setdefault(metric.exposed, {})[labels] = float(value)
    return found


def _histogram(metric: ResolvedMetric, value: dict[str, Any]) -> dict[str, Rows]:
    """value: count, sum, and buckets: upper bound -> observations in that bucket alone.

    bounds: of an SDK histogram, which brings its own.
    """
    placed = {float(bound): int(count) for bound, count in value["buckets"].items()}
    bounds = [*map(float, value.get("bounds", metric.buckets)), math.inf]
    assert set(placed) <= set(bounds), f"{metric.name} has no bucket {set(placed) - set(bounds)}"
    assert sum(placed.values()) == value["count"], f"{metric.name}: buckets do not add up to count"
    bucket, total, count = conventions.histogram_series(metric.name)
    rows: Rows = {}
    running = 0
    for bound in bounds:
        running += placed.get(bound, 0)
        rows[frozenset({("le", exposed(bound))})] = float(running)
    empty: Labels = frozenset()
    return {
        bucket: rows,
        total: {empty: float(value["sum"])},
        count: {empty: float(value["count"])},
    }


def exposed(bound: float) -> str:
    """Return ``le`` as the exposition in text has it: without the .0 that Prometheus adds."""
    return conventions.bucket_bound(bound).removesuffix(".0")


def same(left: float, right: float) -> bool:
    """Return whether two values are equal: whole numbers exactly, others to 1e-12.

    Sums of binary fractions depend on the order of addition: a few units in the last place
    (2.2e-16 each) after the handful of additions that a case makes.
    """
    if left == int(left) and right == int(right):
        return left == right
    return math.isclose(left, right, rel_tol=1e-12, abs_tol=0.0)


def differences(want: dict[str, Rows], have: dict[str, Rows], names: list[str]) -> list[str]:
    """Return a line per missing, surplus or different series among ``names``."""
    lines = []
    for name in names:
        wanted, found = want.get(name, {}), have.get(name, {})
        for labels in sorted(wanted.keys() | found.keys(), key=sorted):
            text = name + "{" + ", ".join(f'{k}="{v}"' for k, v in sorted(labels)) + "}"
            if labels not in found:
                lines.append(f"- {text} {wanted[labels]!r}")
            elif labels not in wanted:
                lines.append(f"+ {text} {found[labels]!r}")
            elif not same(wanted[labels], found[labels]):
                lines.append(f"! {text} expected {wanted[labels]!r}, got {found[labels]!r}")
    return lines
