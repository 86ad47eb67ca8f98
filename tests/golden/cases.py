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

FOLDER = Path(__file__).parent / "cases"


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
    data = yaml.safe_load(file.read_text())
    assert set(data) <= {"in", "out", "none", "shared"}, f"{file.name}: {sorted(data)}"
    requests = data["in"] if isinstance(data["in"], list) else [data["in"]]
    for request in requests:
        assert set(request) <= {"spans", "logs", "metrics"}, f"{file.name}: {sorted(request)}"
    out = {**data.get("out", {}), **{name: {} for name in data.get("none", [])}}
    return Case(file.stem, requests, out)


CASES = [load(file) for file in sorted(FOLDER.glob("*.yaml"))]
