"""A round of requests: spans and log records as a service sends them, encoded.

Durations are fractions of two, so that sums do not depend on the order of addition.
"""

from __future__ import annotations

import os
import time
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.replay import Payload, payload

SPANS = RECORDS = 20
_SECOND = 1_000_000_000
_DURATIONS = (0.125, 0.25, 0.5)
_ROUTES = ("/v1/generate", "/v1/embeddings", "/v1/jobs")
_MODELS = (("openai", "gpt-4o"), ("anthropic", "claude-haiku-4"))


def requests(service: str = "ims-core", padding: int = 0) -> dict[str, Payload]:
    """Return signal -> the request that a sender sends in each round.

    padding: bytes of an attribute that each span carries besides, which no metric reads.
    """
    return {"traces": _spans(service, padding), "logs": _records(service)}


def _spans(service: str, padding: int) -> Payload:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _name(resource.resource, service)
    scopes = {"server": resource.scope_spans.add(), "client": resource.scope_spans.add()}
    scopes["client"].scope.name = "opentelemetry.instrumentation.genai.openai"
    now = time.time_ns()
    for number in range(SPANS):
        kind = "client" if number % 4 == 3 else "server"
        span = scopes[kind].spans.add(
            trace_id=os.urandom(16),
            span_id=(number + 1).to_bytes(8, "big"),
            start_time_unix_nano=now,
            end_time_unix_nano=now + int(_DURATIONS[number % 3] * _SECOND),
        )
        if kind == "server":
            span.kind = Span.SPAN_KIND_SERVER
            given: dict[str, Any] = {
                "http.request.method": "POST",
                "http.route": _ROUTES[number % 4],
                "http.response.status_code": 500 if number % 5 == 0 else 200,
            }
        else:
            span.kind = Span.SPAN_KIND_CLIENT
            vendor, model = _MODELS[number // 4 % 2]
            given = {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": vendor,
                "gen_ai.request.model": model,
                "gen_ai.usage.input_tokens": 128,
                "gen_ai.usage.output_tokens": 64,
            }
        if padding:
            given["padding"] = os.urandom(padding // 2).hex()
        _set(span, given)
    return payload(request, SPANS)


def _records(service: str) -> Payload:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    _name(resource.resource, service)
    scope = resource.scope_logs.add()
    events: tuple[dict[str, Any], ...] = (
        {"event": "policy_evaluated", "policy": "pii", "decision": "allow"},
        {"event": "action_executed", "action": "sql_query", "outcome": "success"},
        {"event": "action_executed", "action": "code_run", "outcome": "error"},
        {},
    )
    for number in range(RECORDS):
        record = scope.log_records.add(
            time_unix_nano=time.time_ns(), severity_number=9 + 4 * (number % 2)
        )
        record.body.string_value = f"record {number}"
        event = events[number % 4]
        if event:
            _set(record, {**event, "duration_seconds": _DURATIONS[number % 3]})
        else:
            # Counted where it is stored.
            _set(record, {"password": "hunter2"})
    return payload(request, RECORDS)


def _name(resource: Any, service: str) -> None:
    _set(resource, {"service.name": service, "deployment.environment.name": "production"})


def _set(item: Any, given: dict[str, Any]) -> None:
    for key, value in given.items():
        attribute = item.attributes.add(key=key)
        match value:
            case int():
                attribute.value.int_value = value
            case float():
                attribute.value.double_value = value
            case _:
                attribute.value.string_value = value
