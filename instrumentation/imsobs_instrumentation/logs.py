"""The log configuration of a program that takes none by an option of its own."""

from __future__ import annotations

import json
import logging.config
import os
from pathlib import Path

# Set by `imsobs run`: the rendered app/logging.json.
_VARIABLE = "IMSOBS_LOG_CONFIG"


def install() -> None:
    """Configure logging as the file says that the environment names; without one, nothing."""
    if file := os.environ.get(_VARIABLE):
        logging.config.dictConfig(json.loads(Path(file).read_text(encoding="utf-8")))
