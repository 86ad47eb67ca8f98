"""Trace ids in the log records that standard output shows.

The logging instrumentation can write them into every record. There they are four more attributes
to make, to check and to send, beside the ids that each record has anyway. Here only records that
the console shows get them: from LOG_CONSOLE_LEVEL up, and none with LOG_TRACE_CONTEXT=false.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace

from imsobs_instrumentation.failures import request_of

SHOWN = "LOG_CONSOLE_LEVEL"
WANTED = "LOG_TRACE_CONTEXT"
_NONE = "0"


def least_level(environment: Mapping[str, str] = os.environ) -> float:
    """Return the least level of records that get trace ids; infinite for none of them."""
    if environment.get(WANTED, "true").strip().lower() == "false":
        return float("inf")
    named = logging.getLevelNamesMapping()
    said = environment.get(SHOWN, "").strip()
    return int(said) if said.isdecimal() else named.get(said.upper(), logging.WARNING)


def install() -> None:
    """Let records have trace ids from the moment that they are made."""
    make = logging.getLogRecordFactory()
    logging.setLogRecordFactory(functools.partial(record, make, least_level()))


def record(
    make: Callable[..., logging.LogRecord], least: float, *args: Any, **kwargs: Any
) -> logging.LogRecord:
    """Make a record, with the ids of its request if the console shows it.

    One that has them from the logging instrumentation keeps them, unless it reports a failure
    that left its request behind.
    """
    made = make(*args, **kwargs)
    has_ids = "otelTraceID" in made.__dict__
    if made.levelno < least and not has_ids:
        return made
    span = request_of(made)
    if span is None and has_ids:
        return made
    found = (span or trace.get_current_span()).get_span_context()
    valid = found.is_valid
    made.otelTraceID = trace.format_trace_id(found.trace_id) if valid else _NONE
    made.otelSpanID = trace.format_span_id(found.span_id) if valid else _NONE
    return made
