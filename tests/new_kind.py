"""A kind of source that the package does not have: one module and one line, in a copy of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

import imsobs

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(imsobs.__file__).parent
METRIC = "ims_tenant_records_total"
# A kind that no other module knows: log records that carry an attribute.
MODULE = """
from imsobs.model.kinds.kind import Counting, Kind, quoted


class Carrying(Kind):
    name = "carrying"
    signal = "log"
    labels_of_records = True
    constants = ("carried",)

    def problems(self, path, metric):
        from imsobs.problems import Problem
        if metric.carrying.startswith("imsobs."):
            yield Problem((*path, "carrying"), "a sender cannot set this", "metric/carrying")

    def described(self, metric, spec):
        return f"log records that carry {quoted(metric)}"

    def counted(self, metric, model):
        name = metric.sources[0]
        return [Counting("log", any_of=(name,), constant=("carried", name))]


KIND = Carrying()
"""
LINE = "    carrying: str | None = None\n"
OVERLAY: dict[str, Any] = {
    "labels": {"carried": {"description": "What a record carries.", "values": ["tenant_id"]}},
    "metrics": {
        "ims_tenant_records_total": {
            "type": "counter",
            "description": "Log records of a tenant.",
            "carrying": "tenant_id",
            "labels": ["severity", "carried"],
        }
    },
    "rules": {
        "service:ims_tenant_failures:rate5m": {
            "group": "tenants",
            "description": "Failures that tenants see, per second.",
            "expr": "sum by (service_name, deployment_environment_name) "
            '(rate(ims_tenant_records_total{severity="error"}[5m]))',
        }
    },
}


def extend(folder: Path) -> Path:
    """Return the folder of a copy of the package that has one module and one line more."""
    copy = folder / "imsobs"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "model/kinds/carrying.py").write_text(MODULE)
    schema = copy / "spec/schema/metrics.py"
    text, count = re.subn(r"^(?=    stack: )", LINE, schema.read_text(), flags=re.MULTILINE)
    assert count == 1
    schema.write_text(text)
    return folder


def run(
    extended: Path, *arguments: str | Path, stack: dict[str, Any] | None = None, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run the copy on the project's spec and a metric of the kind. changes: keys of the metric."""
    overlay = extended / "overlay.yaml"
    metrics = {METRIC: {**OVERLAY["metrics"][METRIC], **changes}}
    overlay.write_text(yaml.safe_dump({**OVERLAY, "metrics": metrics, "stack": stack or {}}))
    return subprocess.run(
        [sys.executable, "-m", "imsobs", *map(str, arguments), "--overlay", str(overlay)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(extended)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
