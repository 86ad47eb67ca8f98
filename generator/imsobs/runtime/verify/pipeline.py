"""The Collector, Prometheus and Jaeger on their own files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imsobs import artifacts
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.validators import ask, required

_COLLECTOR = artifacts.COLLECTOR
_PROMETHEUS = artifacts.PROMETHEUS
_JAEGER = artifacts.JAEGER


def verify(root: Path) -> Iterator[Verdict]:
    """Yield the verdicts of otelcol, promtool and jaeger."""
    otelcol = required("otelcol", root)
    yield ask("otelcol", _COLLECTOR, [otelcol, "validate", "--config", _COLLECTOR], root)
    if (root / artifacts.COLLECTOR_INGEST).is_file():
        configs = ["--config", _COLLECTOR, "--config", artifacts.COLLECTOR_INGEST]
        yield ask("otelcol", artifacts.COLLECTOR_INGEST, [otelcol, "validate", *configs], root)
    promtool = required("promtool", root)
    yield ask("promtool", _PROMETHEUS, [promtool, "check", "config", _PROMETHEUS], root)
    if (root / _JAEGER).is_file():
        jaeger = required("jaeger", root)
        yield ask("jaeger", _JAEGER, [jaeger, "validate", "--config", _JAEGER], root)
