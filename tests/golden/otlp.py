"""OTLP/JSON built from short descriptions, as the cases write them."""

from __future__ import annotations

import itertools
import math
import time
from typing import Any

KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUS = {"unset": 0, "ok": 1, "error": 2}
_ids = itertools.count(1)

Json = dict[str, Any]


def value(given: Any) -> Json:
    """Return an OTLP AnyValue; bool before int, since Python's bool is an int."""
    match given:
        case bool():
            return {"boolValue": given}
        case int():
            return {"intValue": str(given)}
        case float():
            return {"doubleValue": number(given)}
        case list():
            return {"arrayValue": {"values": [value(item) for item in given]}}
        case dict():
            return {"kvlistValue": {"values": attributes(given)}}
    return {"stringValue": str(given)}


def number(given: float) -> float | str:
    """Return a double as OTLP/JSON writes it; JSON itself has no infinity and no NaN."""
    if math.isnan(given):
        return "NaN"
    return given if math.isfinite(given) else ("Infinity" if given > 0 else "-Infinity")


def attributes(given: dict[str, Any] | None) -> list[Json]:
    """Return an OTLP attribute list."""
    return [{"key": key, "value": value(item)} for key, item in (given or {}).items()]


def plain(given: list[Json]) -> Json:
    """Return an OTLP attribute list as a mapping; the inverse of ``attributes``."""
    return {item["key"]: _plain_value(item["value"]) for item in given}


def _plain_value(given: Json) -> Any:
    match given:
        case {"intValue": number}:
            return int(number)
        case {"arrayValue": inner}:
            return [_plain_value(item) for item in inner.get("values", [])]
        case {"kvlistValue": inner}:
            return plain(inner.get("values", []))
    return next(iter(given.values()), "")


def resource(service: str, extra: dict[str, Any] | None = None) -> Json:
    """Return the resource of a service; ``extra`` overrides, adds and (None) removes."""
    base = {"service.name": service, "deployment.environment.name": "development", **(extra or {})}
    return {"attributes": attributes({k: v for k, v in base.items() if v is not None})}


def span(given: Json, serial: int) -> Json:
    """Return one span.

    given: kind, name, attributes, status, tracestate, duration (s), at (Unix s), events (at the
    end of the span, or so many seconds ``after`` its start), and the numbers of itself (span) and
    its parent.
    """
    start = int(float(given.get("at", time.time())) * 1e9)
    end = start + round(float(given.get("duration", 0.01)) * 1e9)
    result: Json = {
        "traceId": given.get("trace", f"{serial:032x}"),
        "spanId": f"{given.get('span', serial):016x}",
        "traceState": given.get("tracestate", ""),
        "name": given.get("name", "span"),
        "kind": KINDS[given.get("kind", "internal")],
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": attributes(given.get("attributes")),
        "events": [
            {
                "timeUnixNano": str(start + round(e["after"] * 1e9) if "after" in e else end),
                "name": e["name"],
                "attributes": attributes(e.get("attributes")),
            }
            for e in given.get("events", [])
        ],
        "status": {
            "code": STATUS[given.get("status", "unset")],
            "message": given.get("message", ""),
        },
    }
    if "parent" in given:
        result["parentSpanId"] = f"{given['parent']:016x}"
    return result


def traces(service: str, spans: list[Json]) -> Json:
    """Return an export request as an SDK sends it: a resource once, with the scopes below it.

    ``count: N`` repeats a span.
    """
    found: dict[str, tuple[Json | None, dict[str, list[Json]]]] = {}
    for given in spans:
        extra = given.get("resource")
        scopes = found.setdefault(repr(extra), (extra, {}))[1]
        built = [span(given, next(_ids)) for _ in range(given.get("count", 1))]
        scopes.setdefault(given.get("scope", "test"), []).extend(built)
    return {
        "resourceSpans": [
            {
                "resource": resource(service, extra),
                "scopeSpans": [
                    {"scope": {"name": scope}, "spans": built} for scope, built in scopes.items()
                ],
            }
            for extra, scopes in found.values()
        ]
    }


def logs(service: str, records: list[Json]) -> Json:
    """Return an export request of log records: body, severity (number), attributes, at.

    resource: extra resource attributes; ``count: N`` repeats a record.
    """
    resources = []
    for extra, group in itertools.groupby(records, key=lambda given: given.get("resource")):
        built = [record for given in group for record in log_records(given)]
        resources.append(
            {
                "resource": resource(service, extra),
                "scopeLogs": [{"scope": {}, "logRecords": built}],
            }
        )
    return {"resourceLogs": resources}


def log_records(given: Json) -> list[Json]:
    """Return the records of one description."""
    now = str(int(float(given.get("at", time.time())) * 1e9))
    record = {
        "timeUnixNano": now,
        "observedTimeUnixNano": now,
        "severityNumber": given.get("severity", 9),
        "body": value(given.get("body", "text")),
        "attributes": attributes(given.get("attributes")),
    }
    if "trace" in given:
        record["traceId"] = given["trace"]
    if "event_name" in given:
        record["eventName"] = given["event_name"]
    return [record] * given.get("count", 1)


def metrics(service: str, given: list[Json]) -> Json:
    """Return an export request of SDK metrics: sum, gauge or histogram with points.

    delta: what was counted since the last export, instead of since the start.
    """
    now, start = str(int(time.time() * 1e9)), str(int((time.time() - 60) * 1e9))
    built = []
    for metric in given:
        points = []
        for point in metric["points"]:
            data: Json = {
                "attributes": attributes(point.get("attributes")),
                "timeUnixNano": now,
                "startTimeUnixNano": start,
            }
            if metric["type"] == "histogram":
                data |= {
                    "count": str(sum(point["counts"])),
                    "sum": number(point["sum"]),
                    "explicitBounds": point["bounds"],
                    "bucketCounts": [str(count) for count in point["counts"]],
                }
            else:
                found = point["value"]
                whole = isinstance(found, int)
                data |= {"asInt": str(found)} if whole else {"asDouble": number(found)}
            points.append(data)
        body: Json = {"dataPoints": points}
        if metric["type"] != "gauge":
            body["aggregationTemporality"] = 1 if metric.get("delta") else 2
        if metric["type"] == "sum":
            body["isMonotonic"] = metric.get("monotonic", True)
        built.append({"name": metric["name"], "unit": metric.get("unit", ""), metric["type"]: body})
    extra = {"service.instance.id": "instance-1"}
    return {
        "resourceMetrics": [
            {
                "resource": resource(service, extra),
                "scopeMetrics": [{"scope": {}, "metrics": built}],
            }
        ]
    }
