"""The spec's metrics as prometheus_client objects: the same names, labels and buckets."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from bench.catalogues import real
from imsobs.model import resolve
from imsobs.spec.parse import parse

Record = dict[str, Any]
Count = Callable[[Record], None]


def _catalogue() -> dict[str, Any]:
    spec, problems = parse(real())
    if spec is None:
        raise SystemExit(str(problems[:3]))
    return dict(resolve(spec).metrics)


_METRICS = _catalogue()


def _instrument(name: str) -> Any:
    metric = _METRICS[name]
    labels = list(metric.labels)
    match metric.type:
        case "counter":
            return Counter(name, metric.description, labels)
        case "gauge":
            return Gauge(name, metric.description, labels)
    return Histogram(name, metric.description, labels, buckets=metric.buckets)


_INSTRUMENTS = {
    name: _instrument(name)
    for name, metric in _METRICS.items()
    if metric.kind.signal is not None and name != "ims_build_info"
}


def observe(name: str, amount: float, *values: str) -> None:
    """Add to a counter, set a gauge or observe in a histogram."""
    instrument = _INSTRUMENTS[name]
    found = instrument.labels(*values) if values else instrument
    if isinstance(instrument, Counter):
        found.inc(amount)
    elif isinstance(instrument, Gauge):
        found.set(amount)
    else:
        found.observe(amount)


def _counting(name: str) -> Count:
    metric = _METRICS[name]
    labels, when = list(metric.labels), dict(metric.when)
    field = metric.value if isinstance(metric.value, str) else "count"

    def count(record: Record) -> None:
        if any(record.get(key) not in allowed for key, allowed in when.items()):
            return
        amount = 1.0 if field == "count" else record.get(field)
        if amount is not None:
            observe(name, amount, *(str(record.get(label, "unknown")) for label in labels))

    return count


class Events(logging.Handler):
    """Counts what the service says that happened.

    Stands for calls of ``.inc()`` beside every log line, which the plan wants written by
    hand; it costs one look-up by name more than they would.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._counts: dict[str, list[Count]] = {}
        for name, metric in _METRICS.items():
            for event in metric.kind.events(metric):
                self._counts.setdefault(event, []).append(_counting(name))

    def handle(self, record: logging.LogRecord) -> bool:
        """Count a record; no lock is needed, the instruments have their own."""
        observe("ims_log_records_total", 1, record.levelname.lower())
        for count in self._counts.get(getattr(record, "event", ""), ()):
            count(record.__dict__)
        return True


@contextmanager
def timed(name: str, errors: str, *labels: str) -> Iterator[None]:
    """Observe how long a block took, and count it in ``errors`` when it fails."""
    started = time.perf_counter()
    try:
        yield
    except Exception:
        observe(errors, 1, *labels)
        raise
    finally:
        observe(name, time.perf_counter() - started, *labels)
