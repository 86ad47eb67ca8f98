"""Plan of stack/promtail.yaml: the service's JSON log file to Loki.

The same labels, fields and masks as the OTLP route. No ``$`` is expanded in this file
(Promtail's -config.expand-env would rewrite the backslashes of the patterns): in containers
Promtail shares Loki's network namespace, so that loopback is right there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator import conventions
from generator.model import Model
from generator.outputs.collector.store import MASK, value_patterns
from generator.render import Page, YamlPage

# Key of the service's JSON line -> field in Loki, as the OTLP route names it.
_STANDARD = {
    "level": "severity_text",
    "logger": "scope_name",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "exc_info": "exception_stacktrace",
}
# Type and message stand in the last line of a Python stack trace.
_EXCEPTION = (
    r"(?:^|\n)(?:[A-Za-z_][\w.]*\.)?(?P<exception_type>[A-Za-z_]\w*)"
    r"(?:: (?P<exception_message>[^\n]*))?$"
)
# Texts that a person or a vendor wrote; the other fields are numbers and closed sets.
_FREE_TEXTS = ("message", "exc_info")
# Loki refuses a record whose structured metadata outgrows its limit.
_CAPPED = "{{ if .Value }}{{ trunc 32768 .Value }}{{ end }}"


def plan(model: Model) -> Iterator[Page]:
    """Yield promtail.yaml."""
    yield YamlPage("stack/promtail.yaml", sections(model), "stack/promtail.yaml.j2")


def sections(model: Model) -> dict[str, Any]:
    """Return the sections of promtail.yaml."""
    stack = model.spec.stack
    labels = {conventions.SERVICE_NAME: model.spec.service.names[0]}
    return {
        "server": {
            "http_listen_address": "127.0.0.1",
            "http_listen_port": stack.promtail.ports.http,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": 0,
            "log_level": "warn",
        },
        "clients": [{"url": f"http://127.0.0.1:{stack.loki.ports.http}/loki/api/v1/push"}],
        "scrape_configs": [
            {
                "job_name": "service",
                "static_configs": [
                    {
                        "targets": ["localhost"],
                        "labels": {**labels, "__path__": model.spec.service.log_file},
                    }
                ],
                "pipeline_stages": stages(model),
            }
        ],
    }


def event_fields(model: Model) -> list[str]:
    """Return the names of every field of every event, ``event`` first."""
    fields = {name for event in model.spec.events.values() for name in event.fields}
    return [conventions.EVENT_ATTRIBUTE, *sorted(fields)]


def stages(model: Model) -> list[dict[str, Any]]:
    """Return the pipeline: parse, mask, cap, timestamp, fields, and the message as the line."""
    known = [*_STANDARD, *event_fields(model)]
    texts = [*_FREE_TEXTS, *_text_fields(model)]
    return [
        {"json": {"expressions": {key: key for key in ["time", "message", *known]}}},
        *(_mask(source, pattern) for source in texts for pattern in value_patterns(model)),
        {
            "template": {
                "source": "exc_info",
                "template": _CAPPED,
            }
        },
        {"regex": {"source": "exc_info", "expression": _EXCEPTION}},
        # The SDK shortens this one level name.
        {"replace": {"source": "level", "expression": "^(WARNING)$", "replace": "WARN"}},
        {"timestamp": {"source": "time", "format": "RFC3339Nano"}},
        {
            "structured_metadata": {
                **{field: key for key, field in _STANDARD.items()},
                "exception_type": "exception_type",
                "exception_message": "exception_message",
                **{name: name for name in event_fields(model)},
            }
        },
        {"labeldrop": ["filename"]},
        {"output": {"source": "message"}},
    ]


def _text_fields(model: Model) -> list[str]:
    """Return the event fields that are neither a label nor one of a closed set."""
    return sorted(
        {
            name
            for event in model.spec.events.values()
            for name, field in event.fields.items()
            if field.type == "string" and not field.values and field.label is None
        }
    )


def _mask(source: str, pattern: str) -> dict[str, Any]:
    # Only what is captured is replaced, so the whole pattern is.
    return {"replace": {"source": source, "expression": f"({pattern})", "replace": MASK}}
