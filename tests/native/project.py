"""The project's spec, rendered on ports of its own into a temporary folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imsobs.runtime.trial import render_trial

SPEC = Path(__file__).resolve().parents[2] / "spec" / "ims.yaml"


def rendered_project(folder: Path, *overlays: Mapping[str, Any]) -> Path:
    """Render the spec, on free ports and with overlays, into ``folder`` and return it."""
    return render_trial(folder, SPEC, *overlays)
