"""Spans of imsobs-instrumentation end as the SDK's own would, whatever is done to them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState
from sdk_process import last_line

from imsobs_instrumentation import failures, tracers
from imsobs_instrumentation.settings import read
from imsobs_instrumentation.spans import SparingSpan
from imsobs_instrumentation.tracers import SparingTracer

ROOT = Path(__file__).parents[2]
LIMITS = SpanLimits(
    max_attributes=4,
    max_span_attributes=4,
    max_attribute_length=8,
    max_span_attribute_length=8,
    max_events=2,
    max_links=2,
    max_event_attributes=2,
    max_link_attributes=2,
)
UNLIMITED = SpanLimits(
    max_attributes=SpanLimits.UNSET,
    max_span_attributes=SpanLimits.UNSET,
    max_attribute_length=SpanLimits.UNSET,
    max_span_attribute_length=SpanLimits.UNSET,
)


class Odd:
    def __str__(self) -> str:
        return "odd"


SCALARS = st.one_of(
    st.text(max_size=12),
    st.integers(-9, 9),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.binary(max_size=3),
    st.builds(Odd),
)
TEXTS = st.lists(st.text(max_size=12), max_size=3)
VALUES = st.one_of(
    SCALARS,
    TEXTS,
    TEXTS.map(tuple),
    st.lists(SCALARS, max_size=2),
    st.dictionaries(st.text(), SCALARS),
)
KEYS = st.one_of(st.sampled_from(["a", "b", "c", "d", "e", ""]), st.integers(0, 2))
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=6)
STATUSES = st.one_of(
    st.sampled_from([StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR]),
    st.builds(Status, st.sampled_from(list(StatusCode)), st.sampled_from([None, "why"])),
)
PARENTS = st.builds(
    SpanContext,
    st.just(0x1234),
    st.sampled_from([0, 0x56]),
    st.booleans(),
    st.sampled_from([TraceFlags(flags) for flags in range(4)]),
    st.sampled_from([TraceState(), TraceState([("a", "b")])]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set_attribute"), KEYS, VALUES),
        st.tuples(st.just("set_attributes"), MAPPINGS),
        st.tuples(st.just("add_event"), st.just("e"), st.one_of(st.none(), MAPPINGS), st.just(7)),
        st.tuples(st.just("add_link"), PARENTS, st.one_of(st.none(), MAPPINGS)),
        st.tuples(st.just("set_status"), STATUSES, st.sampled_from([None, "because"])),
        st.tuples(st.just("update_name"), st.text(max_size=3)),
        st.tuples(st.just("record_exception"), st.just(ValueError("x")), st.none(), st.just(8)),
        st.tuples(st.just("end"), st.integers(1, 9)),
    ),
    max_size=12,
)


class Counting(IdGenerator):
    """Ids that can be told in advance."""

    def __init__(self, random: bool = True) -> None:
        self.last = 0
        self.random = random

    def generate_span_id(self) -> int:
        self.last += 1
        return self.last

    def generate_trace_id(self) -> int:
        return 0xABC

    def is_trace_id_random(self) -> bool:
        return self.random


class Tracing:
    """A provider: the SDK's alone, or with our tracers."""

    def __init__(
        self,
        ours: bool,
        random: bool = True,
        sampler: Sampler = ALWAYS_ON,
        limits: SpanLimits = LIMITS,
    ) -> None:
        self.exporter = InMemorySpanExporter()
        self.ids = Counting(random)
        self.provider = TracerProvider(
            resource=Resource({"service.name": "test"}),
            shutdown_on_exit=False,
            id_generator=self.ids,
            span_limits=limits,
            sampler=sampler,
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        if ours:
            tracers.install(self.provider, limits)
        self.tracer = self.provider.get_tracer("test", "1", "https://schema")
        self.tracer.start_span("first").end()
        self.exporter.clear()
        self.ids.last = 0

    def ended(self) -> list[str]:
        return [told(span) for span in self.exporter.get_finished_spans()]


def told(span: ReadableSpan) -> str:
    """Return all that can be read of a span."""
    context, parent = span.get_span_context(), span.parent
    return repr(
        (
            span.name,
            span.kind,
            context and (*context[:4], dict(context.trace_state)),
            parent and (*parent[:4], dict(parent.trace_state)),
            list(span.attributes.items()),
            span.dropped_attributes,
            [(e.name, e.timestamp, dict(e.attributes), e.dropped_attributes) for e in span.events],
            span.dropped_events,
            [(link.context, dict(link.attributes), link.dropped_attributes) for link in span.links],
            span.dropped_links,
            (span.status.status_code, span.status.description),
            (span.start_time, span.end_time),
            span.resource.attributes,
            span.instrumentation_scope,
        )
    ).replace(hex(id(span)), "")


def do(span: trace.Span, step: tuple[Any, ...]) -> str:
    """Return the kind of error that a step raises."""
    name, *arguments = step
    try:
        getattr(span, name)(*arguments)
    except Exception as error:
        return type(error).__name__
    return ""


@settings(max_examples=300, deadline=None)
@given(
    parent=st.one_of(st.none(), PARENTS),
    kind=st.sampled_from(SpanKind),
    attributes=st.one_of(st.none(), MAPPINGS),
    steps=STEPS,
    random=st.booleans(),
    limits=st.sampled_from([LIMITS, UNLIMITED]),
)
@pytest.mark.filterwarnings("ignore")
def test_a_span_ends_as_the_sdks_does(
    parent: SpanContext | None,
    kind: SpanKind,
    attributes: dict[Any, Any] | None,
    steps: list[tuple[Any, ...]],
    random: bool,
    limits: SpanLimits,
) -> None:
    both = [Tracing(ours=ours, random=random, limits=limits) for ours in (False, True)]
    context = parent and trace.set_span_in_context(trace.NonRecordingSpan(parent))
    usual, ours = (
        one.tracer.start_span("s", context, kind=kind, attributes=attributes, start_time=3)
        for one in both
    )
    assert type(ours) is SparingSpan
    for step in steps:
        assert do(ours, step) == do(usual, step)
        assert told(ours) == told(usual)
        assert ours.is_recording() == usual.is_recording()
    for span in (usual, ours):
        span.end(9)
    usual_ended, ours_ended = (one.ended() for one in both)
    assert ours_ended == usual_ended
    assert len(ours_ended) == 1


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("entered", [True, False])
def test_exceptions_fail_a_span_as_they_do_the_sdks(
    records: bool, fails: bool, entered: bool
) -> None:
    found = []
    for one in (Tracing(ours=False), Tracing(ours=True)):
        options = {"record_exception": records, "set_status_on_exception": fails}
        start = one.tracer.start_span if entered else one.tracer.start_as_current_span
        with pytest.raises(ValueError, match="plain"), start("s", **options):
            raise ValueError("plain")
        (span,) = one.exporter.get_finished_spans()
        events = [(event.name, sorted(event.attributes)) for event in span.events]
        found.append((span.status.status_code, span.status.description, events))
    assert found[0] == found[1]


def test_children_and_decorated_functions_are_within_their_span() -> None:
    one = Tracing(ours=True)

    @one.tracer.start_as_current_span("outer")
    async def outer() -> None:
        with one.tracer.start_as_current_span("inner"):
            await asyncio.sleep(0)

    asyncio.run(outer())
    inner, above = one.exporter.get_finished_spans()
    assert inner.parent == above.context
    assert (inner.name, above.name, above.parent) == ("inner", "outer", None)


def test_processors_see_a_span_of_the_sdks_kind() -> None:
    class Sees(SpanProcessor):
        def on_start(self, span: Span, parent_context: Any = None) -> None:
            assert isinstance(span, Span)
            span.set_attribute("a", span.name)

        def _on_ending(self, span: Span) -> None:
            seen.append((span.name, dict(span.attributes or {})))

        def on_end(self, span: ReadableSpan) -> None:
            assert type(span) is ReadableSpan

    seen: list[Any] = []
    one = Tracing(ours=True)
    one.provider.add_span_processor(Sees())
    one.tracer.start_span("s").end()
    assert seen == [("s", {"a": "s"})]
    assert one.exporter.get_finished_spans()[0].attributes == {"a": "s"}


def test_a_disconnect_is_taken_from_a_span_that_is_just_ending() -> None:
    one = Tracing(ours=True)
    one.provider.add_span_processor(failures._Disconnects())
    left = type("ClientDisconnect", (Exception,), {"__module__": "starlette.requests"})
    span = one.tracer.start_span("s", kind=SpanKind.SERVER, attributes={"error.type": "x"})
    span.set_status(StatusCode.ERROR)
    try:
        raise left
    except left:
        span.end()
    (found,) = one.exporter.get_finished_spans()
    assert (dict(found.attributes), found.status.status_code) == ({}, StatusCode.UNSET)


def test_spans_with_links_and_each_tracers_first_are_the_sdks() -> None:
    one = Tracing(ours=True)
    linked = one.tracer.start_span("s", links=[Link(SpanContext(1, 2, False))])
    assert not isinstance(linked, SparingSpan)
    other = one.provider.get_tracer("other")
    assert not isinstance(other.start_span("first"), SparingSpan)
    assert isinstance(other.start_span("second"), SparingSpan)
    assert one.provider.get_tracer("other") is other


def test_a_list_that_is_changed_afterwards_changes_no_span() -> None:
    one, reasons = Tracing(ours=True), ["stop"]
    span = one.tracer.start_span("s", attributes={"a": reasons})
    span.set_attribute("b", reasons)
    reasons.append("length")
    span.end()
    (found,) = one.exporter.get_finished_spans()
    assert dict(found.attributes) == {"a": ("stop",), "b": ("stop",)}


def test_an_error_of_our_own_loses_no_span(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("ours")

    one = Tracing(ours=True)
    monkeypatch.setattr(tracers, "SparingSpan", fail)
    for _ in range(2):
        one.tracer.start_span("s").end()
    assert len(one.exporter.get_finished_spans()) == 2
    (line,) = caplog.messages
    assert line.endswith("makes the SDK's spans from now on: RuntimeError('ours')")


def test_a_callers_error_is_raised_as_usual() -> None:
    one = Tracing(ours=True)
    with pytest.raises(TypeError):
        one.tracer.start_span("s", attributes=[("a", 1)])
    assert isinstance(one.tracer.start_span("s"), SparingSpan)


def test_with_another_sampler_tracers_are_the_sdks() -> None:
    one = Tracing(ours=True, sampler=ALWAYS_OFF)
    assert not isinstance(one.tracer, SparingTracer)


def test_a_span_has_the_resource_that_its_tracer_has_now() -> None:
    one = Tracing(ours=True)
    one.provider._update_resource(Resource({"imsobs.process.role": "worker"}))
    one.tracer.start_span("s").end()
    (found,) = one.exporter.get_finished_spans()
    assert found.resource.attributes["imsobs.process.role"] == "worker"


def test_limits_are_those_that_the_sdk_has_from_its_file() -> None:
    found = read({"OTEL_CONFIG_FILE": str(ROOT / "app" / "otel-sdk.yaml")}).spans
    assert last_line(ROOT, "print(provider._span_limits)") == repr(found)
