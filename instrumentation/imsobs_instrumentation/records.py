"""Log records on their way into the SDK, without work that changes nothing.

The logging instrumentation's handler asks the provider for each record's logger, under two locks;
the SDK checks and copies each attribute, and a batch processor copies each record, all in general
ways. Here loggers are remembered, and attributes that the SDK would leave as they are (texts within
the limit, numbers, booleans) are not looked at again. Records with others, and those of
exceptions, go the usual way.

Processors get a record of the SDK's kind, with its logger's resource, scope and limits. The first
record of each logger goes the usual way, and what processors got of it is compared with what is
made of it here. When they differ, all records go the usual way, and one line in the log says so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from time import time_ns
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.instrumentation.log_utils import std_to_otel
from opentelemetry.sdk._logs import (
    Logger,
    LoggerProvider,
    LogRecordLimits,
    LogRecordProcessor,
    ReadWriteLogRecord,
)

_log = logging.getLogger(__name__)
# Fields of every record, and those that formatting adds; all others are the caller's.
_USUAL = {*vars(logging.makeLogRecord({})), "asctime", "getMessage", "message", "taskName"}
# Fields that the official handler does not take for attributes.
_EVENT_NAMES = ("otel.event.name", "event.name")
_SIMPLE = frozenset({int, float, bool, type(None)})
# OpenTelemetry's names of levels that Python calls otherwise.
_SEVERITY_TEXTS = {"WARNING": "WARN", "CRITICAL": "FATAL"}
# What is compared besides attributes. The time of observation differs each time.
_FIELDS = (
    *("timestamp", "trace_id", "span_id", "trace_flags", "context", "severity_text"),
    *("severity_number", "body", "event_name", "exception"),
)
_opening = threading.RLock()
_severities: dict[int, SeverityNumber] = {}


class PlainAttributes(BoundedAttributes):
    """Attributes that are as the SDK would leave them.

    They can be counted and copied. For anything else that is done with them, they become the SDK's
    own first.
    """

    plain: dict[str, Any] | None = None
    dropped = 0

    def __init__(self, plain: dict[str, Any], most: int | None, longest: int | None) -> None:
        self.plain = plain
        self.limits = most, longest

    def __len__(self) -> int:
        plain = self.plain
        return super().__len__() if plain is None else len(plain)

    def copy(self) -> Any:
        """Return a dictionary of its own."""
        plain = self.plain
        return super().copy() if plain is None else plain.copy()

    def __getattr__(self, name: str) -> Any:
        """Return what the SDK's own would have had from the start."""
        if name.startswith("__") or "plain" not in self.__dict__:
            raise AttributeError(name)
        with _opening:
            if self.plain is not None:
                most, longest = self.limits
                super().__init__(most, self.plain, immutable=False, max_value_len=longest)
                self.plain = None
        return self.__getattribute__(name)


class Record(LogRecord):
    """A log record that is quickly copied, which each batch processor does."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __copy__(self) -> Record:
        return Record(**self.__dict__)


class EmittedRecord(ReadWriteLogRecord):
    """A record as processors get it."""

    def __init__(self, record: LogRecord, logger: Logger, limits: LogRecordLimits) -> None:
        self.log_record = record
        self.resource = logger.resource
        self.instrumentation_scope = logger.instrumentation_scope
        self.limits = limits


@dataclass(frozen=True, slots=True)
class Known:
    """A logger of the SDK's, and the limits of its records: as an object, and as they are."""

    logger: Logger
    limits: LogRecordLimits
    most: int | None
    longest: int | None


def made_of(record: logging.LogRecord, known: Known) -> EmittedRecord | None:
    """Return what processors get of a record; None where only the usual way can say."""
    if record.exc_info:
        return None
    attributes = {k: v for k, v in vars(record).items() if k not in _USUAL}
    if not is_plain(attributes, known.most, known.longest):
        return None
    level, name = record.levelno, record.levelname
    context = contexts.get_current()
    ids = trace.get_current_span(context).get_span_context()
    made = Record(
        timestamp=int(record.created * 1e9),
        observed_timestamp=time_ns(),
        context=context,
        trace_id=ids.trace_id,
        span_id=ids.span_id,
        trace_flags=ids.trace_flags,
        severity_text=_SEVERITY_TEXTS.get(name, name),
        severity_number=_severities.get(level) or _severity(level),
        body=record.getMessage(),
        attributes=PlainAttributes(attributes, known.most, known.longest),
        event_name=None,
        exception=None,
    )
    return EmittedRecord(made, known.logger, known.limits)


def _severity(level: int) -> SeverityNumber:
    return _severities.setdefault(level, std_to_otel(level))


def is_plain(attributes: Mapping[str, Any], most: int | None, longest: int | None) -> bool:
    """Return whether the SDK would leave attributes of a record as they are."""
    if most is not None and len(attributes) > most:
        return False
    for key, value in attributes.items():
        kind = type(value)
        if kind is str:
            if longest is not None and len(value) > longest:
                return False
        elif kind not in _SIMPLE:
            return False
        if type(key) is not str or not key or key in _EVENT_NAMES:
            return False
    return True


class Seen(LogRecordProcessor):
    """Shows what processors get of a record, when it is asked for."""

    def __init__(self) -> None:
        self._asked = 0
        self._of_thread = threading.local()

    def of(
        self, emit: Callable[[logging.LogRecord], None], record: logging.LogRecord
    ) -> ReadWriteLogRecord | None:
        """Emit a record, and return what processors got of it."""
        self._of_thread.record = None
        self._asked += 1
        try:
            emit(record)
        finally:
            self._asked -= 1
        found: ReadWriteLogRecord | None = self._of_thread.record
        self._of_thread.record = None
        return found

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Remember a record that is asked for."""
        if self._asked:
            self._of_thread.record = log_record

    def shutdown(self) -> None:
        """Do nothing: nothing waits here."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return at once: nothing waits here."""
        return True


class Emitting:
    """Takes the place of `emit` of a handler of the logging instrumentation."""

    def __init__(self, handler: logging.Handler, provider: LoggerProvider) -> None:
        self._handler = handler
        self._usual = handler.emit
        self._provider = provider
        self._known: dict[str, Known] = {}
        self._is_off = False
        self._seen = Seen()
        self._is_emitting: ContextVar[bool] = ContextVar("imsobs_is_emitting", default=False)
        # The logger of the official handler's own messages, which do not reach the handler.
        self._internal = logging.getLogger(f"{type(handler).__module__}.internal")
        provider.add_log_record_processor(self._seen)

    def __call__(self, record: logging.LogRecord) -> None:
        """Emit a record."""
        known = self._known.get(record.name)
        if known is None or self._handler.formatter is not None:
            self._first(record)
            return
        if self._is_emitting.get():
            self._internal.warning("a record about emitting a record is left out: %s", record.msg)
            return
        token = self._is_emitting.set(True)
        failed = None
        try:
            try:
                made = made_of(record, known)
            except Exception as error:
                made, failed = None, error
            if made is None:
                # Raises the error again if the caller caused it.
                self._usual(record)
            else:
                emit: Callable[[Any], None] = known.logger.emit
                emit(made)
        finally:
            self._is_emitting.reset(token)
        if failed is not None:
            self._give_up(repr(failed))

    def _first(self, record: logging.LogRecord) -> None:
        """Emit a record the usual way, and see whether the logger's next ones need it."""
        if self._is_off or self._handler.formatter is not None:
            self._usual(record)
            return
        seen = self._seen.of(self._usual, record)
        logger = get_logger(record.name, logger_provider=self._provider)
        attributes = None if seen is None else seen.log_record.attributes
        if (
            seen is None
            or not isinstance(logger, Logger)
            or not isinstance(attributes, BoundedAttributes)
        ):
            return
        known = Known(logger, seen.limits, attributes.maxlen, attributes.max_value_len)
        try:
            made = made_of(record, known)
            if made is None:
                return
            different = difference(made, seen)
        except Exception as error:
            different = repr(error)
        if different:
            self._give_up(different)
        else:
            self._known[record.name] = known

    def _give_up(self, reason: str) -> None:
        self._is_off = True
        self._known = {}
        _log.warning("log records go the usual way from now on: %s", reason)


def difference(made: ReadWriteLogRecord, usual: ReadWriteLogRecord) -> str:
    """Return in what two records differ; empty for equal ones."""
    ours, theirs = made.log_record, usual.log_record
    found = [name for name in _FIELDS if getattr(ours, name) != getattr(theirs, name)]
    if dict(ours.attributes or {}) != dict(theirs.attributes or {}):
        found.append("attributes")
    if made.resource != usual.resource or made.instrumentation_scope != usual.instrumentation_scope:
        found.append("resource or scope")
    return f"{', '.join(found)} would differ" if found else ""


def install(provider: LoggerProvider) -> None:
    """Let the logging instrumentation's handlers emit records this way."""
    for handler in logging.getLogger().handlers:
        if type(handler).__module__.startswith("opentelemetry."):
            handler.emit = Emitting(handler, provider)  # type: ignore[method-assign]
