"""Log records by trace, level or event: one shape, whether Loki holds them or the file does."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LEVELS = {"debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}
"""Level -> the smallest severity number that it has (OpenTelemetry's data model of logs)."""
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    trace: 32 hex digits. level: one of LEVELS; more severe records are found as well. event: its
    name. start, end: nanoseconds since the epoch. limit: the newest so many.
    """

    start: int
    end: int
    limit: int
    trace: str | None = None
    level: str | None = None
    event: str | None = None

    def logql(self) -> str:
        """Return the query for Loki."""
        parts = ['{service_name=~".+"}']
        if self.trace is not None:
            parts.append(f'trace_id="{self.trace}"')
        if self.event is not None:
            parts.append(f'event="{self.event}"')
        if self.level is not None:
            parts.append(f"severity_number >= {LEVELS[self.level]}")
        return " | ".join(parts)

    def fits(self, record: Record) -> bool:
        """Return whether a record is one of those."""
        return (
            self.start <= record.nanoseconds <= self.end
            and self.trace in (None, record.trace_id)
            and self.event in (None, record.event)
            and (self.level is None or record.severity_number >= LEVELS[self.level])
        )

    def newest(self, records: Iterable[Record]) -> list[Record]:
        """Return those that fit, the newest ``limit`` of them, oldest first."""
        found = sorted((r for r in records if self.fits(r)), key=lambda r: r.nanoseconds)
        return found[-self.limit :]


@dataclass(frozen=True)
class Record:
    """One log record. nanoseconds: since the epoch. fields: the rest, named as in Loki."""

    nanoseconds: int
    severity: str
    severity_number: int
    service: str
    environment: str
    event: str | None
    trace_id: str | None
    span_id: str | None
    body: str
    fields: dict[str, str]

    @property
    def time(self) -> str:
        """Return the time as ``2026-11-26T13:00:00.123Z``."""
        when = datetime.datetime.fromtimestamp(self.nanoseconds / 1e9, datetime.UTC)
        return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def is_trace_id(text: str) -> bool:
    """Return whether a text is a whole trace id."""
    return _TRACE_ID.fullmatch(text) is not None


def _record(nanoseconds: int, body: str, fields: dict[str, str]) -> Record:
    known = {key.replace(".", "_"): value for key, value in fields.items()}

    def take(name: str) -> str | None:
        return known.pop(name, None) or None

    number = take("severity_number") or "0"
    take("detected_level")
    take("observed_timestamp")
    return Record(
        nanoseconds,
        take("severity_text") or "UNSET",
        int(number) if number.isdigit() else 0,
        take("service_name") or "?",
        take("deployment_environment_name") or "?",
        take("event"),
        take("trace_id"),
        take("span_id"),
        body,
        dict(sorted(known.items())),
    )


def from_loki(answer: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the records of an answer of Loki's query_range."""
    for stream in answer["data"]["result"]:
        for when, line, *parts in stream["values"]:
            more = parts[0].get("structuredMetadata", {}) if parts else {}
            yield _record(int(when), line, {**stream["stream"], **more})


def from_lines(lines: Iterable[str]) -> Iterator[Record]:
    """Yield the records of the Collector's file: one OTLP request as JSON per line.

    A line that is not whole (the last, or where the file was rotated) is passed over.
    """
    for line in lines:
        try:
            data = json.loads(line)
            yield from _of_request(data)
        except (ValueError, TypeError, AttributeError, RecursionError):
            continue


def _of_request(data: Mapping[str, Any]) -> Iterator[Record]:
    for resource in data.get("resourceLogs", []):
        about = _attributes(resource.get("resource", {}))
        for scope in resource.get("scopeLogs", []):
            name = scope.get("scope", {}).get("name", "")
            for item in scope.get("logRecords", []):
                fields = {
                    **about,
                    **({"scope_name": name} if name else {}),
                    **_attributes(item),
                    "severity_text": str(item.get("severityText", "")),
                    "severity_number": str(item.get("severityNumber", 0)),
                    "trace_id": str(item.get("traceId", "")),
                    "span_id": str(item.get("spanId", "")),
                }
                when = int(item.get("timeUnixNano") or item.get("observedTimeUnixNano") or 0)
                yield _record(when, _value(item.get("body", {})), fields)


def _attributes(item: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(one["key"]): _value(one.get("value", {})) for one in item.get("attributes", [])
    }  # fmt: skip


def _value(value: Mapping[str, Any]) -> str:
    for kind, inner in value.items():
        if kind in ("arrayValue", "kvlistValue"):
            return json.dumps(inner)
        return ("true" if inner else "false") if isinstance(inner, bool) else str(inner)
    return ""
