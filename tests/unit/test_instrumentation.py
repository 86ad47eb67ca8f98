"""What is installed beside the instrumentation, without a service: its decisions."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.trace import SpanKind

from imsobs_instrumentation import failures, processes, stopping

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("test")
SPAWNED = ["python", "-c", "from multiprocessing.spawn import spawn_main", "--multiprocessing-fork"]
TRACKER = ["python", "-c", "from multiprocessing.resource_tracker import main;main(5)"]


@pytest.mark.parametrize(
    ("arguments", "first", "role"),
    [
        (["python", "-m", "uvicorn"], None, "main"),
        # Started again in the same process, by exec.
        (["python", "-m", "uvicorn"], "me", "main"),
        (["python", "-c", "print(1)"], "1", "helper"),
        (SPAWNED, "1", "worker"),
    ],
)
def test_role(arguments: list[str], first: str | None, role: str) -> None:
    mine = str(os.getpid())
    environment = {} if first is None else {processes.FIRST: mine if first == "me" else first}
    assert processes.role(arguments, environment) == role
    assert environment[processes.FIRST] == (first if first == "1" else mine)


def test_who_keeps_multiprocessings_books() -> None:
    assert processes.keeps_books(TRACKER)
    assert not processes.keeps_books(SPAWNED)


@pytest.mark.parametrize(
    ("said", "seconds"), [("", 5), ("2.5", 2.5), ("0", 0), ("-1", 0), ("x", 5)]
)
def test_stop_seconds(said: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(stopping.VARIABLE, said)
    assert stopping.stop_seconds() == seconds


def in_request(fail: Callable[[], None], kind: SpanKind = SpanKind.SERVER) -> Span:
    """Fail in a request, as an instrumentation would see it."""
    span = TRACER.start_span("request", kind=kind)
    assert isinstance(span, Span)
    try:
        fail()
    finally:
        span.end()
    return span


def record_of(error: BaseException, logger: str = "uvicorn.error") -> logging.LogRecord:
    """Return the record that a server makes of an exception."""
    exc_info = (type(error), error, error.__traceback__)
    return logging.LogRecord(logger, logging.ERROR, __file__, 1, "x", (), exc_info)


def plain() -> None:
    raise ValueError("plain")


@pytest.mark.parametrize(
    "fail", [lambda: in_request(plain), lambda: in_request(plain, SpanKind.CONSUMER)]
)
@pytest.mark.parametrize("around", [lambda f: f(), lambda f: _wrap(f), lambda f: _group(f)])
def test_a_record_finds_the_request(
    fail: Callable[[], object], around: Callable[[Callable[[], object]], None]
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        around(fail)
    span = failures.request_of(record_of(caught.value))
    assert span is not None
    assert span.name == "request"


def _wrap(fail: Callable[[], object]) -> None:
    try:
        fail()
    except ValueError as error:
        raise RuntimeError("outside of the request") from error


def _group(fail: Callable[[], object]) -> None:
    try:
        fail()
    except ValueError as error:
        raise ExceptionGroup("outside of the request", [error]) from None


def test_the_outermost_request_is_meant() -> None:
    def outer() -> None:
        in_request(plain)

    with pytest.raises(ValueError, match="plain") as caught:
        in_request(outer)
    outermost = failures.request_of(record_of(caught.value))
    frames = [entry.frame.f_locals.get("span") for entry in caught.traceback]
    assert outermost is next(span for span in frames if span is not None)


@pytest.mark.parametrize(
    ("kind", "logger"),
    [(SpanKind.INTERNAL, "uvicorn.error"), (SpanKind.SERVER, "opentelemetry.sdk.trace.export")],
)
def test_a_record_of_no_request_finds_none(kind: SpanKind, logger: str) -> None:
    with pytest.raises(ValueError, match="plain") as caught:
        in_request(plain, kind)
    assert failures.request_of(record_of(caught.value, logger)) is None


def test_a_record_inside_of_a_span_is_left_alone() -> None:
    with pytest.raises(ValueError, match="plain") as caught:
        in_request(plain)
    with TRACER.start_as_current_span("another"):
        assert failures.request_of(record_of(caught.value)) is None


def test_whoever_asks_for_the_default_action_gets_it_and_is_told_so() -> None:
    """In a process of its own: it changes `signal.signal`."""
    code = """if True:
        import signal
        from imsobs_instrumentation.stopping import Ending
        ending = Ending([])
        ending.install()
        ours = signal.getsignal(signal.SIGTERM)
        assert ours == ending.on_signal
        mine = lambda *_: None
        assert signal.signal(signal.SIGTERM, mine) is signal.SIG_DFL
        assert signal.signal(signal.SIGTERM, signal.SIG_DFL) is mine
        assert signal.getsignal(signal.SIGTERM) == ours
        assert signal.signal(signal.SIGUSR1, signal.SIG_DFL) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
        assert signal.signal(signal.SIGTERM, signal.SIG_IGN) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_an_ignored_signal_stays_ignored() -> None:
    """As under `nohup`."""
    code = """if True:
        import signal
        from imsobs_instrumentation.stopping import Ending
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        Ending([]).install()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
