"""Senders whose totals are known: numbered requests, each a trace of four spans and three records.

The spans of a trace come in two exports over two connections, as those of two services do, so that
two processes of `derive` see a part each. A sender repeats an export until it is answered with 200,
on a new connection to whichever process takes it.
"""

from __future__ import annotations

import hashlib
import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SPANS, RECORDS = 4, 3
_PORT = 4318
# Requests of the service that one export tells of.
EXPORT = 10


def trace_id(number: int) -> bytes:
    """Return the trace id of a request."""
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def body(number: int, record: int) -> str:
    """Return the text of one of a request's records."""
    return f"record {record} of {number}"


@dataclass(frozen=True)
class Answer:
    """An export that was answered with 200: when (Unix s), by whom, and what it told of."""

    at: float
    by: str
    what: str


@dataclass
class Crowd:
    """Senders, until ``number`` requests are sent and answered. targets: addresses, in turn.

    pause: seconds between two rounds of a sender; 0 for a burst. export: how many requests an
    export tells of. Of what was cut off nobody knows whether it arrived; it was sent again.
    """

    targets: list[str]
    number: int
    pause: float = 0.0
    senders: int = 8
    first: int = 0
    export: int = EXPORT
    answers: list[Answer] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = itertools.count()
        rounds = range(self.first, self.first + self.number, self.export)
        self._threads = [
            threading.Thread(target=self._run, args=(rounds[n :: self.senders],), daemon=True)
            for n in range(self.senders)
        ]

    def start(self) -> Crowd:
        """Start sending."""
        for thread in self._threads:
            thread.start()
        return self

    def wait(self) -> Crowd:
        """Wait until all is answered."""
        for thread in self._threads:
            thread.join(300)
            if thread.is_alive():
                raise TimeoutError("a sender hangs")
        return self

    def _run(self, rounds: range) -> None:
        first, second = _Line(self), _Line(self)
        for number in rounds:
            numbers = range(number, min(number + self.export, self.first + self.number))
            first.deliver("traces", "requests", spans(numbers, half=0))
            second.deliver("traces", "calls", spans(numbers, half=1))
            first.deliver("logs", "records", records(numbers))
            time.sleep(self.pause)
        first.close()
        second.close()

    def target(self) -> str:
        """Return whom to turn to next."""
        return self.targets[next(self._turn) % len(self.targets)]

    def note(self, answer: Answer | None = None, cut: str = "") -> None:
        """Note how an export ended."""
        with self._lock:
            if answer:
                self.answers.append(answer)
            if cut:
                self.cut[cut] += 1

    def truth(self) -> Mapping[str, int]:
        """Return what must be counted."""
        n = self.number
        return {"requests": n, "calls": n, "records": n * RECORDS}

    def told(self, by: str, what: str, since: float) -> int:
        """Return how many of the requests a process was told of since then, by what it answered."""
        return self.export * sum(
            a.by == by and a.what == what and a.at > since for a in self.answers
        )

    def traces(self) -> Iterator[str]:
        """Yield the trace ids of all requests, as they are stored."""
        for number in range(self.first, self.first + self.number):
            yield trace_id(number).hex()

    def bodies(self) -> Iterator[str]:
        """Yield the bodies of all records."""
        for number in range(self.first, self.first + self.number):
            for record in range(RECORDS):
                yield body(number, record)


@dataclass
class _Line:
    """A connection to one process after another."""

    crowd: Crowd
    client: http.client.HTTPConnection | None = None
    at: str = ""

    def deliver(self, signal: str, what: str, content: bytes) -> None:
        while True:
            try:
                status = self._post(signal, content)
            except ConnectionRefusedError:
                self.close()  # Nobody was there: it cannot have arrived.
            except (OSError, http.client.HTTPException):
                self.close()
                self.crowd.note(cut=what)
            else:
                if status == 200:
                    self.crowd.note(Answer(time.time(), self.at, what))
                    return
            time.sleep(0.05)

    def close(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None

    def _post(self, signal: str, content: bytes) -> int:
        # The server closes a connection after an answer, or keeps it.
        if self.client is None or self.client.sock is None:
            self.close()
            self.at = self.crowd.target()
            self.client = http.client.HTTPConnection(self.at, _PORT, timeout=10)
        headers = {"content-type": "application/x-protobuf"}
        self.client.request("POST", f"/v1/{signal}", content, headers)
        answer = self.client.getresponse()
        answer.read()
        return answer.status


def spans(numbers: range, half: int) -> bytes:
    """Return the export of one half of the spans of some requests.

    The first half has the server's span, which ends last; the second that of a model call.
    """
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _name(resource.resource, f"process-{half}")
    scope = resource.scope_spans.add()
    if half:
        scope.scope.name = "opentelemetry.instrumentation.genai.openai"
    now = time.time_ns()
    for number in numbers:
        ids = {"trace_id": trace_id(number), "start_time_unix_nano": now}
        given = {
            "http.request.method": "POST",
            "http.route": "/v1/generate",
            "http.response.status_code": 200,
        }
        model = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
        }
        own = scope.spans.add(
            **ids, span_id=_span(4 if half else 1), end_time_unix_nano=now + 10**7
        )
        own.kind = Span.SPAN_KIND_CLIENT if half else Span.SPAN_KIND_SERVER
        if half:
            own.parent_span_id = _span(1)
        _set(own, model if half else given)
        inner = scope.spans.add(**ids, span_id=_span(2 + half), end_time_unix_nano=now + 10**6)
        inner.kind, inner.parent_span_id = Span.SPAN_KIND_INTERNAL, _span(1)
    return request.SerializeToString()


def records(numbers: range) -> bytes:
    """Return the export of the records of some requests."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    _name(resource.resource, "process-0")
    scope = resource.scope_logs.add()
    for number in numbers:
        for record in range(RECORDS):
            one = scope.log_records.add(time_unix_nano=time.time_ns(), severity_number=9)
            one.body.string_value = body(number, record)
    return request.SerializeToString()


def _span(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _name(resource: object, process: str) -> None:
    given = {"service.name": "ims-core", "deployment.environment.name": "production"}
    _set(resource, {**given, "service.instance.id": process})


def _set(item: object, given: Mapping[str, str | int]) -> None:
    for key, value in given.items():
        attribute = item.attributes.add(key=key)  # type: ignore[attr-defined]
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = value
