"""Plan of docs/reference/estimate.md: what a million requests a day need, and why."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import artifacts
from imsobs.model import Model, estimate
from imsobs.pages import Page, TextPage

REQUESTS_PER_DAY = 1_000_000


def plan(model: Model) -> Iterator[Page]:
    """Yield the page."""
    load = estimate.Load.of(model, REQUESTS_PER_DAY)
    rows = [
        {
            "component": need.component,
            "kept": need.kept,
            "disk_per_day": estimate.human(need.disk_per_day),
            "disk": estimate.human(need.disk),
            "memory": estimate.human(need.memory),
            "limit": estimate.human(need.memory_limit),
        }
        for need in estimate.estimate(model, load)
    ]
    context = {
        "rows": rows,
        "load": load,
        "requests": f"{REQUESTS_PER_DAY:,}",
        "summary": estimate.explanation(model, load)[0],
        "formulas": estimate.FORMULAS,
        "constants": estimate.CONSTANTS,
    }
    yield TextPage(f"{artifacts.REFERENCE}/estimate.md", "docs/estimate.md.j2", context)
