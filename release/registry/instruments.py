"""Instruments of the semantic conventions, and those that the instrumentations really have."""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opentelemetry.instrumentation import bootstrap_gen
from opentelemetry.semconv import _incubating, metrics

from release.registry.attributes import PACKAGE, ROOT

# How Prometheus knows the instruments.
_TYPES = {
    "counter": "counter",
    "updowncounter": "gauge",
    "gauge": "gauge",
    "histogram": "histogram",
}
_DOC = re.compile(r"Instrument: (?P<type>\w+)\nUnit: (?P<unit>\S+)")
_RAN = ("fastapi", "httpx", "system-metrics")


def collected() -> dict[str, Any]:
    """Return the data of instruments.json; attributes only of those that were seen."""
    done = subprocess.run(
        [sys.executable, "-m", "release.registry.emitted"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for package in (_incubating, metrics):
        for file in sorted(Path(package.__path__[0]).glob("**/*.py")):
            found |= dict(_documented(file))
    for name, seen in json.loads(done.stdout).items():
        found[name] = {key: seen[key] for key in ("type", "unit", "attributes")}
    packages = [PACKAGE, *(f"opentelemetry-instrumentation-{name}" for name in _RAN)]
    return {
        "sources": {name: version(name) for name in packages},
        "scopes": _scopes(),
        "instruments": dict(sorted(found.items())),
    }


def _scopes() -> list[str]:
    """Return the scopes of the instrumentations that OpenTelemetry's bootstrap knows.

    Their packages are named so; some call their scope otherwise, so the list is no law.
    """
    packages = [entry["instrumentation"] for entry in bootstrap_gen.libraries]
    names = {
        re.split("[=~<> ]", one)[0] for one in [*packages, *bootstrap_gen.default_instrumentations]
    }
    begin, scope = "opentelemetry-instrumentation-", "opentelemetry.instrumentation."
    return sorted(name.replace(begin, scope).replace("-", "_") for name in names)


def _documented(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the constants of a module whose comment below says which instrument it is."""
    body = ast.parse(file.read_text("utf-8")).body
    for constant, comment in itertools.pairwise(body):
        match constant, comment:
            case (
                ast.AnnAssign(value=ast.Constant(value=str(name))),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if told := _DOC.search(text):
                yield name, {"type": _TYPES[told["type"]], "unit": told["unit"]}
