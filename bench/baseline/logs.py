"""JSON log lines with trace ids, redacted before they are written."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

from opentelemetry import trace
from pythonjsonlogger.json import JsonFormatter

# The plan's list of keys, and its patterns for what stands inside texts.
_KEYS = {"api_key", "password", "secret", "token", "credit_card", "ssn", "email"}
_VALUES = re.compile(
    r"\b[\w.+-]+@[\w-]+\.[\w.]+\b|\b\d{3}-\d{2}-\d{4}\b|\bsk-[A-Za-z0-9_-]{8,}"
    r"|(?i:api_key|password|secret|token)=[^\s&]+"
)
_MASK = "****"


class Redact(logging.Filter):
    """Adds the trace's ids to a record, and masks secrets in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; let it pass."""
        context = trace.get_current_span().get_span_context()
        record.trace_id = format(context.trace_id, "032x") if context.is_valid else None
        record.span_id = format(context.span_id, "016x") if context.is_valid else None
        message = record.getMessage()
        record.msg, record.args = _VALUES.sub(_MASK, message), None
        for key, value in record.__dict__.items():
            if key in _KEYS:
                record.__dict__[key] = _MASK
            elif isinstance(value, str) and key not in ("msg", "pathname", "filename"):
                masked: Any = _VALUES.sub(_MASK, value)
                record.__dict__[key] = masked
        return True


def configure() -> None:
    """Write every record from INFO up as a line of JSON to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            ["levelname", "name", "message", "trace_id", "span_id"],
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger"},
        )
    )
    handler.addFilter(Redact())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx", "httpx2", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
