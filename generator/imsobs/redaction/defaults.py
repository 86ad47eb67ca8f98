"""What is redacted where a spec says nothing of its own."""

from __future__ import annotations

import copy
import functools
from typing import Any

import yaml

from imsobs.redaction.known import FOLDER


@functools.cache
def _read() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "defaults.yaml").read_text("utf-8")))


def default(key: str) -> Any:
    """Return the value that ``redaction`` of a spec has for a key."""
    return copy.deepcopy(_read()[key])
