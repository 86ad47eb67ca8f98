"""The folder outside the tree for what is slow to make: binaries, toolchains, templates."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the cache outside the tree: $IMSOBS_CACHE, $XDG_CACHE_HOME/imsobs or ~/.cache."""
    if explicit := os.environ.get("IMSOBS_CACHE"):
        return Path(explicit).expanduser().resolve()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).expanduser().resolve() / "imsobs"
    return Path.home() / ".cache" / "imsobs"
