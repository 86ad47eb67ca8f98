"""What can be read of a span while it runs: all that the SDK's own shows."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, Tracer
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status
from opentelemetry.util.types import Attributes


class RunningSpan(Span):
    """A span that has what it shows under names of its own: the SDK's are private (ADR 13)."""

    _tracer: Tracer
    _scope: InstrumentationScope | None
    _called: str
    _ids: SpanContext
    _above: SpanContext | None
    _sort: SpanKind
    _service: Resource
    # A dictionary or BoundedAttributes, an empty tuple or a BoundedList.
    _held: Any
    _happened: Any
    _linked: Any
    _outcome: Status
    _begun: int | None
    _ended: int | None

    def readable(self) -> ReadableSpan:
        """Return the span as it is now."""
        return ReadableSpan(
            name=self._called,
            context=self._ids,
            parent=self._above,
            resource=self._service,
            attributes=self._held,
            events=self._happened,
            links=self._linked,
            kind=self._sort,
            status=self._outcome,
            start_time=self._begun,
            end_time=self._ended,
            instrumentation_info=self._tracer.instrumentation_info,
            instrumentation_scope=self._scope,
        )

    def __getattr__(self, name: str) -> Any:
        """Return what the SDK's span has besides."""
        if name.startswith("__") or "_outcome" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.readable(), name)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(name="{self._called}", context={self._ids})'

    def get_span_context(self) -> SpanContext:
        """Return the ids."""
        return self._ids

    @property
    def name(self) -> str:
        """The name."""
        return self._called

    @property
    def context(self) -> SpanContext:
        """The ids of the span and its trace."""
        return self._ids

    @property
    def kind(self) -> SpanKind:
        """The kind."""
        return self._sort

    @property
    def parent(self) -> SpanContext | None:
        """The ids of the parent span; None for a root."""
        return self._above

    @property
    def resource(self) -> Resource:
        """The resource."""
        return self._service

    @property
    def start_time(self) -> int | None:
        """When it began, in nanoseconds since the epoch."""
        return self._begun

    @property
    def end_time(self) -> int | None:
        """When it ended, in nanoseconds since the epoch; None while it runs."""
        return self._ended

    @property
    def status(self) -> Status:
        """The status."""
        return self._outcome

    @property
    def attributes(self) -> Attributes:
        """The attributes."""
        return MappingProxyType(self._held)

    @property
    def instrumentation_scope(self) -> InstrumentationScope | None:
        """The scope."""
        return self._scope

    @property
    def events(self) -> Sequence[Event]:
        """The events."""
        return tuple(self._happened)

    @property
    def links(self) -> Sequence[Link]:
        """The links."""
        return tuple(self._linked)

    @property
    def dropped_attributes(self) -> int:
        """Attributes beyond the limits."""
        return getattr(self._held, "dropped", 0)

    @property
    def dropped_events(self) -> int:
        """Events beyond the limit."""
        return getattr(self._happened, "dropped", 0)

    @property
    def dropped_links(self) -> int:
        """Links beyond the limit."""
        return getattr(self._linked, "dropped", 0)

    def to_json(self, indent: int | None = 4) -> str:
        """Return the span as JSON."""
        told: str = self.readable().to_json(indent)
        return told
