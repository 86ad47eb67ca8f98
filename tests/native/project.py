"""A rendered project of its own: other ports, short intervals, in a temporary folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.native.trial import free_ports, own_ports, render_trial

REPOSITORY = Path(__file__).resolve().parents[2]
SPEC = REPOSITORY / "spec" / "ims.yaml"
__all__ = ["free_ports", "own_ports", "rendered_project"]


def rendered_project(folder: Path, *overlays: Mapping[str, Any]) -> Path:
    """Render the spec, on free ports and with overlays, into ``folder`` and return it."""
    return render_trial(folder, SPEC, *overlays)


def ports_overlay() -> dict[str, Any]:
    return {}


def merge(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    return {**base, **overlay}
