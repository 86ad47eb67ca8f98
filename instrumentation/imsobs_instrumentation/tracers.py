"""Tracers of the SDK's that make the spans of `spans`.

A tracer's first span is made by the SDK, and shows its scope and whether the tracer is enabled at
all. So are spans with links.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanLimits, Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.util.types import Attributes

from imsobs_instrumentation.spans import SparingSpan

_log = logging.getLogger(__name__)
_RANDOM = TraceFlags.RANDOM_TRACE_ID
_FLAGS = {random: TraceFlags(TraceFlags.SAMPLED | random) for random in (0, _RANDOM)}


def install(provider: TracerProvider, limits: SpanLimits) -> None:
    """Let tracers of a provider, which has these limits, make such spans."""
    if provider.sampler is not ALWAYS_ON:
        return
    get_tracer = provider.get_tracer
    known: dict[int, SparingTracer] = {}

    @functools.wraps(get_tracer)
    def sparing(*args: Any, **kwargs: Any) -> trace.Tracer:
        usual = get_tracer(*args, **kwargs)
        if not isinstance(usual, Tracer):
            return usual
        return known.setdefault(id(usual), SparingTracer(usual, limits))

    provider.get_tracer = sparing  # type: ignore[method-assign]


class SparingTracer(Tracer):
    """A tracer of the SDK's, whose spans are those of here."""

    def __init__(self, usual: Tracer, limits: SpanLimits) -> None:
        self.usual = usual
        self.limits = limits
        self.scope: InstrumentationScope | None = None
        self._is_off = False

    def __getattr__(self, name: str) -> Any:
        """Return what the SDK's tracer has besides."""
        return getattr(self.__dict__["usual"], name)

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        """Start a span (`opentelemetry.trace.Tracer.start_span`)."""
        options: dict[str, Any] = {
            "context": context,
            "kind": kind,
            "attributes": attributes,
            "record_exception": record_exception,
            "set_status_on_exception": set_status_on_exception,
        }
        if self.scope is None or links:
            return self._usual(name, links=links, start_time=start_time, **options)
        try:
            span = self._span(name, **options)
        except Exception as error:
            # Raises the error again if the caller caused it.
            made = self._usual(name, links=links, start_time=start_time, **options)
            self._give_up(repr(error))
            return made
        span.begin(start_time, context)
        return span

    def _usual(self, name: str, **options: Any) -> trace.Span:
        made = self.usual.start_span(name, **options)
        if self.scope is None and not self._is_off and isinstance(made, Span):
            self.scope = made.instrumentation_scope
        return made

    def _give_up(self, reason: str) -> None:
        self._is_off, self.scope = True, None
        _log.warning("%r makes the SDK's spans from now on: %s", self.usual, reason)

    def _span(
        self,
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: Attributes,
        record_exception: bool,
        set_status_on_exception: bool,
    ) -> SparingSpan:
        parent: SpanContext | None = trace.get_current_span(context).get_span_context()
        if type(parent) is not SpanContext:
            raise TypeError("the parent has no SpanContext")
        ids = self.usual.id_generator
        if parent.is_valid:
            flags, state = _FLAGS[parent.trace_flags & _RANDOM], parent.trace_state
            ours = SpanContext(parent.trace_id, ids.generate_span_id(), False, flags, state)
        else:
            flags = _FLAGS[_RANDOM if ids.is_trace_id_random() else 0]
            ours = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), False, flags)
            parent = None
        return SparingSpan(
            self.usual,
            self.scope,
            self.limits,
            name,
            ours,
            parent,
            kind,
            attributes,
            record_exception,
            set_status_on_exception,
        )
