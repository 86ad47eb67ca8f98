"""Traces by route, error and time, from Jaeger's API."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from imsobs.errors import ImsobsError
from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.runtime.traces import Span, parse_trace

_SECONDS = 20.0
_MORE = 10
"""Traces fetched per trace wanted: Jaeger cannot search for a route and an error elsewhere."""
_MOST = 1500


@dataclass(frozen=True)
class Failure:
    """A span that failed: the deepest say why. kind: error.type; message: of its exception."""

    service: str
    name: str
    kind: str
    message: str


@dataclass(frozen=True)
class Found:
    """One trace. start: RFC 3339. duration: seconds. route, status: of its request."""

    trace_id: str
    start: str
    duration: float
    service: str
    name: str
    route: str
    status: str
    spans: int
    failures: tuple[Failure, ...]


def search(
    base: str,
    *,
    error: bool,
    route: str | None,
    service: str | None,
    start: int,
    end: int,
    limit: int,
) -> list[dict[str, Any]]:
    """Return traces as Jaeger gives them, newest first.

    base: Jaeger's URL. error: only those with a span that failed. route: only those with a
    request of this template. service: only of this one. start, end: nanoseconds since the
    epoch. Raises ImsobsError when Jaeger does not answer.
    """
    services = [service] if service else _services(base)
    found: dict[str, dict[str, Any]] = {}
    for name in services:
        for tags in _tags(error, route):
            params = {
                "service": name,
                "start": str(start // 1000),
                "end": str(end // 1000),
                "limit": str(min(limit * (_MORE if error and route else 1), _MOST)),
                **({"tags": json.dumps(tags)} if tags else {}),
            }
            for trace in _ask(base, "traces", params):
                if _fits(trace, error, route):
                    found[trace["traceID"]] = trace
    newest = sorted(found.values(), key=_start, reverse=True)
    return newest[:limit]


def _tags(error: bool, route: str | None) -> Iterable[dict[str, str]]:
    """Yield what is asked for. An error may be on another span than the route."""
    if error and route:
        yield {"error": "true", "http.route": route}
        yield {"http.route": route}
    elif error:
        yield {"error": "true"}
    elif route:
        yield {"http.route": route}
    else:
        yield {}


def _services(base: str) -> list[str]:
    return sorted(str(name) for name in _ask(base, "services", {}))


def _ask(base: str, path: str, params: dict[str, str]) -> list[Any]:
    try:
        with loopback_client(_SECONDS) as client:
            answer = client.get(f"{base.rstrip('/')}/api/{path}", params=params)
            if answer.is_success:
                return list(json_of(answer).get("data") or [])
            said = " ".join(answer.text.split())[:200]
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        raise ImsobsError(
            f"Jaeger does not answer at {base} ({type(error).__name__})", remedy="imsobs status"
        ) from error
    raise ImsobsError(f"Jaeger answered HTTP {answer.status_code}: {said}")


def _start(trace: dict[str, Any]) -> int:
    return min((int(span["startTime"]) for span in trace.get("spans", [])), default=0)


def _fits(trace: dict[str, Any], error: bool, route: str | None) -> bool:
    spans = _flat(parse_trace(trace))
    return (not error or any(span.error for span in spans)) and (
        route is None or any(span.tags.get("http.route") == route for span in spans)
    )


def _flat(roots: Iterable[Span]) -> list[Span]:
    todo, found = list(roots), []
    while todo:
        span = todo.pop(0)
        found.append(span)
        todo += span.children
    return found


def summary(trace: dict[str, Any]) -> Found:
    """Return what a line says of a trace."""
    spans = _flat(parse_trace(trace))
    root = spans[0]
    request = next((span for span in spans if "http.route" in span.tags), root)
    when = datetime.datetime.fromtimestamp(_start(trace) / 1e6, datetime.UTC)
    end = max(span.start + span.duration for span in spans)
    return Found(
        trace["traceID"],
        when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z",
        end / 1e6,
        root.service,
        root.name,
        request.tags.get("http.route", ""),
        request.tags.get("http.response.status_code", ""),
        len(spans),
        tuple(
            Failure(span.service, span.name, span.tags.get("error.type", ""), _message(span))
            for span in reversed(spans)
            if span.error
        ),
    )


def _message(span: Span) -> str:
    for _, text in span.events:
        if text.startswith("exception"):
            return text.partition("exception.message=")[2].partition(", exception.")[0]
    return span.tags.get("otel.status_description", "")
