"""What comes in at the OTLP ports is garbage, too much, hostile, or not allowed."""

from __future__ import annotations

import gzip
import json
import os
import socket
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from faults.backend import Backend
from faults.conftest import Make, See, collectors, eventually, otlp_url, value
from faults.sender import body, logs, trace_id, traces
from golden.collector import ROOT, Collector, compiled
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from imsobs import artifacts
from imsobs.outputs.stack import ingest
from imsobs.pages import render
from imsobs.runtime.process.plan import load_plan

pytestmark = pytest.mark.faults

_MIB = 1024 * 1024
_LIMIT_MIB = 256
_JSON = {"content-type": "application/json"}
_PROTOBUF = {"content-type": "application/x-protobuf"}


class Watched:
    """A Collector and the most memory that it was seen to use, in MiB."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.url = otlp_url(collector)
        self.most = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._next = 1

    def _watch(self) -> None:
        assert self.collector.process is not None
        process = psutil.Process(self.collector.process.pid)
        while not self._end.wait(0.05):
            self.most = max(self.most, process.memory_info().rss / _MIB)

    def close(self) -> None:
        """Stop watching."""
        self._end.set()
        self._thread.join(timeout=10)

    def post(self, content: bytes, headers: dict[str, str], kind: str = "traces") -> int:
        """Return the status of an export; 0 when the connection was cut."""
        try:
            answer = httpx.post(
                f"{self.url}/v1/{kind}", content=content, headers=headers, timeout=60.0
            )
        except httpx.TransportError:
            return 0
        return answer.status_code

    def told(self) -> str:
        """Return the most memory seen so far, as a text."""
        return f"at most {self.most:.0f} MiB used"

    def serves(self) -> bool:
        """Return whether it still takes, counts and has its wits about it."""
        before = value(self.collector, "ims_log_records_total")
        self.collector.send("logs", logs(range(self._next, self._next + 1)))
        self._next += 1
        return value(self.collector, "ims_log_records_total") == before + 1


@pytest.fixture(scope="module")
def watched(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A Collector that may use 256 MiB; whatever a test does to it, the next one needs it."""
    folder = tmp_path_factory.mktemp("bad-input")
    with collectors(otelcol, folder) as make:
        env = {"GOMEMLIMIT": f"{_LIMIT_MIB * 8 // 10}MiB", "IMSOBS_JAEGER_ENDPOINT": "127.0.0.1:1"}
        overlay = {"collector": {"memory_limit_mib": _LIMIT_MIB}}
        seen = Watched(make(env, overlay).start())
        yield seen
        seen.close()
        assert seen.most < 2 * _LIMIT_MIB, seen.told()


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"\x00\xff" * 1000, _JSON),
        (json.dumps(traces(range(1, 100))).encode()[:-20], _JSON),
        (os.urandom(100_000), _PROTOBUF),
        (b"\xff" * 100_000, _PROTOBUF),
        (os.urandom(1000), {**_JSON, "content-encoding": "gzip"}),
        (b"x", {**_JSON, "content-encoding": "rot13"}),
        (b"x", {"content-type": "text/html"}),
    ],
    ids=["json", "cut-json", "protobuf", "varint", "gzip", "encoding", "type"],
)
def test_garbage_is_refused(watched: Watched, content: bytes, headers: dict[str, str]) -> None:
    for kind in ("traces", "logs", "metrics"):
        # Not 503 or 429, which a service would send again.
        assert watched.post(content, headers, kind) in (400, 415, 500)
    assert watched.serves()


def test_garbage_at_the_grpc_port_is_refused(watched: Watched) -> None:
    for content in (os.urandom(10_000), b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM"):
        with socket.create_connection(
            ("127.0.0.1", watched.collector.ports["otlp_grpc"]), timeout=5
        ) as line:
            line.sendall(content)
    assert watched.serves()


def test_a_payload_of_100_mb_is_refused(watched: Watched, see: See) -> None:
    for headers in (_JSON, _PROTOBUF):
        status = watched.post(b"[" * 100_000_000, headers)
        assert status in (0, 400, 413), status
    assert watched.serves()
    see(watched.told())


def test_a_decompression_bomb_is_refused(watched: Watched, see: See) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * _MIB
    bomb = b"".join(packer.compress(block) for _ in range(1024)) + packer.flush()
    assert len(bomb) < 2 * _MIB
    for kind in ("traces", "logs", "metrics"):
        begin = time.monotonic()
        status = watched.post(bomb, {**_JSON, "content-encoding": "gzip"}, kind)
        assert status in (0, 400, 413), status
        assert time.monotonic() - begin < 10
    # A bomb in a bomb is not unpacked twice.
    nested = gzip.compress(bomb)
    assert watched.post(nested, {**_JSON, "content-encoding": "gzip, gzip"}) >= 400
    assert watched.serves()
    see(watched.told())


def _deep(size: int) -> bytes:
    """Return an export request of about ``size`` bytes: lists in lists, as many as fit."""
    pieces, length = [], 3
    while length < size - 100:
        # ArrayValue.values, then AnyValue.array_value.
        for tag in (b"\x0a", b"\x2a"):
            pieces.append(tag + _varint(length))
            length += len(pieces[-1])
    nested = b"".join(reversed(pieces)) + b"\x0a\x01x"
    attribute = _field(1, b"deep") + _field(2, nested)
    span = _field(1, bytes(15) + b"\x01") + _field(2, bytes(7) + b"\x01") + _field(9, attribute)
    return _field(1, _field(2, _field(2, span)))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def test_values_nested_without_end_do_not_end_the_process(make_collector: Make, see: See) -> None:
    rendered = load_plan(ROOT).processes["otelcol"].env
    env = {name: rendered[name] for name in ("GOGC", "GOMEMLIMIT")}
    watched = Watched(make_collector({**env, "IMSOBS_JAEGER_ENDPOINT": "127.0.0.1:1"}).start())
    assert watched.post(_deep(15 * _MIB), _PROTOBUF) in (0, 400, 413)
    assert watched.post(_deep(4 * _MIB - 10_000), _PROTOBUF) in (200, 400)
    assert watched.serves()
    time.sleep(4)
    assert watched.serves()
    watched.close()
    # What its container has.
    assert watched.most < 768, watched.told()
    see(watched.told())


def _hostile() -> dict[str, Any]:
    """Return attributes that mean no good."""
    return {
        "http.request.method": "G" * 200_000,
        "http.route": "/x\x00\x1b[31m\n\"}'{{.}}${env:HOME}$(id)`id`\u202e\U0001f480",
        "http.response.status_code": "500'; DROP TABLE spans; --",
        "imsobs.source": "http_request",
        "redaction.masked.count": -1,
        "service.name": "x" * 70_000,
        "": "no name",
        "k" * 100_000: "long name",
        "list": [[1, "a", None], {"b": [True]}] * 50,
        "map": {"a": {"b": {"c": "d" * 1000}}},
        "number": -(2**63),
        "float": 1e308,
    }


def test_hostile_attributes_reach_no_label(watched: Watched) -> None:
    for first in range(1, 11):
        request = traces(range(first, first + 1), attributes=_hostile())
        watched.collector.send("traces", request)
        watched.collector.send("logs", logs(range(first, first + 1), attributes=_hostile()))
    text = watched.collector.scrape_text()
    for word in ("DROP TABLE", "{{.}}", "GGGG", "xxxx", "env:HOME"):
        assert word not in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("#")) < 1_000
    assert watched.serves()


def test_many_different_values_make_few_series(watched: Watched, see: See) -> None:
    before = len(watched.collector.scrape_text().splitlines())
    for first in range(1, 5_001, 500):
        spans = traces(range(first, first + 500))
        for number, span in enumerate(spans["resourceSpans"][0]["scopeSpans"][0]["spans"]):
            for attribute in span["attributes"]:
                attribute["value"] = {"stringValue": f"v{first + number}"}
        watched.collector.send("traces", spans)
    after = len(watched.collector.scrape_text().splitlines())
    # A handful of label sets, each with its histogram's lines.
    assert after - before < 500
    assert watched.serves()
    see(f"{after - before} more lines at the scrape endpoint for 5000 values of every attribute")


def test_a_flood_is_refused_at_the_memory_limit_and_forgotten(
    make_collector: Make, see: See
) -> None:
    # Every trace is held for its decision, and none is kept.
    env = {"GOMEMLIMIT": f"{_LIMIT_MIB * 8 // 10}MiB", "IMSOBS_JAEGER_ENDPOINT": "127.0.0.1:1"}
    waiting = {"sampling": {"rate": 0.0, "slow": "9s", "decision_wait": "10s"}}
    overlay = {"collector": {"memory_limit_mib": _LIMIT_MIB}, **waiting}
    watched = Watched(make_collector(env, overlay).start())
    padding = {"attributes": {f"text{n}": os.urandom(5_000).hex() for n in range(18)}}
    statuses: Counter[int] = Counter()
    for first in range(1, 4_001, 20):
        content = json.dumps(traces(range(first, first + 20), **padding)).encode()
        statuses[watched.post(content, _JSON)] += 1
        if statuses[503] >= 5:
            break
    assert set(statuses) == {200, 503}, f"{statuses}, {watched.told()}"

    def recovered() -> bool:
        try:
            return watched.serves()
        except httpx.HTTPStatusError:
            return False

    eventually(recovered, 60)
    watched.close()
    # The limiter looks once a second.
    assert watched.most < 2 * _LIMIT_MIB, watched.told()
    see(f"limit {_LIMIT_MIB} MiB, {watched.told()}")


def test_tokens(make_collector: Make, backend: Backend, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("the-right-one")
    collector = make_collector({**backend.environment(), "IMSOBS_OTLP_TOKEN_FILE": str(token)})
    ports = {"otelcol": {"ports": collector.ports}}
    model = compiled({"stack": {"ingest": {"auth": "bearer"}, **ports}}, collector.folder)
    collector.trace_file.write_bytes(render(ingest.plan(model))[artifacts.COLLECTOR_INGEST])
    collector.start()
    url = f"{otlp_url(collector)}/v1/logs"
    channel = grpc.insecure_channel(f"127.0.0.1:{collector.ports['otlp_grpc']}")

    def send(number: int, headers: dict[str, str]) -> int:
        request = logs(range(number, number + 1))
        return httpx.post(url, json=request, headers=headers, timeout=10).status_code

    def call(number: int, headers: dict[str, str]) -> grpc.StatusCode:
        request = ParseDict(logs(range(number, number + 1)), ExportLogsServiceRequest())
        export = channel.unary_unary(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            ExportLogsServiceRequest.SerializeToString,
        )
        try:
            return export.with_call(request, 10, tuple(headers.items()))[1].code()
        except grpc.RpcError as error:
            return error.code()

    wrong = ["", "Bearer", "Bearer wrong", "Basic dGhlLXJpZ2h0LW9uZQ==", "the-right-one"]
    wrong += ["Bearer the-right-one2", "Bearer the-right-on", "Bearer " + "x" * 100_000]
    for number, text in enumerate(wrong, 1):
        headers = {"authorization": text}
        assert send(number, headers) in (401, 403), text[:40]
        # A header of 100 KB is too long for gRPC itself.
        refused = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert call(number, headers) in refused, text[:40]
    assert send(90, {}) == 401
    assert call(90, {}) == grpc.StatusCode.UNAUTHENTICATED
    right = {"authorization": "Bearer the-right-one"}
    assert send(100, right) == 200
    assert call(101, right) == grpc.StatusCode.OK
    channel.close()
    eventually(lambda: {body(100), body(101)} <= set(backend.logs()))
    assert set(backend.logs()) == {body(100), body(101)}
    assert value(collector, "ims_log_records_total") == 2
    assert trace_id(1) not in backend.spans()
