"""What Prometheus is asked for an alert: its condition, of records that history has.

Alerts that differ in nothing but the threshold of an inequality share a question, with the loosest
one: the answer has the values, and each threshold is applied to them here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from imsobs import promql
from imsobs.backtest.inplace import in_place
from imsobs.backtest.queries import Samples
from imsobs.backtest.states import Labels
from imsobs.model import Model
from imsobs.model.alerts import at_threshold
from imsobs.model.rules import Record, ResolvedAlert, number, recorded_in
from imsobs.promql.labels import SYNTHETIC
from imsobs.spec.schema.base import seconds

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass
class Question:
    """An expression to evaluate every ``step`` seconds. thresholds: all that are applied to it."""

    expression: str
    step: int
    thresholds: set[float] = field(default_factory=set)


@dataclass(frozen=True)
class Asking:
    """What is asked for an alert.

    key: of its question; replaced: records evaluated in place; reads: every other series.
    """

    key: tuple[str, int]
    replaced: tuple[str, ...]
    reads: tuple[str, ...]


class Questions:
    """The questions of all alerts, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], tuple[ResolvedAlert, Mapping[str, Record], set[float]]]
        self._found = {}

    def add(
        self, alert: ResolvedAlert, missing: Mapping[str, Record], thresholds: Iterable[float] = ()
    ) -> Asking:
        """Take an alert and further thresholds of it. Raises UnknownInPlaceError."""
        step = seconds(alert.interval)
        base = in_place(
            at_threshold(alert, 0) if is_inequality(alert) else alert.expr, missing, step
        )
        key = (f"{alert.op} {base}", step)
        _, _, known = self._found.setdefault(key, (alert, missing, set()))
        known |= {exact(alert.threshold), *map(exact, thresholds)}
        replaced = recorded_in(alert.expr, missing)
        reads = {
            name
            for text in (alert.expr, *(missing[name].expr for name in replaced))
            for name in promql.metric_names(text)
        }
        return Asking(
            key, tuple(replaced), tuple(sorted(reads - missing.keys() - SYNTHETIC.keys()))
        )

    def all(self) -> dict[tuple[str, int], Question]:
        """Return every question with the loosest of its thresholds."""
        found = {}
        for key, (alert, missing, thresholds) in self._found.items():
            loosest = max(thresholds) if lowest_is_worst(alert) else min(thresholds)
            whole = at_threshold(alert, loosest) if is_inequality(alert) else alert.expr
            found[key] = Question(in_place(whole, missing, key[1]), key[1], thresholds)
        return found


def exact(threshold: float) -> float:
    """Return a threshold as the expression has it."""
    return float(number(threshold))


def is_inequality(alert: ResolvedAlert) -> bool:
    """Return whether an alert has a looser and a stricter threshold."""
    return alert.op in _COMPARE


def lowest_is_worst(alert: ResolvedAlert) -> bool:
    """Return whether an alert is about too little."""
    return alert.op in ("<", "<=")


def of_alert(alert: ResolvedAlert, samples: Samples, threshold: float) -> Samples:
    """Return the samples of an alert's own threshold, by the labels that its alerts have.

    Raises ValueError for two of the same labels, as Prometheus refuses them.
    """
    added = alert.fixed_labels
    found: Samples = {}
    compare = _COMPARE.get(alert.op)
    for own, points in samples.items():
        labels: Labels = tuple(sorted((k, v) for k, v in {**dict(own), **added}.items() if v))
        kept = [(at, value) for at, value in points if compare is None or compare(value, threshold)]
        if not kept:
            continue
        known = found.setdefault(labels, [])
        if known and {at for at, _ in known} & {at for at, _ in kept}:
            raise ValueError("two series have the same labels: Prometheus refuses such alerts")
        found[labels] = sorted([*known, *kept]) if known else kept
    return found


def lacking(model: Model, absent: set[str], changed: set[str]) -> dict[str, Record]:
    """Return the records to evaluate in place.

    absent: those that history lacks; changed: those that it has of another definition, with
    which every record that reads them is another one.
    """
    records = {record.name: record for record in model.records}
    return {
        name: record
        for name, record in records.items()
        if name in absent or name in changed or changed & set(recorded_in(record.expr, records))
    }
