"""Collectors to break, and the store behind them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from faults.backend import Backend
from golden import series
from golden.collector import ROOT, Collector

from imsobs.runtime.build.binaries import resolve_binary

T = TypeVar("T")
Make = Callable[..., Collector]
# A store's absence on each side of the Collector's restart: a minute in all, as long as one
# takes to be moved.
AWAY_SECONDS = 30.0
# Says what a test saw, for the page that `python -m bench.faults` writes.
See = Callable[[str], None]
# Every trace is kept, and soon.
KEEP_ALL: dict[str, Any] = {"sampling": {"rate": 1.0, "slow": "1s", "decision_wait": "2s"}}


def eventually(probe: Callable[[], T], seconds: float = 30.0, every: float = 0.3) -> T:
    """Return the first true result of ``probe``; its last assertion or result otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline
        try:
            if (found := probe()) or late:
                assert found, f"nothing after {seconds:g} s"
                return found
        except AssertionError:
            if late:
                raise
        time.sleep(every)


@pytest.fixture
def see(record_property: Callable[[str, object], None]) -> See:
    """Return what notes a figure of this test."""
    return lambda text: record_property("seen", text)


@pytest.fixture(scope="session")
def otelcol() -> Path:
    """The Collector's binary."""
    return resolve_binary("otelcol", ROOT)


@pytest.fixture
def backend(otelcol: Path, tmp_path: Path) -> Iterator[Backend]:
    """A running store of traces and logs."""
    store = Backend(otelcol, tmp_path / "backend").start()
    yield store
    store.stop()


@contextmanager
def collectors(otelcol: Path, folder: Path) -> Iterator[Make]:
    """Make Collectors, not started: ``make(env, overlay)``; all end with the context."""
    made: list[Collector] = []

    def make(env: dict[str, str], overlay: dict[str, Any] | None = None) -> Collector:
        place = folder / f"collector-{len(made)}"
        place.mkdir()
        # Nobody answers its health probe.
        env = {"IMSOBS_SERVICE_URL": "http://127.0.0.1:1", **env}
        made.append(Collector(otelcol, place, {**KEEP_ALL, **(overlay or {})}, env))
        # Traces go where the environment says, not into the file of the golden tests.
        made[-1].trace_file.write_text("{}\n")
        return made[-1]

    try:
        yield make
    finally:
        for collector in made:
            collector.close()


@pytest.fixture
def make_collector(otelcol: Path, tmp_path: Path) -> Iterator[Make]:
    """Make Collectors for one test."""
    with collectors(otelcol, tmp_path) as make:
        yield make


def otlp_url(collector: Collector) -> str:
    """Return where a Collector takes OTLP over HTTP."""
    return f"http://127.0.0.1:{collector.ports['otlp_http']}"


def value(collector: Collector, metric: str, port: str = "metrics") -> float:
    """Return the sum of a metric's series at one of a Collector's ports; 0 without any."""
    return sum(series.parse(collector.scrape_text(port)).get(metric, {}).values())
