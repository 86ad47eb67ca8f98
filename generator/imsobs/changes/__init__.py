"""What a change of the spec means: two models compared, entry by entry.

``compare`` takes the models of two revisions. Everything that the spec says is looked at: metrics,
alerts, objectives, rules and dashboards each in their own terms, every other section key by key.
"""

from __future__ import annotations

from imsobs.changes import alerts, dashboards, holding, metrics, sections
from imsobs.changes.change import Change, Rank
from imsobs.model import Model

__all__ = ["Change", "Rank", "compare"]


def compare(before: Model, after: Model) -> list[Change]:
    """Return every change from one model to another, the gravest first, then as in the spec."""
    parts = (metrics, alerts, holding, dashboards, sections)
    found = [change for part in parts for change in part.changes(before, after)]
    return sorted(found, key=lambda change: change.rank)
