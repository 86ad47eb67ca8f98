"""A recording without what differs from machine to machine: addresses, times, ids, paths."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Json = dict[str, Any]
PLACE = "127.0.0.1"
_PORT = 8090
_ADDRESS = re.compile(rf"{PLACE}:\d+")
# Monday, 2026-11-02 00:00 UTC, in nanoseconds: when every recording begins.
_BEGIN = 1_793_577_600_000_000_000
# Spans of these scopes are no calls of a model, and there are many.
_LEFT_OUT = re.compile(r"(^|\.)(httpx2?|requests|urllib3?|aiohttp_client|fastapi|asgi)$")
_LONGEST = 300
# Numbers of the vendor in a text, which stay whole.
_WHOLE = re.compile(r"usage_(object|details)$")
# What the stub vendors answer, and what the scenario asks: where these words are, prompts are.
_CONTENT = re.compile(r"hello \[stub|word word")


def tidy(request: ExportTraceServiceRequest) -> tuple[Json, list[str]]:
    """Return the request as OTLP/JSON of one resource, and the keys that carried contents.

    Contents are cut to their beginning: only that they are there matters.
    """
    given = MessageToDict(request, use_integers_for_enums=True)
    scopes: dict[str, list[Json]] = {}
    for resource in given.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            name = scope.get("scope", {}).get("name", "")
            if not _LEFT_OUT.search(name):
                scopes.setdefault(name, []).extend(scope["spans"])
    everything = [span for found in scopes.values() for span in found]
    begin = min(int(span["startTimeUnixNano"]) for span in everything)
    ids: dict[str, str] = {}
    prompts: set[str] = set()
    tidied = {
        name: [_span(span, _BEGIN - begin, ids, prompts) for span in found]
        for name, found in scopes.items()
    }
    service = {"key": "service.name", "value": {"stringValue": "recorded"}}
    traces = {
        "resourceSpans": [
            {
                "resource": {"attributes": [service]},
                "scopeSpans": [
                    {"scope": {"name": name}, "spans": found} for name, found in tidied.items()
                ],
            }
        ]
    }
    return traces, sorted(prompts)


def _span(span: Json, shift: int, ids: dict[str, str], prompts: set[str]) -> Json:
    kept: Json = {
        key: _id(span[key], key, ids)
        for key in ("traceId", "spanId", "parentSpanId")
        if span.get(key)
    }
    kept |= {"name": span["name"], "kind": span.get("kind", 0)}
    for key in ("startTimeUnixNano", "endTimeUnixNano"):
        kept[key] = str(int(span[key]) + shift)
    kept["status"] = span.get("status", {})
    kept["attributes"] = _attributes(span, prompts)
    events = []
    for event in span.get("events", []):
        at = str(int(event["timeUnixNano"]) + shift)
        attributes = _attributes(event, prompts)
        events.append({"timeUnixNano": at, "name": event["name"], "attributes": attributes})
    return kept | ({"events": events} if events else {})


def _id(text: str, key: str, ids: dict[str, str]) -> str:
    """Return the n-th id for the n-th that is met, as wide as OTLP wants it."""
    known = ids.setdefault(text, str(len(ids) + 1))
    return f"{int(known):0{32 if key == 'traceId' else 16}x}"


def _attributes(holder: Json, prompts: set[str]) -> list[Json]:
    found = []
    for item in holder.get("attributes", []):
        key, value = item["key"], item.get("value", {})
        if key.endswith(("stacktrace", "stack_trace")):
            continue
        if key.endswith(".port"):
            value = {"intValue": str(_PORT)}
        text = value.get("stringValue")
        if text is not None:
            text = _ADDRESS.sub(f"{PLACE}:{_PORT}", text)
            if _CONTENT.search(text):
                prompts.add(re.sub(r"\.\d+", ".N", key))
            value = {"stringValue": text if _WHOLE.search(key) else text[:_LONGEST]}
        found.append({"key": key, "value": value})
    return found
