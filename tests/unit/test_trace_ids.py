"""Trace ids in the log records that standard output shows, and in no others."""

from __future__ import annotations

import functools
import logging
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from imsobs_instrumentation import trace_ids

TRACER = TracerProvider().get_tracer("test")


def made(level: int, least: float, exc_info: Any = None, **more: Any) -> dict[str, Any]:
    """Return what a record holds beyond the usual."""

    def make(*args: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args)
        record.__dict__.update(more)
        return record

    args = ("ims", level, "file.py", 1, "said", (), exc_info)
    plain = vars(logging.LogRecord(*args))
    return {k: v for k, v in vars(trace_ids.record(make, least, *args)).items() if k not in plain}


@pytest.mark.parametrize(
    ("environment", "least"),
    [
        ({}, logging.WARNING),
        ({"LOG_CONSOLE_LEVEL": "INFO"}, logging.INFO),
        ({"LOG_CONSOLE_LEVEL": "error"}, logging.ERROR),
        ({"LOG_CONSOLE_LEVEL": "15"}, 15),
        ({"LOG_CONSOLE_LEVEL": "nonsense"}, logging.WARNING),
        ({"LOG_CONSOLE_LEVEL": "INFO", "LOG_TRACE_CONTEXT": "False"}, float("inf")),
        ({"LOG_TRACE_CONTEXT": "true"}, logging.WARNING),
    ],
)
def test_what_the_console_shows_decides(environment: dict[str, str], least: float) -> None:
    assert trace_ids.least_level(environment) == least


def test_records_from_the_level_up_have_the_ids_of_their_span() -> None:
    with TRACER.start_as_current_span("request") as span:
        context = span.get_span_context()
        assert made(logging.INFO, logging.WARNING) == {}
        assert made(logging.CRITICAL, float("inf")) == {}
        assert made(logging.WARNING, logging.WARNING) == {
            "otelTraceID": trace.format_trace_id(context.trace_id),
            "otelSpanID": trace.format_span_id(context.span_id),
        }
    assert made(logging.ERROR, logging.WARNING) == {"otelTraceID": "0", "otelSpanID": "0"}


def test_a_failure_has_the_ids_of_the_request_that_it_left() -> None:
    def fail() -> None:
        with TRACER.start_as_current_span("request", kind=SpanKind.SERVER) as span:
            spans.append(span)
            raise ValueError("plain")

    spans: list[trace.Span] = []
    with pytest.raises(ValueError, match="plain") as caught:
        fail()
    expected = trace.format_trace_id(spans[0].get_span_context().trace_id)
    error = (ValueError, caught.value, caught.value.__traceback__)
    for given in ({}, {"otelTraceID": "0", "otelSpanID": "0"}):
        for least in (logging.WARNING, float("inf")) if given else (logging.WARNING,):
            assert made(logging.ERROR, least, error, **given)["otelTraceID"] == expected


def test_what_the_logging_instrumentation_wrote_stays() -> None:
    assert made(logging.INFO, logging.DEBUG, otelTraceID="7") == {"otelTraceID": "7"}


def test_the_factory_of_before_still_makes_the_record() -> None:
    before = logging.getLogRecordFactory()
    try:
        trace_ids.install()
        made = logging.getLogRecordFactory()
        assert isinstance(made, functools.partial)
        assert made.args[0] is before
    finally:
        logging.setLogRecordFactory(before)
