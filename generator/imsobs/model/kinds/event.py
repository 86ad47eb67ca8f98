"""Events: a metric counts or measures log records whose contract the spec declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from imsobs.model import conventions
from imsobs.model.kinds.kind import Counting, Kind, quoted
from imsobs.model.numbers import measures
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model import Model
    from imsobs.model.metrics import ResolvedMetric


class Event(Kind):
    """``event``: a name or names of ``events``."""

    name = "event"
    signal = "log"
    sent = True
    folded = True
    measured = True

    def declared(self, spec: Spec) -> Mapping[str, object]:
        """Return the events."""
        return spec.events

    def offered(self, source: str, spec: Spec) -> set[str]:
        """Return the labels that fields of an event are."""
        fields = spec.events[source].fields
        return {name for name, field in fields.items() if field.label == name}

    def enumerated(self, key: str, source: str, spec: Spec) -> tuple[str, ...]:
        """Return the values that a field of an event lists."""
        field = spec.events[source].fields.get(key)
        return tuple(field.values) if field is not None else ()

    def values(self, source: str, spec: Spec) -> set[str]:
        """Return count, the fields that measure something, and costs where there are any."""
        event = spec.events[source]
        numeric = {name for name, field in event.fields.items() if measures(field)}
        priced = {"cost", "cost_drift"} if event.usage and "estimated_usd" in numeric else set()
        return {"count"} | numeric | priced

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return the events; their own page says more."""
        return f"event {quoted(metric)}"

    def events(self, metric: ResolvedMetric) -> tuple[str, ...]:
        """Return the events."""
        return metric.sources

    def counted(self, metric: ResolvedMetric, model: Model) -> list[Counting]:
        """Return the records that these events mark."""
        return [Counting("log", conventions.presence_mark(*metric.sources))]

    def labels_set(self, model: Model) -> list[str]:
        """Return the labels that are set on records of events."""
        fields = {f.label for event in model.spec.events.values() for f in event.fields.values()}
        return [name for name in model.labels if name in fields]


KIND = Event()
