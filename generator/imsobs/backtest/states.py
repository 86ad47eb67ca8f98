"""Prometheus' state machine of an alert, over samples that are known already.

Each label set is on its own. At an evaluation at which the condition holds, a label set becomes
pending; it fires at the first evaluation that is ``for`` or more after that. At one at which the
condition does not hold, a pending one is dropped and a firing one resolves; with
``keep_firing_for`` at the first evaluation that is so much or more after the first one without
the condition. What resolved is pending anew when the condition holds again
(docs/adr/0037-what-an-alert-would-have-done.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Labels = tuple[tuple[str, str], ...]
# Time of an evaluation, Unix seconds, and the value of the alert's expression at it.
Sample = tuple[int, float]


@dataclass(frozen=True)
class Evaluations:
    """When a rule is evaluated: every ``step`` seconds from ``first`` to ``last``, Unix seconds."""

    first: int
    last: int
    step: int


@dataclass(frozen=True)
class Timing:
    """``for`` and ``keep_firing_for`` of an alert, in seconds; 0: none."""

    hold: int = 0
    keep: int = 0


@dataclass(frozen=True)
class Episode:
    """A label set from pending to resolved.

    begin: evaluation at which it became pending (or fired at once); fired: at which it fired, None
    when it never did; end: at which it was gone, None when it lasts beyond the range. Unix seconds.
    peak: the worst value of the expression while the condition held.
    """

    labels: Mapping[str, str]
    begin: int
    fired: int | None
    end: int | None
    peak: float

    def until(self, last: int) -> int:
        """Return when it was gone; of one that lasts, the end of the range."""
        return last if self.end is None else self.end


def episodes(
    samples: Mapping[Labels, Sequence[Sample]],
    timing: Timing,
    when: Evaluations,
    *,
    lowest: bool = False,
) -> list[Episode]:
    """Return every episode of an alert, in the order in which they begin.

    samples: labels of an alert -> the evaluations at which its condition holds, in their order.
    lowest: the lowest value is the worst one, as of a condition with ``<``.
    """
    found = [
        episode
        for labels, series in samples.items()
        for episode in _of_one(dict(labels), series, timing, when, lowest)
    ]
    return sorted(found, key=lambda one: (one.begin, sorted(one.labels.items())))


def _of_one(
    labels: Mapping[str, str],
    series: Sequence[Sample],
    timing: Timing,
    when: Evaluations,
    lowest: bool,
) -> Iterator[Episode]:
    worst = min if lowest else max
    found: list[Episode] = []
    gone = when.first - 1
    for first, last, peak in _runs(series, when.step, lowest):
        if found and first <= gone:
            # It was kept firing until its condition held again.
            open_ = found.pop()
            begin, fired, peak = open_.begin, open_.fired, worst(open_.peak, peak)
        else:
            begin, fires = first, first + _steps_of(timing.hold, when.step)
            fired = fires if fires <= last else None
        kept = 0 if fired is None else _steps_of(timing.keep, when.step)
        gone = last + when.step + kept
        found.append(Episode(labels, begin, fired, gone if gone <= when.last else None, peak))
    yield from found


def _steps_of(seconds: int, step: int) -> int:
    """Return a duration as the evaluations see it: the next whole number of steps."""
    return -(-seconds // step) * step


def _runs(series: Sequence[Sample], step: int, lowest: bool) -> Iterator[tuple[int, int, float]]:
    """Yield (first, last, worst value) of evaluations in a row at which the condition holds."""
    worst = min if lowest else max
    first = last = None
    peak = 0.0
    for time, value in series:
        if first is None or last is None:
            first, peak = time, value
        elif time - last != step:
            yield first, last, peak
            first, peak = time, value
        else:
            peak = worst(peak, value)
        last = time
    if first is not None and last is not None:
        yield first, last, peak
