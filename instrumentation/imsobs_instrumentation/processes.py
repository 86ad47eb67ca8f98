"""Which of a service's processes is which, and a forked one made itself.

`imsobs.process.role`, an attribute of the resource, is

main     the process that was started. Under gunicorn and `uvicorn --workers` it only looks
         after the workers.
worker   forked from it, or started by Python's multiprocessing.
helper   another Python program that one of them started, and that inherits the
         instrumentation. It sends nothing about itself until it serves a request.

The process that keeps multiprocessing's books serves nothing and gets no instrumentation.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path

from opentelemetry.context import Context
from opentelemetry.instrumentation import auto_instrumentation
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind

from imsobs_instrumentation import sdk

ROLE = "imsobs.process.role"
# In the environment of every process below the first: the id of that one.
FIRST = "IMSOBS_FIRST_PROCESS"
# For how long a fork waits for what is being sent. A Collector on the same machine answers within
# milliseconds, and one that is away must not hold up a service.
_FORK_WAITS_SECONDS = 0.25


def role(
    arguments: Sequence[str] = sys.orig_argv, environment: MutableMapping[str, str] = os.environ
) -> str:
    """Return this process's role. arguments: of the interpreter. Sets FIRST when it is unset."""
    me = str(os.getpid())
    if environment.setdefault(FIRST, me) == me:
        return "main"
    return "worker" if "--multiprocessing-fork" in arguments else "helper"


def install() -> None:
    """Say the role of this process, and make a forked one itself."""
    mine = role()
    sdk.describe({ROLE: mine})
    if mine == "helper":
        _until_it_serves(sdk.mute(sdk.SYSTEM_METRICS))
    if hasattr(os, "register_at_fork"):
        forking = _Forking()
        os.register_at_fork(
            before=forking.before, after_in_parent=forking.after, after_in_child=_forked
        )


class _Forking(threading.local):
    """Lets nothing be sent while this process is forked.

    The child has none of the threads that send, but their locks as they were: what one of them
    held in the SDK, in requests or in the C library, the child would wait for forever.
    """

    def before(self) -> None:
        self._go_on = sdk.hold_exports(_FORK_WAITS_SECONDS)

    def after(self) -> None:
        self._go_on()


def _forked() -> None:
    sdk.drop_connections()
    sdk.restart_metrics()
    sdk.observe_this_process()
    sdk.describe({ROLE: "worker"})


def _until_it_serves(start: Callable[[], None]) -> None:
    for provider in sdk.providers():
        if isinstance(provider, TracerProvider):
            provider.add_span_processor(_Serving(start))


class _Serving(SpanProcessor):
    def __init__(self, start: Callable[[], None]) -> None:
        self._start: Callable[[], None] | None = start

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if span.kind is SpanKind.SERVER and self._start is not None:
            start, self._start = self._start, None
            start()


def keeps_books(arguments: Sequence[str] = sys.orig_argv) -> bool:
    """Return whether this is multiprocessing's resource tracker."""
    return any(a.startswith("from multiprocessing.resource_tracker import") for a in arguments)


def start_bare() -> None:
    """Start this process again without the instrumentation. Does not return."""
    ours = str(Path(auto_instrumentation.__file__).parent)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path != ours)
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606
