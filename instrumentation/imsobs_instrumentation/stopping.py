"""The end of a process: what waits in the SDK is sent first, and in bounded time.

The SDK sends its last batch in an exit handler of Python's, which a signal whose default action
ends the process never reaches. Uvicorn, for one, raises the SIGTERM that it was stopped by again
when it is done, so that its exit status shows it. Here the default action of SIGTERM and
SIGHUP becomes: run the exit handlers, send, then end by that same signal. So does that of SIGINT
and SIGQUIT where a program asks for it, as gunicorn does in its workers.

A process that does not come to its end, or a Collector that does not answer, delays the end by
`stop_seconds()` each. The same signal a second time ends the process at once. Another one does
not: what stops a service often sends two, systemd SIGTERM and SIGHUP, gunicorn SIGQUIT to workers
that have the terminal's SIGINT already.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import multiprocessing.util
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

VARIABLE = "IMSOBS_STOP_SECONDS"
_DEFAULT_SECONDS = 5.0


def _known(*names: str) -> frozenset[int]:
    return frozenset(getattr(signal, name) for name in names if hasattr(signal, name))


# Unless set otherwise, SIGINT raises KeyboardInterrupt, which comes to the exit handlers by
# itself, and SIGQUIT dumps core, which is what it is sent for.
_FROM_THE_START = _known("SIGTERM", "SIGHUP")
_SIGNALS = _FROM_THE_START | _known("SIGINT", "SIGQUIT")
_set_signal = signal.signal
_log = logging.getLogger(__name__)


def stop_seconds() -> float:
    """Return for how long the end may wait for the Collector (IMSOBS_STOP_SECONDS, 5 s).

    0: what waits is not sent, and the process ends at once.
    """
    try:
        return max(0.0, float(os.environ.get(VARIABLE, "")))
    except ValueError:
        return _DEFAULT_SECONDS


class Ending:
    """The end of this process. `shutdowns` send what waits; each returns when it is done.

    Each has a thread that waits from the start: Python 3.12 starts none in an exit handler.
    """

    def __init__(self, shutdowns: Sequence[Callable[[], object]]) -> None:
        self._shutdowns = shutdowns
        self._signal: int | None = None
        self._pid = os.getpid()
        self._wait()

    def forked(self) -> None:
        """Begin anew in a child, which has none of its parent's threads."""
        self._signal = None
        self._wait()

    def _wait(self) -> None:
        self._wanted = threading.Event()
        self._reached = threading.Event()
        self._sent = [threading.Event() for _ in self._shutdowns]
        for shutdown, sent in zip(self._shutdowns, self._sent, strict=True):
            _thread(_send, self._wanted, shutdown, sent)

    def install(self) -> None:
        """Take the place of the default action, also when a server asks for that one later."""
        atexit.register(self.finish)
        multiprocessing.util.register_after_fork(self, Ending._forked_by_multiprocessing)
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _FROM_THE_START:
            if signal.getsignal(number) == signal.SIG_DFL:
                _set_signal(number, self.on_signal)
        signal.signal = self._instead_of_signal()

    def _instead_of_signal(self) -> Callable[..., Any]:
        """Return a `signal.signal` to which the default action is this one, and vice versa."""

        @functools.wraps(_set_signal)
        def set_signal(number: int, handler: Any) -> Any:
            if number in _SIGNALS and handler == signal.SIG_DFL and number != self._signal:
                handler = self.on_signal
            before = _set_signal(number, handler)
            return signal.SIG_DFL if before == self.on_signal else before

        return set_signal

    def _forked_by_multiprocessing(self) -> None:
        # Such a child ends without exit handlers, but runs these. The last of them: others may
        # still have something to send.
        if os.getpid() != self._pid:
            multiprocessing.util.Finalize(None, self.finish, exitpriority=-1000)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Go to the exit handlers. The same signal a second time ends the process where it is."""
        _set_signal(number, signal.SIG_DFL)
        if self._signal is not None:
            return
        self._signal = number
        if self._reached.is_set():
            return
        # RuntimeError: Python is ending already and starts no thread.
        with contextlib.suppress(RuntimeError):
            _thread(self._insist, number)
        raise SystemExit(128 + number)

    def _insist(self, number: int) -> None:
        """End a process that does not come to its exit handlers: a thread of it goes on, say."""
        if not self._reached.wait(stop_seconds()):
            self.flush()
            _die(number)

    def finish(self) -> None:
        """Send what waits; then end by the signal, when it was one that began this."""
        self._reached.set()
        # KeyboardInterrupt: somebody does not want to wait.
        with contextlib.suppress(KeyboardInterrupt):
            self.flush()
        if self._signal is not None:
            logging.shutdown()
            _die(self._signal)

    def flush(self) -> None:
        """Send what waits, for `stop_seconds()` at most; nothing is sent after that."""
        deadline = time.monotonic() + stop_seconds()
        self._wanted.set()
        for sent in self._sent:
            while not sent.is_set() and (left := deadline - time.monotonic()) > 0:
                # A handler of the application's that asks for the end, which this already is.
                with contextlib.suppress(SystemExit):
                    sent.wait(left)


def _thread(target: Callable[..., object], *args: object) -> None:
    threading.Thread(target=target, args=args, name="TelemetryEnd", daemon=True).start()


def _send(wanted: threading.Event, shutdown: Callable[[], object], sent: threading.Event) -> None:
    wanted.wait()
    try:
        shutdown()
    except Exception:
        _log.warning("the last telemetry could not be sent", exc_info=True)
    finally:
        sent.set()


def _die(number: int) -> None:
    """End by a signal, so that a supervisor sees the end that it asked for."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    if threading.current_thread() is threading.main_thread():
        _set_signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # Still here: process 1 of a container, which has no default actions.
    os._exit(128 + number)
