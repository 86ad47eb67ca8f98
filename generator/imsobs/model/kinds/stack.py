"""Metrics that components of the stack expose about themselves, scraped as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsobs.model import conventions
from imsobs.model.kinds.kind import Kind, quoted
from imsobs.promql.series import Allowed
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model.metrics import ResolvedMetric


class Stack(Kind):
    """``stack``: the component that exposes it."""

    name = "stack"
    exposed = False
    named_here = False
    labels_declared = False

    def common_labels(self, metric: ResolvedMetric) -> dict[str, Allowed]:
        """Return the scrape's labels: a component is nobody's service."""
        return dict.fromkeys(conventions.SCRAPE_LABELS)

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return the component."""
        return f"exposed by {quoted(metric)} itself"


KIND = Stack()
