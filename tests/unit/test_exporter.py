"""imsobs-exporter sends as the official exporter does, and lets it do all when in doubt."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from golden import otlp
from imsobs_exporter import exporters, spans, versions
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import _log_exporter, trace_exporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

RECORDED = sorted((Path(__file__).parents[1] / "golden/dialects").glob("*.json"))
RESOURCE = Resource({"service.name": "x"})


class Receiver:
    """Takes OTLP. answers: status, headers and body of each answer; then 200 for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.waits = threading.Event()
        self.waits.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.taken.append((self.path, headers, body))
                receiver.waits.wait(5)
                status, more, answer = (receiver.answers or [(200, {}, b"")]).pop(0)
                self.send_response(status)
                for name, value in {**more, "content-length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.waits.set()
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "")


def a_span(**changes: Any) -> ReadableSpan:
    context = SpanContext(1, 2, is_remote=False)
    return ReadableSpan(**{"name": "GET", "context": context, "resource": RESOURCE, **changes})


def a_record(**changes: Any) -> ReadableLogRecord:
    return ReadableLogRecord(LogRecord(**{"body": "said", "timestamp": 1, **changes}), RESOURCE)


BATCH = [a_span(attributes={"number": n, "text": "x" * 50}) for n in range(5)]
EXPECTED = encode_spans(BATCH).SerializeToString()
_UNPACKED = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
@pytest.mark.parametrize("signal", ["traces", "logs"])
def test_requests_are_those_of_the_official_exporter(
    compression: str, signal: str, receiver: Receiver
) -> None:
    ours, official, batch = {
        "traces": (exporters.OTLPSpanExporter, trace_exporter.OTLPSpanExporter, BATCH),
        "logs": (exporters.OTLPLogExporter, _log_exporter.OTLPLogExporter, [a_record()]),
    }[signal]
    mine = ours(
        receiver.endpoint,
        headers=[{"name": "Authorization", "value": "Bearer t"}],
        headers_list="tenant=a%20b",
        compression=compression,
        timeout=2500,
    )
    theirs = official(
        receiver.endpoint,
        headers={"Authorization": "Bearer t", "tenant": "a b"},
        compression=exporters._COMPRESSIONS[compression],
        timeout=2.5,
    )
    for exporter in (mine, theirs):
        assert exporter.export(batch).name == "SUCCESS"  # type: ignore[attr-defined]
        exporter.shutdown()  # type: ignore[attr-defined]
    (path, headers, body), (other_path, other_headers, other_body) = receiver.taken
    assert path == other_path
    encoding = headers.get("content-encoding")
    assert (encoding or "none") == compression
    assert headers["authorization"] == "Bearer t"
    unpack = _UNPACKED[encoding]
    assert unpack(body) == unpack(other_body)
    for either in (headers, other_headers):
        # Compressed at another moment.
        assert int(either.pop("content-length")) > 0
    assert headers == other_headers


def test_it_is_tried_again_with_the_same_request(receiver: Receiver) -> None:
    receiver.answers = [(503, {"retry-after": "0"}, b""), (429, {"retry-after": "0"}, b"")]
    exporter = exporters.OTLPSpanExporter(receiver.endpoint, compression="gzip")
    assert exporter.export(BATCH) is SpanExportResult.SUCCESS
    assert [gzip.decompress(body) for _, _, body in receiver.taken] == [EXPECTED] * 3


def test_a_refusal_is_final(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.answers = [(400, {}, b"")]
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)
    assert exporter.export(BATCH) is SpanExportResult.FAILURE
    assert len(receiver.taken) == 1
    assert "Failed to export spans batch code: 400" in caplog.text


def test_time_is_limited(receiver: Receiver) -> None:
    receiver.waits.clear()
    exporter = exporters.OTLPLogExporter(receiver.endpoint, timeout=300)
    assert exporter.export([a_record()]) is LogRecordExportResult.FAILURE


def test_a_partial_success_is_a_success(receiver: Receiver) -> None:
    partly = ExportTraceServiceResponse()
    partly.partial_success.rejected_spans = 2
    for kind in (exporters.OTLPSpanExporter, trace_exporter.OTLPSpanExporter):
        receiver.answers = [(200, {}, partly.SerializeToString())]
        assert kind(receiver.endpoint).export(BATCH) is SpanExportResult.SUCCESS
    assert len(receiver.taken) == 2


def test_nothing_is_sent_after_the_end(receiver: Receiver) -> None:
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)
    assert exporter.force_flush() is True
    exporter.shutdown()
    assert exporter.export(BATCH) is SpanExportResult.FAILURE
    assert receiver.taken == []


def test_it_has_no_thread_of_its_own(receiver: Receiver) -> None:
    before = set(threading.enumerate())
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)
    assert exporter.export(BATCH) is SpanExportResult.SUCCESS
    new = {thread for thread in threading.enumerate() if thread not in before}
    # The receiver's.
    assert all("process_request_thread" in thread.name for thread in new)


def test_each_thread_sends_its_own(receiver: Receiver) -> None:
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)
    batches = [[a_span(name=f"span {n}")] for n in range(8)]
    threads = [threading.Thread(target=exporter.export, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {encode_spans(batch).SerializeToString() for batch in batches}
    assert {body for _, _, body in receiver.taken} == expected


def test_what_is_too_large_for_a_receiver_goes_in_parts(receiver: Receiver) -> None:
    batch = [a_span(attributes={"n": n, "long": "x" * 16_000}) for n in range(512)]
    assert len(encode_spans(batch).SerializeToString()) > 4 * 2**20
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)
    assert exporter.export(batch) is SpanExportResult.SUCCESS
    assert [body for _, _, body in receiver.taken] == [
        encode_spans(half).SerializeToString() for half in (batch[:256], batch[256:])
    ]
    receiver.answers = [(200, {}, b""), (400, {}, b"")]
    assert exporter.export(batch) is SpanExportResult.FAILURE


def test_the_limit_of_a_request_is_the_official_one(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = exporters.OTLPSpanExporter(receiver.endpoint, max_request_size=10)
    assert exporter.export(BATCH) is SpanExportResult.FAILURE
    assert "exceeds max_request_size 10 bytes" in caplog.text
    assert receiver.taken == []


def _official_from_now_on(caplog: pytest.LogCaptureFixture) -> str:
    (line,) = [r.getMessage() for r in caplog.records if r.name == "imsobs_exporter.exporters"]
    return line


def test_an_untested_version_leaves_it_to_the_official_exporter(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(versions.TESTED, "opentelemetry-sdk", ("1.44",))
    monkeypatch.setattr(spans, "encode", None)
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)
    assert exporter.export(BATCH) is exporter.export(BATCH) is SpanExportResult.SUCCESS
    assert [body for _, _, body in receiver.taken] == [EXPECTED] * 2
    line = _official_from_now_on(caplog)
    assert line.endswith(
        f"not tested with opentelemetry-sdk {versions.installed()['opentelemetry-sdk']}"
    )


def test_the_versions_of_the_lock_are_tested() -> None:
    assert versions.untested() == ""


def test_an_error_leaves_it_to_the_official_exporter(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)

    def broken(*_: Any) -> bytes:
        raise RuntimeError("of its own")

    monkeypatch.setattr(exporter._encoder, "encode", broken)
    assert exporter.export(BATCH) is exporter.export(BATCH) is SpanExportResult.SUCCESS
    assert [body for _, _, body in receiver.taken] == [EXPECTED] * 2
    assert "of its own" in _official_from_now_on(caplog)


def test_an_official_exporter_that_does_not_ask_for_the_request_is_not_believed(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = exporters.OTLPSpanExporter(receiver.endpoint)
    official = exporter._official.export
    monkeypatch.setattr(
        exporter._official,
        "export",
        # Another version might: an empty batch needs no request.
        lambda batch: official(batch) if list(batch) else SpanExportResult.SUCCESS,
    )
    assert exporter.export(BATCH) is SpanExportResult.SUCCESS
    assert [body for _, _, body in receiver.taken] == [EXPECTED]
    assert "does not send" in _official_from_now_on(caplog)


def test_a_credential_provider_keeps_its_session(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER", "ours")
    with pytest.raises(RuntimeError, match="'ours' not found"):
        exporters.OTLPSpanExporter(receiver.endpoint)
    assert "TRACES_CREDENTIAL_PROVIDER is set" in _official_from_now_on(caplog)
    exporters.OTLPLogExporter(receiver.endpoint)


def test_an_unusual_span_is_encoded_by_the_official_encoder(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    batch = [a_span(), a_span(name=b"bytes"), a_span(name=None), a_span()]
    with caplog.at_level(logging.WARNING):
        exporter = exporters.OTLPSpanExporter(receiver.endpoint)
        assert exporter.export(batch) is SpanExportResult.SUCCESS
    assert [body for _, _, body in receiver.taken] == [encode_spans(batch).SerializeToString()]
    assert caplog.text.count("The official encoder takes a span") == 1


def test_certificates_are_those_of_the_configuration() -> None:
    tls = {"ca_file": "ca.pem", "key_file": "key.pem", "cert_file": "cert.pem"}
    session = exporters.OTLPSpanExporter("https://localhost", tls=tls)._session
    assert session.verify == "ca.pem"
    assert session.cert == ("cert.pem", "key.pem")


def test_proxies_are_those_of_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", receiver.endpoint.removesuffix("/v1/traces"))
    monkeypatch.setenv("NO_PROXY", "localhost")
    exporter = exporters.OTLPSpanExporter("http://collector.invalid/v1/traces")
    assert exporter.export(BATCH) is exporter.export(BATCH) is SpanExportResult.SUCCESS
    # A proxy is asked for the whole address.
    assert [path for path, _, _ in receiver.taken] == ["http://collector.invalid/v1/traces"] * 2
    # One session, another address.
    other = exporter._session.merge_environment_settings("http://localhost/", {}, None, None, None)
    assert dict(other["proxies"]) == {}


def test_a_forked_child_has_connections_of_its_own() -> None:
    session = exporters.OTLPSpanExporter("http://localhost")._session
    before = dict(session.adapters)
    session.drop_connections()
    assert list(session.adapters) == list(before)
    assert all(session.adapters[prefix] is not adapter for prefix, adapter in before.items())


FORK = """
import os, sys
from imsobs_exporter.exporters import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

def said(name):
    return exporter.export([ReadableSpan(name, SpanContext(1, 2, False), resource=Resource({}))])

exporter = OTLPSpanExporter(sys.argv[1])
before = [said("parent").name]
children = []
while len(children) < 3 and 0 not in children:
    children.append(os.fork())
forked = 0 in children
results = {said("child" if forked else "parent").name for _ in range(5)}
codes = [] if forked else [os.waitpid(child, 0)[1] for child in children]
os._exit(results != {"SUCCESS"} or any(codes))
"""


def test_parent_and_children_send_at_once(receiver: Receiver) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK, receiver.endpoint], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    names = Counter(
        ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[0].name
        for _, _, body in receiver.taken
    )
    assert names == {"parent": 1 + 5, "child": 3 * 5}


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("opentelemetry_traces_exporter", exporters.OTLPSpanExporter),
        ("opentelemetry_logs_exporter", exporters.OTLPLogExporter),
    ],
)
def test_the_sdk_finds_it_by_name(group: str, kind: type) -> None:
    (found,) = entry_points(group=group, name="imsobs_otlp_http")
    assert found.load() is kind


def _recorded(file: Path) -> list[ReadableSpan]:
    """Return the spans of a recording, as the SDK had them."""
    found = []
    for resource in json.loads(file.read_text())["traces"]["resourceSpans"]:
        of = Resource(otlp.plain(resource["resource"]["attributes"]))
        for scope in resource["scopeSpans"]:
            by = InstrumentationScope(scope["scope"]["name"], scope["scope"].get("version"))
            found += [_span_of(span, of, by) for span in scope["spans"]]
    return found


def _span_of(span: dict[str, Any], of: Resource, by: InstrumentationScope) -> ReadableSpan:
    def context(span_id: str) -> SpanContext:
        return SpanContext(int(span["traceId"], 16), int(span_id, 16), False, TraceFlags(1))

    status = span.get("status", {})
    return ReadableSpan(
        name=span["name"],
        context=context(span["spanId"]),
        parent=context(span["parentSpanId"]) if span.get("parentSpanId") else None,
        resource=of,
        attributes=otlp.plain(span.get("attributes", [])),
        events=[
            Event(e["name"], otlp.plain(e.get("attributes", [])), int(e["timeUnixNano"]))
            for e in span.get("events", [])
        ],
        kind=SpanKind(span["kind"] - 1),
        status=Status(StatusCode(status.get("code", 0)), status.get("message")),
        start_time=int(span["startTimeUnixNano"]),
        end_time=int(span["endTimeUnixNano"]),
        instrumentation_scope=by,
    )


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_recorded_traffic(file: Path, receiver: Receiver) -> None:
    batch = _recorded(file)
    assert batch
    assert exporters.OTLPSpanExporter(receiver.endpoint).export(batch) is SpanExportResult.SUCCESS
    # The body of a record may be any of these.
    said = [a_record(body=dict(s.attributes or {}), attributes=s.attributes) for s in batch]
    assert exporters.OTLPLogExporter(receiver.endpoint).export(said).name == "SUCCESS"
    expected = [encode_spans(batch), encode_logs(said)]
    assert [body for _, _, body in receiver.taken] == [e.SerializeToString() for e in expected]
