"""A span. Source: opentelemetry-proto, trace/v1/trace.proto."""

from __future__ import annotations

import struct

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode

from imsobs_exporter.attributes import Attributes
from imsobs_exporter.wire import fixed32, fixed64, sized, text, uint32

# By identity: the hash of a member of an enumeration is computed in Python.
_KINDS = {
    id(SpanKind.INTERNAL): b"\x30\x01",
    id(SpanKind.SERVER): b"\x30\x02",
    id(SpanKind.CLIENT): b"\x30\x03",
    id(SpanKind.PRODUCER): b"\x30\x04",
    id(SpanKind.CONSUMER): b"\x30\x05",
}
_CODES = {
    id(StatusCode.UNSET): b"",
    id(StatusCode.OK): b"\x18\x01",
    id(StatusCode.ERROR): b"\x18\x02",
}
# Events and links are messages within a span.
_DEEPER = 2
_times = struct.Struct("<cQcQ").pack
# Flags: whether the parent is remote is known (0x100), and it is (0x200).
_LOCAL, _REMOTE = 0x100, 0x300
_FLAGS = {flags: b"\x85\x01" + fixed32(flags) for flags in (_LOCAL, _REMOTE)}
_LINK_FLAGS = {flags: b"\x35" + fixed32(flags) for flags in (_LOCAL, _REMOTE)}


def encode(span: ReadableSpan, attributes: Attributes) -> bytes:
    """Return the content of a Span.

    Raises an exception for a span that has no such form: one without a context, say.
    """
    context, parent = span.get_span_context(), span.parent
    if context is None:
        raise TypeError("a span without a context")
    # A span without one has its events and links in a tuple, which is empty.
    events, links = span.events, span.links
    state = context.trace_state
    return b"".join(
        (
            b"\x0a\x10",
            context.trace_id.to_bytes(16, "big"),
            b"\x12\x08",
            context.span_id.to_bytes(8, "big"),
            text(b"\x1a", ",".join([f"{k}={v}" for k, v in state.items()])) if state else b"",
            b"\x22\x08" + parent.span_id.to_bytes(8, "big") if parent else b"",
            text(b"\x2a", span.name),
            _KINDS[id(span.kind)],
            _start_and_end(span.start_time, span.end_time),
            attributes.encode(b"\x4a", span.attributes),
            uint32(b"\x50", dropped) if (dropped := span.dropped_attributes) else b"",
            b"".join([sized(b"\x5a", _event(e, attributes)) for e in events]) if events else b"",
            uint32(b"\x60", dropped) if (dropped := span.dropped_events) else b"",
            b"".join([sized(b"\x6a", _link(link, attributes)) for link in links]) if links else b"",
            uint32(b"\x70", dropped) if (dropped := span.dropped_links) else b"",
            _status(span),
            _FLAGS[_flags(parent)],
        )
    )


def _start_and_end(start: int | None, end: int | None) -> bytes:
    if start and end:
        return _times(b"\x39", start, b"\x41", end)
    return (b"\x39" + fixed64(start) if start else b"") + (b"\x41" + fixed64(end) if end else b"")


def _status(span: ReadableSpan) -> bytes:
    status = span.status
    if status is None:
        return b""
    code, description = _CODES[id(status.status_code)], status.description
    if not description:
        return b"\x7a\x00" if not code else b"\x7a\x02" + code
    return sized(b"\x7a", text(b"\x12", description) + code)


def _flags(context: SpanContext | None) -> int:
    return _REMOTE if context and context.is_remote else _LOCAL


def _event(event: Event, attributes: Attributes) -> bytes:
    return (
        (b"\x09" + fixed64(event.timestamp) if event.timestamp else b"")
        + text(b"\x12", event.name)
        + attributes.encode(b"\x1a", event.attributes, _DEEPER)
        + uint32(b"\x20", event.dropped_attributes)
    )


def _link(link: Link, attributes: Attributes) -> bytes:
    context = link.context
    return (
        sized(b"\x0a", context.trace_id.to_bytes(16, "big"))
        + sized(b"\x12", context.span_id.to_bytes(8, "big"))
        + attributes.encode(b"\x22", link.attributes, _DEEPER)
        + uint32(b"\x28", link.dropped_attributes)
        + _LINK_FLAGS[_flags(context)]
    )


def officially(span: ReadableSpan) -> bytes:
    """Return the content of a Span as the official encoder makes it."""
    encoded = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
    return bytes(encoded.SerializeToString())
