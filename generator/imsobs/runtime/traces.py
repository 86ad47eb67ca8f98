"""A trace from Jaeger's API, as a tree of spans."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.loopback import json_of, loopback_client


@dataclass
class Span:
    """One span. start, duration: microseconds, start counted from the trace's first span."""

    span_id: str
    parent_id: str | None
    name: str
    service: str
    start: int
    duration: int
    error: bool
    tags: dict[str, str]
    events: list[tuple[int, str]]
    children: list[Span] = field(default_factory=list)


def parse_trace(data: dict[str, Any]) -> list[Span]:
    """Return the roots of one trace of Jaeger's JSON, children in order of their start.

    A span whose parent is not stored (sampled elsewhere, still on its way) is a root.
    """
    processes = data.get("processes", {})
    raw = data.get("spans", [])
    zero = min((span["startTime"] for span in raw), default=0)
    spans: dict[str, Span] = {}
    for item in sorted(raw, key=lambda span: span["startTime"]):
        tags = {tag["key"]: str(tag["value"]) for tag in item.get("tags", [])}
        parents = [
            ref["spanID"] for ref in item.get("references", []) if ref["refType"] == "CHILD_OF"
        ]
        spans[item["spanID"]] = Span(
            item["spanID"],
            parents[0] if parents else None,
            item["operationName"],
            processes.get(item.get("processID"), {}).get("serviceName", "?"),
            item["startTime"] - zero,
            item["duration"],
            tags.get("error") == "True" or tags.get("otel.status_code") == "ERROR",
            tags,
            [_event(log, zero) for log in item.get("logs", [])],
        )
    roots: list[Span] = []
    for span in spans.values():
        parent = spans.get(span.parent_id or "")
        (parent.children if parent is not None and parent is not span else roots).append(span)
    return roots


def _event(log: dict[str, Any], zero: int) -> tuple[int, str]:
    fields = {item["key"]: str(item["value"]) for item in log.get("fields", [])}
    name = fields.pop("event", "event")
    rest = ", ".join(f"{key}={value.splitlines()[0][:80] if value else ''}"
                     for key, value in fields.items() if key != "exception.stacktrace")  # fmt: skip
    return log["timestamp"] - zero, f"{name} {rest}".strip()


def fetch_trace(base: str, trace_id: str) -> dict[str, Any]:
    """Return one trace as Jaeger's API gives it (keys spans, processes).

    base: Jaeger's URL. trace_id: 1 to 32 hex digits. Raises ImsobsError: exit code 2 for
    a malformed id, 1 for an unknown trace, 3 when Jaeger does not answer.
    """
    wanted = trace_id.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", wanted):
        raise ImsobsError(
            f'"{trace_id}" is not a trace id',
            remedy="give 32 hex digits, as in the trace_id of a log record",
            exit_code=ExitCode.INPUT,
        )
    url = f"{base.rstrip('/')}/api/traces/{wanted.zfill(32)}"
    try:
        with loopback_client(10.0) as client:
            answer = client.get(url)
            found = json_of(answer).get("data") if answer.status_code in (200, 404) else None
    except (httpx.HTTPError, ValueError) as error:
        raise ImsobsError(
            f"Jaeger does not answer at {base} ({type(error).__name__})", remedy="imsobs status"
        ) from error
    if found:
        return dict(found[0])
    if answer.status_code not in (200, 404):
        raise ImsobsError(f"Jaeger answered HTTP {answer.status_code} to {url}")
    raise ImsobsError(
        f"Jaeger has no trace {wanted}",
        remedy="wait for the sampling decision (about 30 s); traces that are neither slow nor "
        "failed are kept at TRACE_SAMPLING_RATE only",
        exit_code=ExitCode.FINDINGS,
    )
