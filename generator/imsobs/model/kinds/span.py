"""Spans: a metric counts or measures those of entries of ``sources``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from imsobs.model import conventions
from imsobs.model.kinds.kind import Counting, Kind, quoted
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model import Model
    from imsobs.model.metrics import ResolvedMetric


class Span(Kind):
    """``span``: a name or names of ``sources``."""

    name = "span"
    signal = "span"
    sent = True
    folded = True
    counts_requests = True
    measured = True
    measures_attributes = True
    exemplars = True

    def declared(self, spec: Spec) -> Mapping[str, object]:
        """Return the span sources."""
        return spec.sources

    def offered(self, source: str, spec: Spec) -> set[str]:
        """Return a source's labels, those that pricing adds, and those of the resource."""
        entry = spec.sources[source]
        extra = {conventions.OUTCOME} if entry.outcome else set()
        extra |= {conventions.UNPRICED_REASON} if entry.priced() else set()
        by_resource = {name for name, label in spec.labels.items() if label.resource_attributes}
        return {*entry.labels, *extra, *by_resource}

    def values(self, source: str, spec: Spec) -> set[str]:
        """Return count, duration, and cost where calls have a price."""
        return {"count", "duration"} | ({"cost"} if spec.sources[source].priced() else set())

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return the sources, and what one source alone is."""
        if len(metric.sources) > 1:
            return f"spans of {quoted(metric)}"
        return f"spans of {quoted(metric)}: {spec.sources[metric.sources[0]].description}"

    def counted(self, metric: ResolvedMetric, model: Model) -> list[Counting]:
        """Return the spans that these sources mark."""
        return [Counting("span", conventions.presence_mark(*metric.sources))]

    def labels_set(self, source: str, model: Model) -> list[str]:
        """Return the labels that are set on a source's spans.

        They are its own, and those that a metric takes from the resource.
        """
        used = {
            label
            for metric in self.metrics(model)
            if source in metric.sources
            for label in metric.labels
        }
        by_resource = [n for n in model.labels if n in used and model.labels[n].resource_attributes]
        return list(dict.fromkeys([*model.spec.sources[source].labels, *by_resource]))


KIND = Span()
