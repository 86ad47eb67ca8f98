"""A service that logs, for the comparison of the two log routes; run under instrumentation."""

from __future__ import annotations

import json
import logging.config
from pathlib import Path

from opentelemetry import trace

KEY = "sk-abcdefghijklmnop123456"
MAIL = "bob@example.org"
EVENTS = (
    {"event": "cache_lookup", "cache": "response", "result": "hit",
     "duration_seconds": 0.0003, "age_seconds": 12},
    {"event": "model_call_completed", "vendor": "openai", "model": "gpt-4o",
     "estimated_usd": 2.5e-07, "input_tokens": 1_234_567, "output_tokens": 0},
    # Against its contract: a text of somebody else's in a field of few words.
    {"event": "model_fallback", "from_vendor": "openai", "to_vendor": "anthropic",
     "reason": f"said {KEY}"},
)  # fmt: skip


class QuotaError(Exception):
    """An exception of the service's own."""


def _refuse(error: Exception) -> None:
    try:
        raise error
    except ValueError as first:
        raise RuntimeError(f"no answer for {MAIL}") from first


def _deep(levels: int) -> None:
    # In turns, lest equal frames are folded into one line.
    if levels == 0:
        raise QuotaError("at the bottom")
    (_deep if levels % 2 else _deeper)(levels - 1)


def _deeper(levels: int) -> None:
    _deep(levels)


def main() -> None:
    """Log one record of each kind."""
    logging.config.dictConfig(json.loads(Path("app/logging.json").read_text(encoding="utf-8")))
    router = logging.getLogger("gateway.router")
    router.info("outside of any request")
    with trace.get_tracer("talker").start_as_current_span("work"):
        router.info("plain")
        router.warning("a key %s and an address %s", KEY, MAIL)
        router.warning('a body {"password": "hunter2", "user": "%s"}', MAIL)
        router.error("two lines\nthe second: Bearer abcdef123456, a tab\there, and an ü")
        router.critical("the end")
        for fields in EVENTS:
            logging.getLogger("gateway.events").info("something happened", extra=dict(fields))
        errors = (ValueError(f"refused {KEY}"), QuotaError("a line\nand more: lines"), QuotaError())
        for error in errors:
            try:
                _refuse(error)
            except (RuntimeError, QuotaError):
                router.exception("it broke")
        try:
            _deep(300)
        except QuotaError:
            router.exception("it broke far below")


if __name__ == "__main__":
    main()
