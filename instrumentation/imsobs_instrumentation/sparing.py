"""Work of the SDK that changes nothing is not done: of measurements, spans and log records.

Only where the SDK has a configuration file, and a version that this was tested with. With another,
one line in the log says so, and everything goes the usual way.
"""

from __future__ import annotations

import functools
import logging
import os

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.version import __version__

from imsobs_instrumentation import measurements, records, sdk, settings, tracers

_log = logging.getLogger(__name__)
# A minor version. Before a new one: tests/unit/test_measurements.py, test_log_records.py and
# test_spans.py.
TESTED = "1.45"


@functools.cache
def is_tested(version: str = __version__) -> bool:
    """Return whether this was tested with a version of the SDK; say so when it was not."""
    tested = version.split(".")[:2] == TESTED.split(".")
    if not tested:
        _log.warning("the SDK does all its work: this was not tested with its version %s", version)
    return tested


def measure() -> None:
    """Let instruments that are made from now on measure what is kept."""
    for provider in sdk.providers():
        if isinstance(provider, MeterProvider) and settings.has_file() and is_tested():
            measurements.install(provider, settings.read())


def trace() -> None:
    """Let tracers that are asked for from now on make spans that cost less."""
    limits = settings.read().spans if settings.has_file() else None
    # Such a tracer counts no spans of its own.
    counts = os.environ.get("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "").strip()
    for provider in sdk.providers():
        if isinstance(provider, TracerProvider) and limits and not counts and is_tested():
            tracers.install(provider, limits)


def emit() -> None:
    """Let log records take the short way."""
    for provider in sdk.providers():
        if isinstance(provider, LoggerProvider) and settings.has_file() and is_tested():
            records.install(provider)
