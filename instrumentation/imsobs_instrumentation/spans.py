"""Spans that hold what they are given, and become the SDK's when they end.

The SDK makes a dozen objects for each span, five of them locks, and checks each attribute in a
general way, under two locks. Here a span has one lock and a dictionary, as long as its attributes
are such that the SDK would leave them as they are. With the first one that is not, it takes the
SDK's own dictionary (`BoundedAttributes`), which does what it always does.

Processors get a span of the SDK's kind when it starts and ends, and its `ReadableSpan` after that.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from time import time_ns
from types import MappingProxyType, TracebackType
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, SpanLimits, Tracer
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AnyValue, Attributes

from imsobs_instrumentation import sdk
from imsobs_instrumentation.running import RunningSpan

# The SDK's logger: these are its warnings.
_log = logging.getLogger("opentelemetry.sdk.trace")
_SIMPLE = frozenset({int, float, bool, bytes, type(None)})
_UNSET = Status(StatusCode.UNSET)
# Stands for a value that the SDK would change or refuse.
_ODD = object()


class SparingSpan(RunningSpan):
    """A span (`opentelemetry.trace.Span`), and what the SDK's processors expect of one."""

    def __init__(
        self,
        tracer: Tracer,
        scope: InstrumentationScope | None,
        limits: SpanLimits,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        records_exceptions: bool,
        fails_by_exceptions: bool,
    ) -> None:
        self._tracer = tracer
        self._scope = scope
        self._bounds = limits
        most, longest = limits.max_span_attributes, limits.max_span_attribute_length
        self._most = math.inf if most is None else most
        self._longest = math.inf if longest is None else longest
        self._called = name
        self._ids = context
        self._above = parent
        self._sort = kind
        self._service = tracer.resource
        self._held = {}
        self._happened = ()
        self._linked = ()
        self._outcome = _UNSET
        self._begun = None
        self._ended = None
        self._records_exceptions = records_exceptions
        self._fails_by_exceptions = fails_by_exceptions
        self._turn = threading.Lock()
        if attributes:
            self._hold_all(MappingProxyType(attributes))

    def begin(self, start_time: int | None, context: Context | None) -> None:
        """Let the span begin, and processors know."""
        self._begun = time_ns() if start_time is None else start_time
        self._tracer.span_processor.on_start(self, parent_context=context)

    # Attributes

    def _sdks(self) -> BoundedAttributes:
        """Hold attributes in the SDK's dictionary from now on."""
        if type(self._held) is dict:
            limits = self._bounds
            most, longest = limits.max_span_attributes, limits.max_span_attribute_length
            self._held = BoundedAttributes(most, self._held, immutable=False, max_value_len=longest)
        held: BoundedAttributes = self._held
        return held

    def _hold(self, key: str, value: AnyValue) -> None:
        """Hold an attribute; one that is set again moves to the end, as in the SDK."""
        held, sort = self._held, type(value)
        if type(held) is dict and type(key) is str and key:
            plain: Any = value
            if sort is str:
                if len(plain) > self._longest:
                    plain = _ODD
            elif sort not in _SIMPLE:
                plain = self._texts(value)
            if plain is not _ODD:
                if key in held:
                    del held[key]
                if len(held) < self._most:
                    held[key] = plain
                    return
        self._sdks()[key] = value

    def _hold_all(self, attributes: Mapping[str, AnyValue]) -> None:
        found = self._plain(attributes)
        held = self._held
        if found is not None:
            if (
                type(held) is dict
                and len(held) + len(found) <= self._most
                and held.keys().isdisjoint(found)
            ):
                held.update(found)
                return
            for key, value in found.items():
                self._hold(key, value)
            return
        # The SDK handles invalid names differently when attributes are set together.
        longest = self._bounds.max_span_attribute_length
        clean = BoundedAttributes(None, attributes, max_value_len=longest)
        held = self._sdks()
        held.dropped += clean.dropped
        for key, value in clean.items():
            held[key] = value

    def _plain(self, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return attributes as the SDK would hold them; None where only it can say."""
        # Values are looked at here and in _hold: a call for each costs a third of all of this.
        found, longest = {}, self._longest
        for key, value in attributes.items():
            if type(key) is not str or not key:
                return None
            sort = type(value)
            if sort is str:
                if len(value) > longest:
                    return None
            elif sort not in _SIMPLE:
                value = self._texts(value)
                if value is _ODD:
                    return None
            found[key] = value
        return found

    def _texts(self, value: Any) -> Any:
        """Return a list of texts as the SDK holds it, a tuple; _ODD for anything else."""
        if type(value) is not list and type(value) is not tuple:
            return _ODD
        texts, longest = tuple(value), self._longest
        for one in texts:
            if type(one) is not str or len(one) > longest:
                return _ODD
        return texts

    def set_attribute(self, key: str, value: AnyValue) -> None:
        """Set an attribute."""
        with self._turn:
            if self._ended is None:
                self._hold(key, value)
                return
        _log.warning("Setting attribute on ended span.")

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        """Set attributes."""
        with self._turn:
            if self._ended is None:
                self._hold_all(attributes)
                return
        _log.warning("Setting attribute on ended span.")

    # What happens

    def _do(self, what: str, change: Callable[[], None]) -> None:
        with self._turn:
            if self._ended is None:
                change()
                return
        _log.warning("Tried calling %s on an ended span.", what)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Add an event."""
        limits = self._bounds
        event = Event(name, self._fixed(limits.max_event_attributes, attributes), timestamp)

        def change() -> None:
            if not self._happened:
                self._happened = BoundedList(limits.max_events)
            self._happened.append(event)

        self._do("_add_event", change)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Add a link."""
        if not context or not (context.is_valid or attributes or context.trace_state):
            return
        limits = self._bounds
        link = Link(context, self._fixed(limits.max_link_attributes, attributes))

        def change() -> None:
            if not self._linked:
                self._linked = BoundedList(limits.max_links)
            self._linked.append(link)

        self._do("_add_link", change)

    def _fixed(self, most: int | None, attributes: Attributes) -> BoundedAttributes:
        longest = self._bounds.max_attribute_length
        return BoundedAttributes(most, attributes, max_value_len=longest, immutable=True)

    def update_name(self, name: str) -> None:
        """Give the span another name."""

        def change() -> None:
            self._called = name

        self._do("update_name", change)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status; OK is final, and UNSET is none."""

        def change() -> None:
            code = status.status_code if isinstance(status, Status) else status
            if self._outcome.status_code is StatusCode.OK or code is StatusCode.UNSET:
                return
            if isinstance(status, StatusCode):
                self._outcome = Status(status, description)
            elif isinstance(status, Status):
                if description is not None:
                    _log.warning("Description %s ignored. Use either a Status or both", description)
                self._outcome = status

        self._do("set_status", change)

    def is_recording(self) -> bool:
        """Return whether the span has not ended."""
        return self._ended is None

    def end(self, end_time: int | None = None) -> None:
        """End the span, and let processors have it."""
        with self._turn:
            again = self._ended is not None
            if not again:
                self._ended = time_ns() if end_time is None else end_time
        if again:
            _log.warning("Calling end() on an ended span.")
            return
        processor = self._tracer.span_processor
        sdk.ending(processor, self)
        processor.on_end(self.readable())

    def amend(self, changes: Mapping[str, str | None], status: Status | None) -> None:
        """Change a span that is just ending; None takes an attribute away."""
        for name, value in changes.items():
            if value is None:
                self._held.pop(name, None)
            else:
                self._hold(name, value)
        if status is not None:
            self._outcome = status

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """End the span; an exception is its failure, if it was started so."""
        if exc_val is not None and self.is_recording():
            if self._records_exceptions:
                self.record_exception(exception=exc_val, escaped=True)
            if self._fails_by_exceptions:
                text = f"{type(exc_val).__name__}: {exc_val}"
                self.set_status(Status(StatusCode.ERROR, text))
        self.end()
