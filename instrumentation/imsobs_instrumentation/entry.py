"""Called by opentelemetry-instrument, in every Python process that it reaches."""

from __future__ import annotations

import atexit
import functools
import logging
import os
from collections.abc import Callable

from opentelemetry.sdk.metrics import MeterProvider

from imsobs_instrumentation import (
    celery_workers,
    failures,
    headers,
    logs,
    processes,
    sdk,
    sparing,
    trace_ids,
)
from imsobs_instrumentation.stopping import Ending, stop_seconds

_log = logging.getLogger(__name__)


def _optional(step: Callable[[], None]) -> Callable[[], None]:
    """Let the service start without a step that fails, and say so."""

    @functools.wraps(step)
    def tried() -> None:
        try:
            step()
        except Exception:
            _log.warning("%s: the service goes on without", step.__name__, exc_info=True)

    return tried


@_optional
def before_instrumentors() -> None:
    """Prepare the process: the SDK is configured, the instrumentations are yet to come."""
    if processes.keeps_books():
        processes.start_bare()
    if not sdk.providers():
        return
    # In the order of what a forked child must have: its own SDK first, then an end.
    processes.install()
    sdk.bound_flushes(stop_seconds)
    ending = Ending(_shutdowns())
    ending.install()
    celery_workers.install(ending.flush)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=ending.forked)
    _optional(sparing.measure)()
    _optional(sparing.trace)()


@_optional
def after_instrumentors() -> None:
    """Complete what the instrumentations set up."""
    if sdk.providers():
        logs.install()
        _optional(sparing.emit)()
        _optional(headers.install)()
        failures.install()
        trace_ids.install()


def _shutdowns() -> list[Callable[[], object]]:
    """Return what sends the last of each signal, and take it out of the exit handlers.

    There each would be waited for, one after the other, for as long as it takes.
    """
    found: list[Callable[[], object]] = []
    for provider in sdk.providers():
        atexit.unregister(provider.shutdown)
        found.append(provider.shutdown)
        if isinstance(provider, MeterProvider):
            found[-1] = functools.partial(provider.shutdown, timeout_millis=stop_seconds() * 1000)
    return found
