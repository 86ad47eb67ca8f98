"""The pipeline's own bookkeeping: what it does to signals on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsobs.model import conventions
from imsobs.model.kinds import event, span
from imsobs.model.kinds.kind import Counting, Kind, Signal
from imsobs.model.numbers import fault_mark, faulty_values
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model import Model
    from imsobs.model.metrics import ResolvedMetric

# The source of the series that is there for each process that reports, and of the spans that came
# in, by the scope that they came from.
ALIVE: Final = "process_alive"
RECEIVED: Final = "received_spans"
_LABEL, _ATTRIBUTE, _SIGNAL = "label", "attribute", "signal"
# What the redaction processor writes onto a signal of which it masked something.
_MASKED = ("redaction.masked.count", "redaction.body.masked.count")


class Pipeline(Kind):
    """``pipeline``: what is counted."""

    name = "pipeline"
    constants = (_LABEL, _ATTRIBUTE, _SIGNAL)

    def by_process(self, metric: ResolvedMetric) -> bool:
        """Return whether it is ``process_alive``."""
        return metric.sources == (ALIVE,)

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return that the pipeline counts it."""
        return "the pipeline's own bookkeeping"

    def counted(self, metric: ResolvedMetric, model: Model) -> list[Counting]:
        """Return what is counted from signals, of what signal_to_metrics counts."""
        match metric.sources:
            case ("label_overflow",):
                return _overflow(model)
            case ("invalid_event",):
                return [Counting("log", conventions.INVALID_EVENT)]
            case ("invalid_value",):
                return [
                    Counting("span", fault_mark(value), constant=(_ATTRIBUTE, value))
                    for value in faulty_values(model.spec)
                ]
            case ("redacted",):
                return [_redacted("span", "traces"), _redacted("log", "logs")]
        # process_alive is made of metrics, by outputs/collector/state.py, received_spans by
        # outputs/collector/scopes.py.
        return []

    def most_series(self, sources: tuple[str, ...], spec: Spec) -> int | None:
        """Return the limit of scopes, of the spans that came in; one more holds the rest."""
        scope = spec.labels.get(conventions.SCOPE)
        if sources != (RECEIVED,) or scope is None:
            return None
        return (scope.limit or 1) + 1

    def received(self, model: Model) -> list[ResolvedMetric]:
        """Return the metric of the spans that came in, where the spec has one."""
        return [metric for metric in self.metrics(model) if metric.sources == (RECEIVED,)]

    def alive(self, model: Model) -> list[ResolvedMetric]:
        """Return the metric that says which processes report, where one is needed."""
        return [metric for metric in self.metrics(model) if metric.sources == (ALIVE,)]


def _overflow(model: Model) -> list[Counting]:
    """Return one entry per label: a span whose vendor and model both overflow counts twice."""
    of_spans = {
        label for source in model.spec.sources for label in span.KIND.labels_set(source, model)
    }
    of_records = [
        label
        for metric in model.metrics.values()
        if metric.kind.labels_of_records
        for label in metric.labels
    ]
    set_on: dict[Signal, list[str]] = {
        "span": [name for name in model.labels if name in of_spans],
        "log": list(dict.fromkeys([*event.KIND.labels_set(model), *of_records])),
    }
    return [
        Counting(signal, conventions.overflow_mark(name), constant=(_LABEL, name))
        for signal, names in set_on.items()
        for name in names
    ]


def _redacted(signal: Signal, name: str) -> Counting:
    return Counting(signal, any_of=_MASKED, constant=(_SIGNAL, name), stored=True)


KIND = Pipeline()
