"""What reached the stores: the trace backend's file and the log store's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from golden import otlp
from golden.collector import Collector

# So many fit into a request of four megabytes.
_BATCH = 1000


def records(collector: Collector) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the attributes of every stored span and log record, and all that is stored of it.

    The text is the JSON of the record and of its resource and scope.
    """
    for file, outer, inner, entries in (
        (collector.stored_traces, "resourceSpans", "scopeSpans", "spans"),
        (collector.stored_logs, "resourceLogs", "scopeLogs", "logRecords"),
    ):
        for group in (
            group
            for line in whole_lines(file).split("\n")[:-1]
            for group in json.loads(line)[outer]
        ):
            around = json.dumps(group["resource"])
            for scope in group[inner]:
                for entry in scope[entries]:
                    text = around + json.dumps(scope.get("scope")) + json.dumps(entry)
                    yield otlp.plain(entry.get("attributes", [])), text


def trace_ids(collector: Collector) -> list[str]:
    """Return the trace id of every stored span."""
    texts = (text for _, text in records(collector) if '"traceId": "' in text)
    return [text.split('"traceId": "')[1][:32] for text in texts]


def send(collector: Collector, service: str, entries: list[tuple[str, dict[str, Any]]]) -> None:
    """Send spans and log records, and wait until every one of them is stored."""
    mark = f"sent-{service}"
    marked: dict[str, list[dict[str, Any]]] = {"spans": [], "logs": []}
    for where, entry in entries:
        attributes = {**entry.get("attributes", {}), "mark": mark}
        marked[where].append({**entry, "attributes": attributes})
    for at in range(0, len(marked["spans"]), _BATCH):
        collector.send("traces", otlp.traces(service, marked["spans"][at : at + _BATCH]))
    for at in range(0, len(marked["logs"]), _BATCH):
        collector.send("logs", otlp.logs(service, marked["logs"][at : at + _BATCH]))
    files = {"spans": collector.stored_traces, "logs": collector.stored_logs}
    deadline = time.monotonic() + 30
    for where, file in files.items():
        while marked[where] and whole_lines(file).count(f'"{mark}"') < len(marked[where]):
            assert time.monotonic() < deadline, f"{where} were not stored"
            time.sleep(0.1)


def whole_lines(file: Path) -> str:
    """Return the whole lines of a store; the last one may be half written."""
    text = file.read_text() if file.exists() else ""
    return text[: text.rfind("\n") + 1]


def wait_until(
    done: Callable[[], bool], message: str, seconds: float = 30.0, quiet: bool = False
) -> None:
    """Wait until something is so; fail with the message, or (quiet) go on, when it never is."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            assert quiet, message
            return
        time.sleep(0.1)
