"""A log record. Source: opentelemetry-proto, logs/v1/logs.proto."""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import ReadableLogRecord

from imsobs_exporter.attributes import Attributes
from imsobs_exporter.wire import any_value, fixed32, fixed64, sized, text, uint32, varint


def encode(readable: ReadableLogRecord, attributes: Attributes) -> bytes:
    """Return the content of a LogRecord.

    Raises an exception for a record that has no such form: a body that is an object, say.
    """
    record = readable.log_record
    trace_id, span_id, flags = record.trace_id, record.span_id, int(record.trace_flags)
    timestamp, observed = record.timestamp, record.observed_timestamp
    severity: int | None = getattr(record.severity_number, "value", None)
    return b"".join(
        (
            b"\x09" + fixed64(timestamp) if timestamp else b"",
            b"\x10" + varint(severity) if severity else b"",
            text(b"\x1a", record.severity_text),
            _body(record.body),
            attributes.encode(b"\x32", record.attributes),
            uint32(b"\x38", dropped) if (dropped := readable.dropped_attributes) else b"",
            b"\x45" + fixed32(flags) if flags else b"",
            b"" if trace_id == 0 else b"\x4a\x10" + trace_id.to_bytes(16, "big"),
            b"" if span_id == 0 else b"\x52\x08" + span_id.to_bytes(8, "big"),
            b"\x59" + fixed64(observed) if observed else b"",
            text(b"\x62", record.event_name) if record.event_name else b"",
        )
    )


def _body(body: Any) -> bytes:
    # An empty text is a value here, unlike in a field of its own.
    if type(body) is str and body:
        return sized(b"\x2a", text(b"\x0a", body))
    return sized(b"\x2a", any_value(body))


def officially(readable: ReadableLogRecord) -> bytes:
    """Return the content of a LogRecord as the official encoder makes it."""
    encoded = encode_logs([readable]).resource_logs[0].scope_logs[0].log_records[0]
    return bytes(encoded.SerializeToString())
