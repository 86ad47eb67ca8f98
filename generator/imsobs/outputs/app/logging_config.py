"""The service's log configuration, for uvicorn's ``--log-config`` (stdlib dictConfig).

One file for every environment: LOG_FORMAT (``json`` or ``human``), LOG_LEVEL (``DEBUG``,
``INFO``, ...) and LOG_CONSOLE_LEVEL are looked up in the environment by dictConfig itself,
through ``cfg://``.
"""

from __future__ import annotations

from typing import Any

from imsobs.pages import HEADER

FORMATS = ("json", "human")
# Loggers that are too talkative at INFO; the HTTP clients also log whole URLs, keys included.
_QUIET = ("httpx", "httpx2", "uvicorn.access")
# Says of each record with an attribute that is no text or number that it was made a text, as a
# record of its own (LiteLLM's have one); the record itself arrives.
_QUIETER = ("opentelemetry.attributes",)
# Attributes that the logging instrumentation adds to a record, and their plain names.
_TRACE_FIELDS = {"otelTraceID": "trace_id", "otelSpanID": "span_id"}
# What every record has (docs.python.org/3/library/logging.html#logrecord-attributes), the
# rest of what the instrumentation adds, and uvicorn's coloured message: not extra fields.
_NOT_EXTRA = [
    "args",
    "asctime",
    "color_message",
    "created",
    "exc_info",
    "exc_text",
    "filename",
    "funcName",
    "levelname",
    "levelno",
    "lineno",
    "message",
    "module",
    "msecs",
    "msg",
    "name",
    "otelServiceName",
    "otelSpanID",
    "otelTraceID",
    "otelTraceSampled",
    "pathname",
    "process",
    "processName",
    "relativeCreated",
    "stack_info",
    "taskName",
    "thread",
    "threadName",
]
# gunicorn cuts its logger off from the root logger, and its uvicorn workers give the handlers of
# that logger to uvicorn's, which they cut off too. So that what they log goes the same way as
# everything else, the one handler of theirs is the root logger: a logger handles records too.
_ROOT = {"()": "logging.getLogger"}


def configuration() -> dict[str, Any]:
    """Return the dictConfig data."""
    return {
        # JSON has no comments; dictConfig ignores keys that it does not know.
        "_comment": HEADER,
        "version": 1,
        "disable_existing_loggers": False,
        "environment": "ext://os.environ",
        "formatters": {"json": _json_formatter(), "human": _human_formatter()},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "cfg://environment[LOG_FORMAT]",
                "level": "cfg://environment[LOG_CONSOLE_LEVEL]",
            },
            "root": _ROOT,
        },
        "root": {"level": "cfg://environment[LOG_LEVEL]", "handlers": ["console"]},
        "loggers": {
            **{name: {"level": "WARNING"} for name in _QUIET},
            **{name: {"level": "ERROR"} for name in _QUIETER},
            "gunicorn.error": {"handlers": ["root"], "propagate": False},
        },
    }


def _json_formatter() -> dict[str, Any]:
    return {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": ["levelname", "name", "message", *_TRACE_FIELDS],
        "timestamp": "time",
        "rename_fields": {"levelname": "level", "name": "logger", **_TRACE_FIELDS},
        "reserved_attrs": _NOT_EXTRA,
    }


def _human_formatter() -> dict[str, Any]:
    return {
        "()": "logging.Formatter",
        "fmt": "%(asctime)s %(levelname)-8s %(name)s [trace %(otelTraceID)s] %(message)s",
        # Without instrumentation there is no trace.
        "defaults": {"otelTraceID": "-"},
    }
