"""The Collector, Prometheus and Jaeger on their own files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imsobs.outputs.stack.ingest import PATH as INGEST
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.validators import ask, required

_COLLECTOR = "collector/config.yaml"
_PROMETHEUS = "stack/prometheus.yaml"
_JAEGER = "stack/jaeger.yaml"


def verify(root: Path) -> Iterator[Verdict]:
    """Yield the verdicts of otelcol, promtool and jaeger."""
    otelcol = required("otelcol", root)
    yield ask("otelcol", _COLLECTOR, [otelcol, "validate", "--config", _COLLECTOR], root)
    if (root / INGEST).is_file():
        configs = ["--config", _COLLECTOR, "--config", INGEST]
        yield ask("otelcol", INGEST, [otelcol, "validate", *configs], root)
    promtool = required("promtool", root)
    yield ask("promtool", _PROMETHEUS, [promtool, "check", "config", _PROMETHEUS], root)
    jaeger = required("jaeger", root)
    yield ask("jaeger", _JAEGER, [jaeger, "validate", "--config", _JAEGER], root)
