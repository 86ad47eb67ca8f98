"""Sends recorded telemetry again, as fast as it is taken, with trace ids never seen before."""

from __future__ import annotations

import http.client
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# What the service's own exporter puts into one request.
BATCH = 512
# Bytes of a trace id.
_ID = 16
_HEADERS = {"content-type": "application/x-protobuf"}


@dataclass
class Payload:
    """An encoded export request. ids: trace id -> where it stands in the body."""

    body: bytearray
    items: int
    ids: dict[bytes, list[int]]

    def renew(self) -> None:
        """Give every trace an id of its own, so that the sampler decides anew."""
        for places in self.ids.values():
            # All of it: the sampler remembers its decisions by a part of the id.
            fresh = os.urandom(_ID)
            for place in places:
                self.body[place : place + _ID] = fresh


def payload(request: Any, items: int) -> Payload:
    """Return an export request, encoded, with the places of its trace ids."""
    body = request.SerializeToString()
    # Field 1 of a span and field 9 of a log record, 16 bytes each.
    known: dict[bytes, list[int]] = {}
    for wanted in set(_trace_ids(request)):
        places = [found.start() for found in re.finditer(re.escape(wanted), body)]
        known[wanted] = places
    return Payload(bytearray(body), items, known)


def _trace_ids(request: Any) -> Iterator[bytes]:
    for resource in getattr(request, "resource_spans", None) or request.resource_logs:
        for scope in getattr(resource, "scope_spans", None) or resource.scope_logs:
            for item in getattr(scope, "spans", None) or scope.log_records:
                if item.trace_id:
                    yield bytes(item.trace_id)


def trace_payloads(
    recorded: ExportTraceServiceRequest, change: Callable[[Any, int], None] | None = None
) -> list[Payload]:
    """Cut recorded traces into requests of ``BATCH`` spans.

    change: called with every span and its number, to alter it.
    """
    rows = [
        (resource.resource, scope.scope, span)
        for resource in recorded.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    found = []
    for start in range(0, len(rows), BATCH):
        request = ExportTraceServiceRequest()
        part = rows[start : start + BATCH]
        into = request.resource_spans.add()
        into.resource.CopyFrom(part[0][0])
        # Like the exporter: one resource, its spans by scope.
        for scope in dict.fromkeys(row[1].name for row in part):
            group = into.scope_spans.add()
            group.scope.CopyFrom(next(row[1] for row in part if row[1].name == scope))
            group.spans.extend(row[2] for row in part if row[1].name == scope)
        if change is not None:
            spans = [span for group in into.scope_spans for span in group.spans]
            for number, span in enumerate(spans, start):
                change(span, number)
        found.append(payload(request, len(part)))
    return found


def log_payloads(recorded: ExportLogsServiceRequest) -> list[Payload]:
    """Cut recorded log records into requests of ``BATCH`` records."""
    rows = [
        (resource.resource, scope.scope, record)
        for resource in recorded.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    found = []
    for start in range(0, len(rows), BATCH):
        request = ExportLogsServiceRequest()
        part = rows[start : start + BATCH]
        into = request.resource_logs.add()
        into.resource.CopyFrom(part[0][0])
        for scope in dict.fromkeys(row[1].name for row in part):
            group = into.scope_logs.add()
            group.scope.CopyFrom(next(row[1] for row in part if row[1].name == scope))
            group.log_records.extend(row[2] for row in part if row[1].name == scope)
        found.append(payload(request, len(part)))
    return found


@dataclass(frozen=True)
class Sent:
    """How much was accepted, how often a request was refused, and the time it took."""

    items: int
    refused: int
    seconds: float


def send(
    port: int,
    signal: str,
    payloads: Sequence[Payload],
    items: int,
    connections: int = 2,
    host: str = "127.0.0.1",
) -> Sent:
    """Send at least ``items`` items over a few connections, each waiting for its answers."""
    lock = threading.Lock()
    state = {"sent": 0, "refused": 0, "next": 0}

    def work() -> None:
        client = http.client.HTTPConnection(host, port, timeout=60)
        mine: dict[int, Payload] = {}
        while True:
            with lock:
                if state["sent"] >= items:
                    break
                number = state["next"] % len(payloads)
                state["next"] += 1
                state["sent"] += payloads[number].items
            if number not in mine:
                shared = payloads[number]
                mine[number] = Payload(bytearray(shared.body), shared.items, shared.ids)
            payload = mine[number]
            payload.renew()
            client.request("POST", f"/v1/{signal}", bytes(payload.body), _HEADERS)
            answer = client.getresponse()
            answer.read()
            if answer.status != 200:
                with lock:
                    state["refused"] += 1
                    state["sent"] -= payload.items
                time.sleep(0.05)
        client.close()

    started = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Sent(state["sent"], state["refused"], time.monotonic() - started)
