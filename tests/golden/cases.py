"""The cases: one YAML file each, named by its sense.

    in:   spans, logs, metrics in the short form of golden/otlp.py; a list of such mappings
          is sent one after the other
    out:  metric -> labels -> value; the complete set of series that the case's service has
          of each metric named ({} says that there is none)
    none: metrics of which there must be no series (a shorthand for {})

``service.name`` is the case's own, so that one Collector serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from golden import otlp, series
from golden.collector import Collector

FOLDER = Path(__file__).parent / "cases"
_BUILDERS = {
    "spans": ("traces", otlp.traces),
    "logs": ("logs", otlp.logs),
    "metrics": ("metrics", otlp.metrics),
}


@dataclass(frozen=True)
class Case:
    """One case. requests: sent in order; out: the series that must be there after it."""

    name: str
    requests: list[dict[str, Any]]
    out: dict[str, dict[str, Any]]

    @property
    def service(self) -> str:
        """The case's own service.name."""
        return f"case-{self.name}"


def load(file: Path) -> Case:
    """Return the case of a file; anchors are welcome, unknown keys are not."""
    # The parser in C: the other takes ten times as long.
    data = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    assert set(data) <= {"in", "out", "none", "shared"}, f"{file.name}: {sorted(data)}"
    requests = data["in"] if isinstance(data["in"], list) else [data["in"]]
    for request in requests:
        assert set(request) <= {"spans", "logs", "metrics"}, f"{file.name}: {sorted(request)}"
    out = {**data.get("out", {}), **{name: {} for name in data.get("none", [])}}
    return Case(file.stem, requests, out)


def send(case: Case, collector: Collector) -> None:
    """Send what a case says, in its order."""
    for request in case.requests:
        for kind, given in request.items():
            name, build = _BUILDERS[kind]
            collector.send(name, build(case.service, given))


def differences(case: Case, collector: Collector, have: dict[str, series.Rows]) -> list[str]:
    """Return a line for each series in which what a Collector has differs from the case."""
    want: dict[str, series.Rows] = {}
    names: list[str] = []
    for metric_name, out in case.out.items():
        metric = collector.model.metrics[metric_name]
        want.update(series.expected(metric, out, case.service))
        names += [n for n, s in collector.model.series.items() if s.metric == metric_name]
    return series.differences(want, series.of_service(have, case.service), names)


CASES = [load(file) for file in sorted(FOLDER.glob("*.yaml"))]
