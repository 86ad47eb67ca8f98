"""A failure that left its request behind is brought back to it.

A server logs the exception of a request when the instrumentation has left that request's
context already, so the record does not carry its trace. The exception's traceback leads there:
it goes through the frame that holds the request's span.

And a caller who went away is no failure, whichever instrumentation reports it.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Iterator

from opentelemetry import context, trace
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

from imsobs_instrumentation import sdk

_REQUESTS = (SpanKind.SERVER, SpanKind.CONSUMER)
_ERROR_TYPE = "error.type"
# Exceptions behind an exception that are looked at, as raised `from` one another or in groups.
_MOST = 32


def install() -> None:
    """Give records of exceptions their trace where they are sent (trace_ids: on the console)."""
    for handler in logging.getLogger().handlers:
        if type(handler).__module__.startswith("opentelemetry."):
            handler.emit = functools.partial(_emit, handler.emit)  # type: ignore[method-assign]
    for provider in sdk.providers():
        if isinstance(provider, TracerProvider):
            provider.add_span_processor(_Disconnects())


def _emit(emit: Callable[[logging.LogRecord], None], record: logging.LogRecord) -> None:
    if (span := request_of(record)) is None:
        emit(record)
        return
    token = context.attach(trace.set_span_in_context(span))
    try:
        emit(record)
    finally:
        context.detach(token)


def request_of(record: logging.LogRecord) -> Span | None:
    """Return the span of the request whose exception a record reports, when nothing else does."""
    if not record.exc_info or record.exc_info[1] is None:
        return None
    # The SDK handles spans of all requests, and its own troubles belong to none of them.
    if record.name.partition(".")[0] == "opentelemetry":
        return None
    if trace.get_current_span().get_span_context().is_valid:
        return None
    return next((span for error in _behind(record.exc_info[1]) for span in _spans(error)), None)


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those behind it."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _MOST:
        error = waiting.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        grouped = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        waiting += [e for e in (error.__cause__, error.__context__, *grouped) if e is not None]


def _spans(error: BaseException) -> Iterator[Span]:
    """Yield the requests that an exception went through, from the outermost on."""
    traceback = error.__traceback__
    while traceback is not None:
        for value in traceback.tb_frame.f_locals.values():
            if isinstance(value, Span) and value.kind in _REQUESTS:
                yield value
        traceback = traceback.tb_next


class _Disconnects(SpanProcessor):
    """Distinguishes a caller who went away from a failure.

    Contrib's instrumentation sets no error for one under uvicorn. FastAPI's own telemetry calls
    it a ConnectionError, which the service may have raised as well, and under a server that reports
    the application by an OSError (ASGI 2.4) any instrumentation takes it for the service's.
    """

    def _on_ending(self, span: Span) -> None:
        if span.kind is not SpanKind.SERVER or span.status.status_code is not StatusCode.ERROR:
            return
        scope, attributes = span.instrumentation_scope, span.attributes or {}
        native = scope is not None and scope.name == "fastapi"
        ambiguous = native and attributes.get(_ERROR_TYPE) == "ConnectionError"
        error, answered = sys.exception(), attributes.get("http.response.status_code", 0)
        if isinstance(answered, int) and answered < 500 and _left(error, ambiguous):
            sdk.amend(span, {_ERROR_TYPE: None}, Status(StatusCode.UNSET))
        elif ambiguous:
            sdk.amend(span, {_ERROR_TYPE: "builtins.ConnectionError"})


def _left(error: BaseException | None, ambiguous: bool) -> bool:
    """Return whether the caller went away.

    error: what ends the request; without one, ``ambiguous`` is FastAPI's way to say so.
    """
    if error is None:
        return ambiguous
    kind = type(error)
    return kind.__name__ == "ClientDisconnect" and kind.__module__.startswith("starlette.")
