"""What imsobs-exporter encodes equals what the official encoder does, byte for byte."""

from __future__ import annotations

import enum
import logging
import math
import threading
import time
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imsobs_exporter import attributes, batches, records, spans
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import (
    LogRecordDroppedAttributesWarning,
    ReadableLogRecord,
    ReadWriteLogRecord,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState


@pytest.fixture(autouse=True)
def _silent() -> Any:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Colour(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    LARGE = 3


class Loud(str):
    def encode(self, *_: Any, **__: Any) -> bytes:  # type: ignore[override]
        return b"LOUD"


# Everything that Python code may hand over, whether OTLP has a form for it or not.
TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(st.characters(categories=["Cs", "Ll"]), max_size=5),
    st.sampled_from(["", "a" * 63, "a" * 64, "a" * 125, "a" * 126, "é" * 64, "x" * 20_000, "\0"]),
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 127, 128, 65_535, 65_536, 2**63 - 1, 2**63, -(2**63)]),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    TEXTS,
    NUMBERS,
    st.floats(),
    st.sampled_from([1.0, 0.0, -0.0, math.nan, math.inf, Colour.RED, Size.LARGE, Loud("loud")]),
    st.binary(max_size=200),
    st.builds(bytearray, st.binary(max_size=5)),
    st.builds(object),
    st.just(2j),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.one_of(TEXTS, st.integers(), st.none()), inner, max_size=4),
    ),
    max_leaves=12,
)
KEYS = st.one_of(st.sampled_from(["a", "http.route", "k" * 200]), TEXTS)
RAW = st.one_of(st.none(), st.dictionaries(KEYS, VALUES, max_size=8))
# As the SDK holds them: cleaned, bounded, with a count of those that were too many.
BOUNDED = st.builds(
    lambda held, most, longest: BoundedAttributes(most, held, max_value_len=longest),
    RAW,
    st.sampled_from([None, 0, 3]),
    st.sampled_from([None, 1, 16_384]),
)
ATTRIBUTES = st.one_of(RAW, BOUNDED)
CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.sampled_from([TraceFlags(0), TraceFlags(1), TraceFlags(255)]),
    st.sampled_from([None, TraceState(), TraceState([("a", "1"), ("b@c", "x y")])]),
)
TIMES = st.one_of(st.none(), st.sampled_from([0, 1, 2**63, 2**64 - 1, 2**64, -1]), st.integers(1))
STATUSES = st.one_of(
    st.none(),
    st.just(Status()),
    st.just(Status(StatusCode.OK)),
    st.builds(Status, st.just(StatusCode.ERROR), st.one_of(st.none(), TEXTS)),
)
EVENTS = st.builds(Event, TEXTS, ATTRIBUTES, st.one_of(st.none(), st.integers(0, 2**64 - 1)))
LINKS = st.builds(Link, CONTEXTS, ATTRIBUTES)
RESOURCES = st.builds(
    Resource, st.dictionaries(KEYS, SCALARS, max_size=3), st.sampled_from([None, "", "http://s/1"])
)
SCOPES = st.one_of(
    st.none(),
    st.builds(
        InstrumentationScope,
        TEXTS,
        st.one_of(st.none(), TEXTS),
        st.sampled_from([None, "http://s/2"]),
        st.dictionaries(KEYS, SCALARS, max_size=2),
    ),
)
# Few of them, so that items share them, by identity and by equality.
SHARED_RESOURCES = st.sampled_from(
    [Resource({"a": 1}), Resource({"a": True}), Resource({"b": "x"})]
)
SHARED_SCOPES = st.sampled_from(
    [
        None,
        InstrumentationScope("one", "1"),
        InstrumentationScope("one", "1"),
        InstrumentationScope(""),
    ]
)
SPANS = st.builds(
    ReadableSpan,
    name=st.one_of(TEXTS, st.sampled_from([None, b"bytes"])),
    context=CONTEXTS,
    parent=st.one_of(st.none(), CONTEXTS),
    resource=st.one_of(RESOURCES, SHARED_RESOURCES),
    attributes=ATTRIBUTES,
    events=st.lists(EVENTS, max_size=3),
    links=st.lists(LINKS, max_size=3),
    kind=st.sampled_from(SpanKind),
    status=STATUSES,
    start_time=TIMES,
    end_time=TIMES,
    instrumentation_scope=st.one_of(SCOPES, SHARED_SCOPES),
)


def _record(context: SpanContext | None, **values: Any) -> LogRecord:
    record = LogRecord(**values)
    if context is not None:
        record.trace_id, record.span_id = context.trace_id, context.span_id
        record.trace_flags = context.trace_flags
    return record


def _in_sdk(record: LogRecord, resource: Resource, scope: Any) -> ReadableLogRecord:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogRecordDroppedAttributesWarning)
        held = ReadWriteLogRecord(record, resource, scope)
    return ReadableLogRecord(held.log_record, resource, scope)


RECORDS = st.builds(
    lambda how, record, resource, scope: how(record, resource, scope),
    st.sampled_from([ReadableLogRecord, _in_sdk]),
    st.builds(
        _record,
        st.one_of(st.none(), CONTEXTS),
        timestamp=TIMES,
        observed_timestamp=TIMES,
        severity_text=st.one_of(st.none(), TEXTS),
        severity_number=st.one_of(st.none(), st.sampled_from(SeverityNumber)),
        body=VALUES,
        attributes=ATTRIBUTES,
        event_name=st.one_of(st.none(), TEXTS),
    ),
    st.one_of(RESOURCES, SHARED_RESOURCES),
    st.one_of(SCOPES, SHARED_SCOPES),
)


def encoders() -> tuple[batches.Encoder[ReadableSpan], batches.Encoder[ReadableLogRecord]]:
    return (
        batches.Encoder(batches.Form("span", spans.encode, spans.officially)),
        batches.Encoder(batches.Form("log record", records.encode, records.officially)),
    )


# Kept over all examples: what is remembered of one must not show in another.
OF_SPANS, OF_RECORDS = encoders()


def same(batch: Sequence[Any], encoder: Any, official: Any, request: Any) -> None:
    """Hold the encoder against the official one, where that gives anything."""
    try:
        expected = official(batch).SerializeToString()
    except Exception:
        # It would lose the batch. Here what can be encoded is.
        request.FromString(encoder.encode(batch))
        return
    found = encoder.encode(batch)
    assert found == expected
    assert request.FromString(found).SerializeToString() == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(SPANS, max_size=4))
def test_spans_of_every_form(batch: list[ReadableSpan]) -> None:
    same(batch, OF_SPANS, encode_spans, ExportTraceServiceRequest)


@settings(max_examples=300, deadline=None)
@given(st.lists(RECORDS, max_size=4))
def test_records_of_every_form(batch: list[ReadableLogRecord]) -> None:
    same(batch, OF_RECORDS, encode_logs, ExportLogsServiceRequest)


def _span(**changes: Any) -> ReadableSpan:
    context = SpanContext(1, 2, is_remote=False)
    return ReadableSpan(**{"name": "GET", "context": context, "resource": RESOURCE, **changes})


def _said(body: Any, **fields: Any) -> ReadableLogRecord:
    return ReadableLogRecord(
        LogRecord(observed_timestamp=1, body=body, attributes=fields), RESOURCE
    )


RESOURCE = Resource({"service.name": "x"})


def test_what_cannot_be_encoded_is_lost_alone() -> None:
    batch = [_said("before"), _said(object()), _said("after")]
    with pytest.raises(Exception, match="Invalid type"):
        encode_logs(batch)
    request = ExportLogsServiceRequest.FromString(encoders()[1].encode(batch))
    found = request.resource_logs[0].scope_logs[0].log_records
    assert [record.body.string_value for record in found] == ["before", "after"]


def test_half_a_surrogate_pair_costs_nothing_but_itself() -> None:
    batch = [_said("half \ud800", event="e", half="\udfff"), _said("after")]
    with pytest.raises(UnicodeEncodeError):
        encode_logs(batch)
    request = ExportLogsServiceRequest.FromString(encoders()[1].encode(batch))
    found = request.resource_logs[0].scope_logs[0].log_records
    assert [record.body.string_value for record in found] == ["half ?", "after"]
    # As the official encoder does with an attribute.
    assert [attribute.key for attribute in found[0].attributes] == ["event"]


@pytest.mark.parametrize("inner", [lambda value: [value], lambda value: {"k": value}])
def test_values_nest_as_deep_as_the_official_encoder_can(inner: Any) -> None:
    nested: Any = "x"
    refused = 0
    for _ in range(60):
        nested = inner(nested)
        events = [Event("e", {"deep": nested}, timestamp=1)]
        for batch, without, encoder, official in (
            ([_said("said", deep=nested)], [_said("said")], encoders()[1], encode_logs),
            ([_span(attributes={"deep": nested})], [_span()], encoders()[0], encode_spans),
            (
                [_span(events=events)],
                [_span(events=[Event("e", timestamp=1)])],
                encoders()[0],
                encode_spans,
            ),
        ):
            try:
                expected = official(batch)  # type: ignore[operator]
            except Exception:
                refused += 1
                expected = official(without)  # type: ignore[operator]
            assert encoder.encode(batch) == expected.SerializeToString()
    assert 0 < refused < 180


def test_a_value_that_holds_itself_is_left_out() -> None:
    endless: list[Any] = []
    endless.append(endless)
    found = encoders()[1].encode([_said("said", endless=endless)])
    assert found == encode_logs([_said("said")]).SerializeToString()


def test_what_is_remembered_is_bounded() -> None:
    remembering = attributes.Attributes()
    for number in range(3 * attributes.MOST):
        varied = {"a": str(number), "b": number, "c": "long" * 100 + str(number)}
        remembering.encode(b"\x4a", {**varied, f"d{number}": number % 2 == 0, f"e{number}": 0.5})
    held = [*remembering._known.values(), remembering._floats]
    assert all(0 < len(memory) <= attributes.MOST for memory in held)
    encoder = encoders()[0]
    for number in range(2000):
        encoder.encode([_span(instrumentation_scope=InstrumentationScope(str(number)))])
    assert len(encoder._frames) < 1000


def test_the_lock_is_given_back_within_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large items or small ones: by time, not by their number."""
    slow, quick = (_span(attributes={str(n): "x" * 100 for n in range(most)}) for most in (64, 0))
    pauses: list[int] = []
    monkeypatch.setattr(batches, "pause", lambda: pauses.append(1))
    for span, least, most in ((slow, 8, 32), (quick, 1, 31)):
        pauses.clear()
        encoders()[0].encode([span] * 512)
        assert least <= len(pauses) <= most
    pauses.clear()
    encoders()[0].encode([quick] * 15)
    assert pauses == []


def test_a_pause_gives_the_lock_to_whoever_waits() -> None:
    reached = threading.Event()
    waiting = threading.Thread(target=reached.set)
    waiting.start()
    deadline = time.monotonic() + 5
    while not reached.is_set() and time.monotonic() < deadline:
        batches.pause()
    assert reached.is_set()
