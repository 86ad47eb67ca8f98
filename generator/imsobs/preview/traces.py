"""Traces that answer a panel's search, from Jaeger's query API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx

from imsobs.preview import values
from imsobs.preview.fetch import TIMEOUT_SECONDS
from imsobs.preview.interpolate import PanelQuery
from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.terminal import printable

COLUMNS = ("time", "root span", "duration", "spans", "trace id")
MOST = 20


def search(base: str, query: PanelQuery, end: float) -> list[tuple[str, ...]] | None:
    """Return a row (see COLUMNS) per trace, newest first; None when Jaeger does not answer.

    query.expr: the search as ``key=value`` words, ``service`` and ``minDuration`` of Jaeger's
    own, the rest tags.
    """
    words = dict(word.split("=", 1) for word in query.expr.split())
    arguments = {
        "service": words.pop("service", ""),
        "limit": str(MOST),
        "start": str(int((end - query.seconds) * 1e6)),
        "end": str(int(end * 1e6)),
    }
    if shortest := words.pop("minDuration", ""):
        arguments["minDuration"] = shortest
    if words:
        arguments["tags"] = json.dumps(words)
    try:
        with loopback_client(TIMEOUT_SECONDS) as client:
            answer = client.get(f"{base.rstrip('/')}/api/traces", params=arguments)
            answer.raise_for_status()
            found = json_of(answer)["data"] or []
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    traces = [trace for trace in found if trace.get("spans")]
    return [_row(trace) for trace in sorted(traces, key=_start, reverse=True)]


def _start(trace: dict[str, Any]) -> int:
    return min(int(span["startTime"]) for span in trace["spans"])


def _row(trace: dict[str, Any]) -> tuple[str, ...]:
    spans = trace["spans"]
    root = next((span for span in spans if not span["references"]), spans[0])
    start = _start(trace)
    end = max(span["startTime"] + span["duration"] for span in spans)
    moment = datetime.fromtimestamp(start / 1e6, UTC).strftime("%H:%M:%S")
    took = values.text((end - start) / 1e6, "s")
    name, identity = printable(str(root["operationName"])), printable(str(trace["traceID"]))
    return moment, name, took, str(len(spans)), identity
