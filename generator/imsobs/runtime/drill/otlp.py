"""Telemetry for the drill: OTLP/HTTP with JSON bodies, made by hand, so that no SDK decides."""

from __future__ import annotations

import secrets
import time
from typing import Any

from imsobs.dialects import dialects
from imsobs.spec.schema.drills import RISING, Send
from imsobs.spec.schema.root import Spec

_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_SEVERITIES = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}
_ERROR = 2


def body(
    send: Send, service: str, spec: Spec, step: int, environment: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the path (as ``/v1/traces``) and the body of one request.

    step: how many requests of this kind went before, for values that rise. environment: the
    first of the spec when left out.
    """
    told = environment or spec.service.environments[0]
    resource = {
        "attributes": attributes({"service.name": service, "deployment.environment.name": told})
    }
    values = {
        key: 200 + 50 * step if value == RISING else value for key, value in send.attributes.items()
    }
    if send.span is not None:
        return "/v1/traces", {
            "resourceSpans": [{"resource": resource, **_spans(send, values, spec)}]
        }
    if send.metric is not None:
        point = _point(send, values, spec)
        return "/v1/metrics", {"resourceMetrics": [{"resource": resource, **point}]}
    return "/v1/logs", {"resourceLogs": [{"resource": resource, **_records(send, values, spec)}]}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return attributes in OTLP's JSON."""
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
    return {"stringValue": str(value)}


def _spans(send: Send, values: dict[str, Any], spec: Spec) -> dict[str, Any]:
    source = spec.sources[send.span or ""]
    kind = source.kind or dialects()[source.dialects[0]].kinds[0]
    end = time.time_ns()
    start = end - int(send.seconds * 1e9)
    failed = "error.type" in values or int(values.get("http.response.status_code", 0)) >= 500
    spans = [
        {
            "traceId": secrets.token_hex(16),
            "spanId": secrets.token_hex(8),
            "name": "drill",
            "kind": _KINDS[kind],
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(end),
            "attributes": attributes(values),
            "status": {"code": _ERROR} if failed else {},
        }
        for _ in range(send.count)
    ]
    scopes = source.scopes
    if source.dialects:
        scopes = dialects()[source.dialects[0]].scopes
    scope = (scopes or ["drill"])[0].replace("*", "drill")
    return {"scopeSpans": [{"scope": {"name": scope}, "spans": spans}]}


def _records(send: Send, values: dict[str, Any], spec: Spec) -> dict[str, Any]:
    level = "ERROR" if send.event is None else spec.events[send.event].level
    event = {} if send.event is None else {"event": send.event}
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityNumber": _SEVERITIES[level],
        "severityText": level,
        "body": {"stringValue": send.body or "fire drill"},
        "attributes": attributes({**event, **values}),
    }
    return {"scopeLogs": [{"scope": {"name": "drill"}, "logRecords": [record] * send.count}]}


def _point(send: Send, values: dict[str, Any], spec: Spec) -> dict[str, Any]:
    point = {
        "timeUnixNano": str(time.time_ns()),
        "asDouble": send.value,
        "attributes": attributes(values),
    }
    name = spec.metrics[send.metric or ""].sdk
    metric = {"name": name, "gauge": {"dataPoints": [point]}}
    return {"scopeMetrics": [{"scope": {"name": "drill"}, "metrics": [metric]}]}
