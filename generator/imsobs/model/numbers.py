"""What a measured number may be: finite, not negative, and no larger than its unit allows.

One infinite or absurdly large number would stay in a sum until the Collector restarts, and
what is added to 1e17 in cents is lost in rounding. So each measured number has a largest
value: the spec's, else one by the unit that the last word of its name says.
"""

from __future__ import annotations

from dataclasses import dataclass

from imsobs.model import conventions
from imsobs.spec.schema.events import EventField
from imsobs.spec.schema.metrics import AttributeValue, Metric
from imsobs.spec.schema.root import Spec

# Last word of a name (``_total`` left out) -> the largest number that is a measurement.
LARGEST = {
    # A year: a clock that was never set gives half a century.
    "seconds": 31_536_000.0,
    # Ten times the longest contexts that there are.
    "tokens": 100_000_000.0,
    # One call, or one decision.
    "usd": 1_000_000.0,
    "bytes": 1e15,
}
# Of everything else, percentages included.
LARGEST_OTHER = 1e9
# The metrics of the SDK may be sums since its start; above 2^53 a float skips whole numbers.
LARGEST_SUM = float(2**53)
DURATION = "duration"


@dataclass(frozen=True)
class Measure:
    """A number that is read from a span. keys: attributes, the first present one wins."""

    keys: tuple[str, ...]
    largest: float

    @property
    def key(self) -> str:
        """The attribute that the number is copied to, and by whose name a fault is counted."""
        return self.keys[0]


def largest_of(name: str) -> float:
    """Return the largest value of a metric or field, by the unit in its name."""
    word = name.removesuffix("_total").rsplit("_", 1)[-1]
    return LARGEST.get(word, LARGEST_OTHER)


def largest_duration() -> float:
    """Return the longest that a span may have taken, seconds."""
    return LARGEST["seconds"]


def largest_drift() -> float:
    """Return the largest drift of a cost, percent of its estimate."""
    return LARGEST_OTHER


def measures(field: EventField) -> bool:
    """Return whether a field holds a measured number, which a label never does."""
    return field.label is None and field.type in ("integer", "number")


def span_measures(spec: Spec, source: str) -> list[Measure]:
    """Return the numbers that are read from a source's spans, each attribute once.

    Where two metrics read the same attribute, the smaller of their largest values holds.
    """
    found: dict[str, Measure] = {}

    def add(keys: list[str], largest: float) -> None:
        before = found.get(keys[0])
        if before is not None:
            keys = list(dict.fromkeys([*before.keys, *keys]))
            largest = min(before.largest, largest)
        found[keys[0]] = Measure(tuple(keys), largest)

    usage = spec.sources[source].priced()
    if usage is not None:
        for keys in usage.tokens().values():
            add(keys, LARGEST["tokens"])
        for key in usage.reported_cost:
            add([key], LARGEST["usd"])
    for name, metric in spec.metrics.items():
        if source in span_sources(metric) and isinstance(metric.value, AttributeValue):
            given = metric.value.max
            add(metric.value.attributes, largest_of(name) if given is None else given)
    return list(found.values())


def timed_sources(spec: Spec) -> set[str]:
    """Return the span sources whose duration is measured."""
    return {
        source
        for metric in spec.metrics.values()
        if metric.value == DURATION
        for source in span_sources(metric)
    }


def span_sources(metric: Metric) -> list[str]:
    """Return the span sources that a metric is derived from, none when it is another kind."""
    return [metric.span] if isinstance(metric.span, str) else metric.span or []


def faulty_values(spec: Spec) -> tuple[str, ...]:
    """Return what the label of faulty span values may say: attributes, and ``duration``."""
    found = [measure.key for source in spec.sources for measure in span_measures(spec, source)]
    return tuple(dict.fromkeys([*found, *([DURATION] if timed_sources(spec) else [])]))


def fault_mark(key: str) -> str:
    """Return the attribute that marks a span whose value under this key cannot be used."""
    return f"{conventions.MARKS}invalid.{key}"
