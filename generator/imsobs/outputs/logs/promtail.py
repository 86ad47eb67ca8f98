"""Plan of stack/promtail.yaml: the service's JSON log file to Loki.

The same labels, fields and masks as the OTLP route, except for what a log line does not
hold: the service's version and instance, the SDK's name, how much was masked, and when the
record was handed over. A number below a millionth is written in another way.

No ``$`` is expanded in this file (Promtail's -config.expand-env would rewrite the backslashes
of the patterns): in containers Promtail shares Loki's network namespace, so that loopback is
right there too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.expressions import finds
from imsobs.model import Model, conventions
from imsobs.outputs.app.sdk import ATTRIBUTE_LENGTH
from imsobs.outputs.redaction import MASK, key_patterns, value_patterns
from imsobs.pages import Page, YamlPage
from imsobs.spec.schema.stack import Loki, Promtail

# Key of the service's JSON line -> field in Loki, as the OTLP route names it.
_STANDARD = {
    "level": "severity_text",
    "logger": "scope_name",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "exc_info": "exception_stacktrace",
}
# Made from others here.
_DERIVED = ("severity_number", "service_namespace", "exception_type", "exception_message")
# Levels of Python's logging: number and name in OpenTelemetry's log data model.
_LEVELS = {
    "DEBUG": (5, "DEBUG"),
    "INFO": (9, "INFO"),
    "WARNING": (13, "WARN"),
    "ERROR": (17, "ERROR"),
    "CRITICAL": (21, "FATAL"),
}
# What a Python stack trace ends with, after the frames of its last part: type and message,
# the message perhaps of several lines.
_EXCEPTION = (
    r'(?s)^(?:.*  File "[^\n]*(?:\n  [^\n]*)*\n)?'
    r"(?:[A-Za-z_][\w.<>]*\.)?(?P<exception_type>[A-Za-z_]\w*)(?:: (?P<exception_message>.*))?$"
)
# Outside of a request the logging instrumentation writes 0.
_NOT_ZERO = '{{ if and .Value (ne .Value "0") }}{{ .Value }}{{ end }}'


def plan(model: Model) -> Iterator[Page]:
    """Yield promtail.yaml when the stack has Promtail, and Loki for it to send to."""
    stack = model.spec.stack
    if stack.promtail and stack.loki:
        planned = sections(model, stack.promtail, stack.loki)
        yield YamlPage(artifacts.PROMTAIL, planned, "stack/promtail.yaml.j2")


def sections(model: Model, promtail: Promtail, loki: Loki) -> dict[str, Any]:
    """Return the sections of promtail.yaml."""
    labels = {conventions.SERVICE_NAME: model.spec.service.names[0]}
    return {
        "server": {
            "http_listen_address": "127.0.0.1",
            "http_listen_port": promtail.ports.http,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": 0,
            "log_level": "warn",
            # Ready also before the service has written its first line.
            "health_check_target": False,
        },
        "clients": [{"url": f"http://127.0.0.1:{loki.ports.http}/loki/api/v1/push"}],
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
    drop = model.spec.redaction.drop
    kept = (name for name in sorted(fields) if not any(finds(pattern, name) for pattern in drop))
    return [conventions.EVENT_ATTRIBUTE, *kept]


def stages(model: Model) -> list[dict[str, Any]]:
    """Return the pipeline: parse, the message as the line, mask, derive, cut, timestamp, fields."""
    fields = event_fields(model)
    patterns = value_patterns(model)
    return [
        {"json": {"expressions": {key: key for key in ["time", "message", *_STANDARD, *fields]}}},
        # From here on the line is the message, or what was no JSON: both are masked.
        {"output": {"source": "message"}},
        *(_mask(None, pattern) for pattern in patterns),
        *(_mask("exc_info", pattern) for pattern in patterns),
        *(_masked_field(name, model) for name in fields),
        {"regex": {"source": "exc_info", "expression": _EXCEPTION}},
        # The formatter of the log file takes away the newline at the end.
        _cut("exc_info", r'(print .Value "\n")'),
        *(_cut(source, ".Value") for source in ("exception_message", *fields)),
        *(_template(source, _NOT_ZERO) for source in ("trace_id", "span_id")),
        _template("service_namespace", model.spec.service.namespace),
        _template("severity_number", _by_level(0)),
        _template("level", _by_level(1)),
        {"timestamp": {"source": "time", "format": "RFC3339Nano"}},
        {
            "structured_metadata": {
                **{field: key for key, field in _STANDARD.items()},
                **{name: name for name in (*_DERIVED, *fields)},
            }
        },
        {"labeldrop": ["filename"]},
    ]


def _masked_field(name: str, model: Model) -> dict[str, Any]:
    """Return the stage that masks a field.

    A field whose contract allows a few words only is masked too: a service may break its contract.
    """
    kept = any(finds(pattern, name) for pattern in model.spec.redaction.keep)
    if not kept and any(finds(pattern, name) for pattern in key_patterns(model)):
        return _template(name, f"{{{{ if .Value }}}}{MASK}{{{{ end }}}}")
    # All patterns at once: in a short text they do not overlap.
    return _mask(name, "|".join(f"(?:{pattern})" for pattern in value_patterns(model)))


def _template(source: str, template: str) -> dict[str, Any]:
    return {"template": {"source": source, "template": template}}


def _cut(source: str, value: str) -> dict[str, Any]:
    """Return the stage that cuts a text where the SDK does, in characters, not bytes."""
    cut = f'{{{{ printf "%.{ATTRIBUTE_LENGTH}s" {value} }}}}'
    return _template(source, f"{{{{ if .Value }}}}{cut}{{{{ end }}}}")


def _by_level(item: int) -> str:
    """Return a template that looks up the level; another's name stays, and has no number."""
    cases = "".join(
        f'{{{{ {"else " if place else ""}if eq .level "{name}" }}}}{found[item]}'
        for place, (name, found) in enumerate(_LEVELS.items())
    )
    other = "{{ else }}{{ .level }}" if item else ""
    return f"{{{{ if .level }}}}{cases}{other}{{{{ end }}}}{{{{ end }}}}"


def _mask(source: str | None, pattern: str) -> dict[str, Any]:
    """Return the stage that masks a pattern in a source, None: in the line itself."""
    # Only what is captured is replaced, so the whole pattern is.
    stage = {"expression": f"({pattern})", "replace": MASK}
    return {"replace": {"source": source, **stage} if source else stage}
