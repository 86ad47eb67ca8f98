"""Log records that take the short way into the SDK arrive as those of the official handler do."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imsobs_exporter.attributes import Attributes
from imsobs_exporter.records import encode
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import (
    LoggerProvider,
    LogRecordLimits,
    LogRecordProcessor,
    ReadableLogRecord,
    ReadWriteLogRecord,
)
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from imsobs_instrumentation import records
from imsobs_instrumentation.records import EmittedRecord, Emitting, PlainAttributes

# The SDK warns once of what its limits drop.
pytestmark = pytest.mark.filterwarnings("ignore:Log record attributes were dropped")
TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("test")


class Odd:
    def __str__(self) -> str:
        return "odd"


class Number(int):
    pass


SCALARS = st.one_of(
    st.text(max_size=12),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.booleans(),
    st.none(),
    st.binary(max_size=4),
    st.builds(Odd),
    st.builds(Number, st.integers(0, 9)),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(), SCALARS))
KEYS = st.one_of(st.text(max_size=5), st.sampled_from(["event", "event.name", "otel.event.name"]))
USUAL = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "getMessage", "taskName"}
FIELDS = st.dictionaries(KEYS.filter(lambda key: key not in USUAL), VALUES, max_size=6)
LEVELS = st.sampled_from([5, 10, 12, 20, 30, 35, 40, 50, 60])


class Pipeline:
    """A provider and a handler: the official way, or ours."""

    def __init__(self, ours: bool, most: int = 4, longest: int | None = 8) -> None:
        self.exporter = InMemoryLogRecordExporter()
        limits = LogRecordLimits(
            max_log_record_attributes=most,
            max_log_record_attribute_length=LogRecordLimits.UNSET if longest is None else longest,
        )
        self.provider = LoggerProvider(
            Resource({"service.name": "test"}), shutdown_on_exit=False, log_record_limits=limits
        )
        self.processor = BatchLogRecordProcessor(self.exporter, 60_000)
        self.provider.add_log_record_processor(self.processor)
        self.handler = LoggingHandler(logger_provider=self.provider)
        if ours:
            self.emitting = Emitting(self.handler, self.provider)
            self.handler.emit = self.emitting  # type: ignore[method-assign]

    def log(self, *said: logging.LogRecord) -> list[ReadableLogRecord]:
        """Return what is exported."""
        self.exporter.clear()
        for record in said:
            self.handler.handle(record)
        self.provider.force_flush()
        return list(self.exporter.get_finished_logs())


@pytest.fixture(autouse=True, scope="module")
def _silent() -> Iterator[None]:
    logger = logging.getLogger("opentelemetry")
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def pipelines() -> tuple[Pipeline, Pipeline]:
    return Pipeline(ours=False), Pipeline(ours=True)


def said(level: int = 20, name: str = "ims", **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, level, __file__, 1, "said %s", ("so",), None)
    made.__dict__.update(fields)
    return made


def message(one: ReadableLogRecord) -> bytes:
    """Return a record as the official encoder makes it, without the time of its observation."""
    made = copy.copy(one.log_record)
    made.observed_timestamp = 1
    readable = ReadableLogRecord(made, one.resource, one.instrumentation_scope, one.limits)
    return bytes(encode_logs([readable]).SerializeToString())


@settings(max_examples=300, deadline=None)
@given(fields=FIELDS, level=LEVELS, traced=st.booleans())
def test_each_record_arrives_as_that_of_the_official_handler(
    pipelines: tuple[Pipeline, Pipeline], fields: dict[str, Any], level: int, traced: bool
) -> None:
    official, ours = pipelines
    ours.log(said())
    # The official encoder takes no other name of an event.
    fields = {k: str(v) if k.endswith("event.name") else v for k, v in fields.items()}
    assert ours.emitting._known
    record = said(level, **fields)
    if traced:
        with TRACER.start_as_current_span("request"):
            (expected,), (found,) = official.log(record), ours.log(record)
    else:
        (expected,), (found,) = official.log(record), ours.log(record)
    assert message(found) == message(expected)
    assert found.dropped_attributes == expected.dropped_attributes
    assert repr(found.limits) == repr(expected.limits)
    assert found.log_record.context == expected.log_record.context == {}
    memory = Attributes()
    again = copy.copy(found.log_record)
    again.observed_timestamp = expected.log_record.observed_timestamp
    copied = ReadableLogRecord(again, found.resource, found.instrumentation_scope, found.limits)
    assert encode(copied, memory) == encode(expected, memory)


def test_the_short_way_is_taken_from_the_second_record_on() -> None:
    pipeline = Pipeline(ours=True)
    first, second = pipeline.log(said(event="a"), said(event="b"))
    assert type(first.log_record.attributes) is BoundedAttributes
    assert type(second.log_record.attributes) is PlainAttributes
    assert dict(second.log_record.attributes) == {"event": "b"}


@pytest.mark.parametrize(
    "fields", [{"a": "x" * 9}, {"a": [1]}, {"a": b"x"}, {"a": Odd()}, {"": 1}, {"event.name": "x"}]
)
def test_what_the_sdk_might_change_goes_the_usual_way(fields: dict[str, Any]) -> None:
    pipeline = Pipeline(ours=True)
    _, found = pipeline.log(said(), said(**fields))
    assert type(found.log_record.attributes) is BoundedAttributes


def test_exceptions_and_formatters_go_the_usual_way() -> None:
    pipeline = Pipeline(ours=True)
    pipeline.log(said())
    failed = said()
    try:
        raise ValueError("plain")
    except ValueError:
        failed.exc_info = sys.exc_info()
    (found,) = pipeline.log(failed)
    assert found.log_record.attributes["exception.message"] == "plain"
    pipeline.handler.setFormatter(logging.Formatter("<%(message)s>"))
    (formatted,) = pipeline.log(said())
    assert formatted.log_record.body == "<said so>"


def test_limits_are_the_providers() -> None:
    pipeline = Pipeline(ours=True, most=1, longest=None)
    _, long, many = pipeline.log(said(), said(a="x" * 99), said(a=1, b=2))
    assert dict(long.log_record.attributes) == {"a": "x" * 99}
    assert (dict(many.log_record.attributes), many.dropped_attributes) == ({"b": 2}, 1)


def test_other_processors_see_and_change_a_record_as_usual() -> None:
    class Stamp(LogRecordProcessor):
        def on_emit(self, log_record: ReadWriteLogRecord) -> None:
            seen.append(log_record)
            attributes = log_record.log_record.attributes
            assert isinstance(attributes, BoundedAttributes)
            attributes["stamp"] = "x" * 20

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    seen: list[ReadWriteLogRecord] = []
    pipeline = Pipeline(ours=True)
    pipeline.log(said())
    pipeline.provider.add_log_record_processor(Stamp())
    (found,) = pipeline.log(said(event="a"))
    assert isinstance(seen[-1], EmittedRecord)
    # Cut as the limit says.
    assert dict(found.log_record.attributes) == {"event": "a", "stamp": "x" * 8}


def test_a_record_has_the_resource_that_its_logger_has_now() -> None:
    pipeline = Pipeline(ours=True)
    pipeline.log(said())
    pipeline.provider._update_resource(Resource({"imsobs.process.role": "worker"}))
    (found,) = pipeline.log(said())
    assert found.resource.attributes["imsobs.process.role"] == "worker"
    assert (
        found.instrumentation_scope == pipeline.provider.get_logger("ims", "").instrumentation_scope
    )


def test_a_difference_makes_all_records_go_the_usual_way_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pipeline = Pipeline(ours=True)
    pipeline.handler._log_code_attributes = True
    found = pipeline.log(said(), said(), said(name="other"))
    assert all("code.file.path" in one.log_record.attributes for one in found)
    assert [r.message for r in caplog.records if r.name == records.__name__] == [
        "log records go the usual way from now on: attributes would differ"
    ]


def test_an_error_of_our_own_loses_no_record(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("ours")

    pipeline = Pipeline(ours=True)
    pipeline.log(said())
    monkeypatch.setattr(records, "made_of", fail)
    assert len(pipeline.log(said(), said())) == 2
    told = [r.message for r in caplog.records if r.name == records.__name__]
    assert told == ["log records go the usual way from now on: RuntimeError('ours')"]


def test_an_error_of_whoever_logs_is_raised_as_usual() -> None:
    pipeline = Pipeline(ours=True)
    pipeline.log(said())
    wrong = said()
    wrong.args = ("so", "many")
    with pytest.raises(TypeError):
        pipeline.handler.emit(wrong)
    assert pipeline.emitting._known


def test_a_record_about_emitting_a_record_has_no_end(capfd: pytest.CaptureFixture[str]) -> None:
    class Talks(LogRecordProcessor):
        def on_emit(self, log_record: ReadWriteLogRecord) -> None:
            pipeline.handler.handle(said())

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    pipeline = Pipeline(ours=True)
    pipeline.log(said())
    pipeline.provider.add_log_record_processor(Talks())
    assert len(pipeline.log(said())) == 1


def test_plain_attributes_become_the_sdks_own() -> None:
    for use in (
        lambda made: made.__setitem__("c", "y" * 9),
        lambda made: made.pop("a"),
        lambda made: list(made),
        lambda made: made["a"],
        lambda made: copy.deepcopy(made),
        repr,
    ):
        plain, usual = (
            PlainAttributes({"a": 1, "b": 2}, 2, 8),
            BoundedAttributes(2, {"a": 1, "b": 2}, False, 8),
        )
        assert str(use(plain)) == str(use(usual))
        assert plain.copy() == usual.copy()
        assert (len(plain), plain.dropped, plain.maxlen) == (len(usual), usual.dropped, 2)


def test_only_handlers_of_the_instrumentation_are_changed() -> None:
    root = logging.getLogger()
    pipeline = Pipeline(ours=False)
    mine = logging.NullHandler()
    root.addHandler(pipeline.handler)
    root.addHandler(mine)
    try:
        records.install(pipeline.provider)
        assert isinstance(pipeline.handler.emit, Emitting)
        assert not isinstance(mine.emit, Emitting)
    finally:
        root.removeHandler(pipeline.handler)
        root.removeHandler(mine)
