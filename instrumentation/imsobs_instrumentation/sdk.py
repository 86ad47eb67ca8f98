"""What of the SDK the others need: its providers, and places that have no public name.

Every such place is here. They are those of opentelemetry-sdk 1.45; tests hold each of them.
"""

from __future__ import annotations

import functools
import gc

# Requests imports it when it first sends. A process that is forked meanwhile, as gunicorn's workers
# are in the second after the start, would wait for that import forever.
import netrc  # noqa: F401
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.trace import Status

Provider = TracerProvider | LoggerProvider | MeterProvider
SYSTEM_METRICS = "opentelemetry.instrumentation.system_metrics"


def providers() -> list[Provider]:
    """Return the global providers that the SDK made: of traces, logs, metrics, in this order."""
    found = (trace.get_tracer_provider(), get_logger_provider(), metrics.get_meter_provider())
    return [provider for provider in found if isinstance(provider, Provider)]


def describe(attributes: dict[str, str]) -> None:
    """Add attributes to the resource of all that this process sends from now on."""
    for provider in providers():
        provider._update_resource(Resource(attributes))


def hold_exports(seconds: float) -> Callable[[], None]:
    """Let what is being sent come to its end and begin nothing; return what lets it go on.

    seconds: what is not done by then goes on meanwhile.
    """
    deadline = time.monotonic() + seconds
    locks = [part._export_lock for part in _senders() if hasattr(part, "_export_lock")]
    held = [lock for lock in locks if lock.acquire(timeout=max(0.0, deadline - time.monotonic()))]

    def go_on() -> None:
        for lock in held:
            lock.release()

    return go_on


def restart_metrics() -> None:
    """Let a forked child count from zero, whatever its parent had counted and was doing.

    Without it a child reports its parent's counts as its own, and one that was forked while its
    parent sent metrics never sends any: the lock that its parent's thread held stays locked.
    """
    for provider in providers():
        if isinstance(provider, MeterProvider):
            consumer: Any = provider._measurement_consumer
            consumer._lock = threading.Lock()
            for reader in list(consumer._reader_storages):
                reader._export_lock = threading.Lock()
                consumer.add_metric_reader(reader)


def drop_connections() -> None:
    """Let a forked child connect for itself: it would share its parent's connections.

    Nothing is closed for the parent. Exporters other than OTLP over HTTP are left alone.
    """
    for sender in _senders():
        client = getattr(getattr(sender, "_exporter", None), "_client", None)
        transport = getattr(client, "_transport", None)
        if (session := getattr(transport, "_session", None)) is not None:
            from requests.adapters import HTTPAdapter

            for prefix in list(session.adapters):
                session.mount(prefix, HTTPAdapter())


def _senders() -> Iterator[Any]:
    """Yield what batches spans, log records and metrics, and has an exporter send them."""
    for provider in providers():
        parts: Any
        match provider:
            case TracerProvider():
                parts = provider._active_span_processor._span_processors
            case LoggerProvider():
                parts = provider._multi_log_record_processor._log_record_processors
            case MeterProvider():
                parts = provider._metric_readers
        for part in parts:
            yield getattr(part, "_batch_processor", part)


def bound_flushes(seconds: Callable[[], float]) -> None:
    """Let a flush of log records take `seconds()` at most, which the SDK's own does not heed.

    Configuring `logging` anew flushes its handlers, in a thread that Python waits for at its end.
    While the Collector is away each attempt adds a record of its failure, and there is no end.
    """
    for provider in providers():
        if isinstance(provider, LoggerProvider):
            patched: Any = provider
            patched.force_flush = functools.partial(_flush, provider.force_flush, seconds)


def _flush(
    flush: Callable[[int], bool], seconds: Callable[[], float], timeout_millis: int = 30_000
) -> bool:
    answers: list[bool] = []
    thread = threading.Thread(
        target=lambda: answers.append(flush(timeout_millis)), name="TelemetryFlush", daemon=True
    )
    thread.start()
    thread.join(min(timeout_millis / 1000, seconds()))
    return answers == [True]


def observe_this_process() -> None:
    """Let the process metrics of a forked child be its own, counted from the fork.

    The instrumentation remembers the process that it was started in, and Python's garbage
    collector goes on with its parent's counts.
    """
    module: Any = sys.modules.get(SYSTEM_METRICS)
    instrumentor = module and module.SystemMetricsInstrumentor._instance
    if instrumentor:
        instrumentor._proc = module.psutil.Process()
        module.gc = _CollectorSinceFork()


class _CollectorSinceFork:
    """The module `gc`, as the instrumentation sees it: its counts begin here."""

    def __init__(self) -> None:
        self._before = gc.get_stats()

    def __getattr__(self, name: str) -> Any:
        return getattr(gc, name)

    def get_stats(self) -> list[dict[str, int]]:
        return [
            {name: count - before[name] for name, count in now.items()}
            for now, before in zip(gc.get_stats(), self._before, strict=True)
        ]


def mute(scope: str) -> Callable[[], None]:
    """Stop the instruments of a scope; return what starts them again."""
    from opentelemetry.sdk.metrics._internal import _MeterConfig

    meters = [(p, p._meter_configurator) for p in providers() if isinstance(p, MeterProvider)]

    def without(configurator: Callable[[Any], _MeterConfig]) -> Callable[[Any], _MeterConfig]:
        off = _MeterConfig(is_enabled=False)
        return lambda asked: off if asked.name == scope else configurator(asked)

    def again() -> None:
        for provider, configurator in meters:
            provider._set_meter_configurator(meter_configurator=configurator)

    for provider, configurator in meters:
        provider._set_meter_configurator(meter_configurator=without(configurator))
    return again


def amend(span: Span, changes: dict[str, str | None], status: Status | None = None) -> None:
    """Change a span that is just ending, which is too late for its own methods.

    changes: attribute -> value, or None to take it away.
    """
    if (own := getattr(type(span), "amend", None)) is not None:
        own(span, changes, status)
        return
    attributes: Any = span._attributes
    attributes._immutable = False
    for name, value in changes.items():
        if value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value
    attributes._immutable = True
    if status is not None:
        span._status = status


def ending(processor: SpanProcessor, span: Span) -> None:
    """Tell a processor that a span is just ending."""
    processor._on_ending(span)
