"""Events that broke their contract, numbers that are none, and labels that overflowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imsobs.model import Model, conventions
from imsobs.model.kinds import pipeline
from imsobs.runtime.livecheck.window import Window

_OVERFLOW = "label_overflow"
# What the pipeline counts -> what is wrong.
_FAULTS = {
    "invalid_event": "events that break their contract",
    "invalid_value": "numbers that are no measurement",
    _OVERFLOW: "label values that the spec does not list",
}


@dataclass(frozen=True)
class Broken:
    """Signals with a fault. labels: which event, attribute or label it is, and why."""

    fault: str
    metric: str
    service: str
    labels: dict[str, str]
    count: float

    @property
    def is_overflow(self) -> bool:
        """Whether the signal was sound, and only a value of a label is not in the spec."""
        return self.fault == _FAULTS[_OVERFLOW]


def broken(model: Model, window: Window) -> Iterator[Broken]:
    """Yield what the pipeline counted of faulty signals, where the spec has metrics of that."""
    for source, fault in _FAULTS.items():
        for metric in pipeline.KIND.metrics(model):
            if metric.sources != (source,):
                continue
            for one in window.counted(metric.name, [conventions.SERVICE_NAME, *metric.labels]):
                service = one.labels.get(conventions.SERVICE_NAME, "")
                which = {label: one.labels.get(label, "") for label in metric.labels}
                yield Broken(fault, metric.name, service, which, round(one.count))
