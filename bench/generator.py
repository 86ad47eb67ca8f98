"""Generator: `imsobs render` of the spec at its size, ten times and a hundred times it.

Metrics, events, alerts, objectives and dashboards are there again and again under other
names; labels, prices and the stack stay. Cold: no file of the output, no compiled Python and
no compiled template is there. Warm: everything is, and nothing changes. Beside it go-jsonnet
renders a mixin (bench/mixin) of as many alerts, recording rules, dashboards and panels; it
checks nothing and writes no Collector configuration, no runbooks and no reference pages.

    python -m bench.generator
    python -m bench.generator --sizes 1 10
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.harness import ROOT, alternate, measured, say, spread
from bench.project import SPEC, packages
from bench.report import Goal, Page, Table, write
from generator import yamlio
from generator.model import resolve
from generator.spec.load import load
from generator.spec.parse import parse

JSONNET = "github.com/google/go-jsonnet/cmd/jsonnet@v0.22.0"
GOAL_SECONDS = {1: 0.5, 100: 15.0}
# Files of the spec are read up to this size each; larger ones come in parts.
_PART = 6 * 1024 * 1024
_GROWN = ("metrics", "events", "alerts", "dashboards")


@dataclass(frozen=True)
class Sample:
    """One rendering. seconds: from start to end; cpu: seconds of all its threads."""

    seconds: float
    cpu: float
    memory: float
    bytes: int
    files: int


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.generator", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jsonnet", type=Path, help="binary of go-jsonnet; built when left out")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        page = _benchmark(given, Path(folder))
    write(page, run, given.out)


def grown(times: int) -> dict[str, Any]:
    """Return the spec's data with every metric, event, alert and dashboard ``times`` over."""
    document, problems = load([SPEC])
    if problems:
        raise SystemExit("the spec has problems: imsobs validate")
    spec = document.data
    found = deepcopy(spec)
    names = sorted(spec["metrics"], key=len, reverse=True)
    for number in range(2, times + 1):
        for section in _GROWN:
            for name, value in spec[section].items():
                if section == "metrics" and _fixed(value):
                    continue
                found[section][_again(section, name, number)] = _rewritten(
                    value, names, spec, number
                )
    return found


def _fixed(metric: dict[str, Any]) -> bool:
    # Of these there is one, whatever the service has.
    return any(kind in metric for kind in ("stack", "probe", "sdk", "log", "pipeline"))


def _again(section: str, name: str, number: int) -> str:
    if section == "metrics":
        stem, total, _ = name.rpartition("_total")
        return f"{stem}_x{number}_total" if name.endswith("_total") else f"{name}_x{number}"
    joint = {"alerts": "X", "dashboards": "-x"}.get(section, "_x")
    return f"{name}{joint}{number}"


def _rewritten(value: Any, names: list[str], spec: dict[str, Any], number: int) -> Any:
    """Return a copy that refers to the copies: metrics and events by their new names."""
    match value:
        case dict():
            return {
                key: _again("events", inner, number)
                if key == "event" and isinstance(inner, str)
                else [_again("events", one, number) for one in inner]
                if key == "event" and isinstance(inner, list)
                else _rewritten(inner, names, spec, number)
                for key, inner in value.items()
            }
        case list():
            return [_rewritten(inner, names, spec, number) for inner in value]
        case str():
            return _renamed(value, number)
    return value


_CACHE: dict[tuple[str, int], str] = {}


def _renamed(text: str, number: int) -> str:
    import re

    def again(found: re.Match[str]) -> str:
        name, part = found.group(0), ""
        for suffix in ("_bucket", "_count", "_sum"):
            if name not in _SPEC_METRICS and name.removesuffix(suffix) in _SPEC_METRICS:
                name, part = name.removesuffix(suffix), suffix
        metric = _SPEC_METRICS.get(name)
        if metric is None or _fixed(metric):
            return found.group(0)
        return _again("metrics", name, number) + part

    return re.sub(r"\bims_[a-z0-9_]+\b", again, text)


def _load_metrics() -> dict[str, Any]:
    return dict(yaml.safe_load(SPEC.read_text(encoding="utf-8"))["metrics"])


_SPEC_METRICS = _load_metrics()
