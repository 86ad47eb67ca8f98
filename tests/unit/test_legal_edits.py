"""Edits that a team makes of its spec every week are accepted, and rendered."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from imsobs.compile import read_spec, render_model

SPEC = Path(__file__).resolve().parents[2] / "spec/ims.yaml"


def renamed(old: str, new: str) -> Callable[[str], str]:
    """Return an edit that gives something another name, wherever it stands as a word."""

    def edit(text: str) -> str:
        changed, count = re.subn(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, text)
        assert count, old
        return changed

    return edit


def without_dashboard(text: str) -> str:
    """Return the spec without one dashboard; what led to it leads to another."""
    changed, count = re.subn(r"^  ims-policies:\n(?:    .*\n|\n)+", "", text, flags=re.MULTILINE)
    assert count == 1
    return changed.replace("dashboard: ims-policies", "dashboard: ims-http")


def threshold(text: str) -> str:
    """Return the spec with another duration of an alert."""
    begin = text.index("  AgentFailures:")
    at = text.index("    for: 2m", begin)
    return text[:at] + "    for: 4m" + text[at + len("    for: 2m") :]


@pytest.mark.parametrize(
    "edit",
    [
        renamed("not-production", "rehearsal"),
        renamed("/v1/generate", "/v2/complete"),
        renamed("HighPolicyViolationRate", "PoliciesRefuse"),
        renamed("ims-core", "assistant"),
        renamed("nights-and-weekends", "off-hours"),
        renamed("trust", "safety"),
        threshold,
        without_dashboard,
    ],
    ids=[
        "a route of alerts",
        "a route",
        "an alert",
        "the service",
        "a mute",
        "a team",
        "a duration",
        "a dashboard",
    ],
)
def test_a_legal_edit_is_accepted_and_rendered(edit: Callable[[str], str], tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(edit(SPEC.read_text()))
    compiled = read_spec([file])
    assert compiled.lines() == []
    assert compiled.model is not None
    assert render_model(compiled.model)
