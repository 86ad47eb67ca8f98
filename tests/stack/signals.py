"""One request's telemetry, as OTLP/HTTP JSON."""

from __future__ import annotations

import secrets
import time
from typing import Any

SERVICE = "ims-core"


def _attributes(values: dict[str, str | int]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int)
         else {"stringValue": value}}
        for key, value in values.items()
    ]  # fmt: skip


def _resource() -> dict[str, Any]:
    names = {"service.name": SERVICE, "deployment.environment.name": "development"}
    return {"attributes": _attributes(names)}


def new_trace_id() -> str:
    """Return 32 hex digits."""
    return secrets.token_hex(16)


def failed_request(trace_id: str) -> dict[str, Any]:
    """Return a trace of one server span with an error, which sampling always keeps."""
    now = time.time_ns()
    span = {
        "traceId": trace_id,
        "spanId": secrets.token_hex(8),
        "name": "POST /v1/generate",
        "kind": 2,
        "startTimeUnixNano": str(now - 5_000_000),
        "endTimeUnixNano": str(now),
        "status": {"code": 2},
        "attributes": _attributes(
            {
                "http.request.method": "POST",
                "http.route": "/v1/generate",
                "http.response.status_code": 500,
            }
        ),
    }
    scope = {"scope": {"name": "opentelemetry.instrumentation.fastapi"}, "spans": [span]}
    return {"resourceSpans": [{"resource": _resource(), "scopeSpans": [scope]}]}


def log_record(trace_id: str, text: str) -> dict[str, Any]:
    """Return one log record of the trace."""
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": {"stringValue": text},
        "traceId": trace_id,
        "spanId": secrets.token_hex(8),
        "attributes": _attributes({"event": "job_finished", "queue": "default"}),
    }
    scope = {"scope": {"name": "gateway.router"}, "logRecords": [record]}
    return {"resourceLogs": [{"resource": _resource(), "scopeLogs": [scope]}]}
