"""The log configuration of a program that takes none by an option of its own."""

from __future__ import annotations

import json
import logging.config
import os
from pathlib import Path

from imsobs_instrumentation import celery_workers

# Set by `imsobs run`: the rendered app/logging.json.
_VARIABLE = "IMSOBS_LOG_CONFIG"


def install() -> None:
    """Configure logging as the file says that the environment names; without one, nothing."""
    if not (file := os.environ.get(_VARIABLE)):
        return
    configuration = json.loads(Path(file).read_text(encoding="utf-8"))
    # Gunicorn reads the file itself. Its logger's handler is the root logger, and Celery's workers
    # want a lock of every handler.
    configuration["loggers"].pop("gunicorn.error", None)
    configuration["handlers"].pop("root", None)
    logging.config.dictConfig(configuration)
    # A worker replaces the handlers of the root logger, unless its signal has a receiver.
    celery_workers.connect("setup_logging", _configured)


def _configured(**_: object) -> None:
    """Answer Celery that logging is configured."""
