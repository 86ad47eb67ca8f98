"""An expression at many evaluations: asked piece by piece, each within what Prometheus answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imsobs.backtest.prometheus import Prometheus, QueryError, RefusedError, TooMuchError
from imsobs.backtest.states import Evaluations, Labels, Sample

MOST_POINTS = 11_000
"""Points of a series that Prometheus answers at most to one question."""
# A question of so few evaluations that is too large is not halved further.
_FEWEST_POINTS = 60
# Of an expression that is refused more often it is not looked for which evaluations fail.
_MOST_REFUSALS = 100

Samples = dict[Labels, list[Sample]]


@dataclass(frozen=True)
class Answer:
    """What an expression gives at every evaluation.

    refused: how many evaluations failed; each has what the one before it had, for Prometheus leaves
    the states of alerts as they are then. reason: why they failed.
    """

    samples: Samples
    refused: int = 0
    reason: str = ""


def evaluate(source: Prometheus, expression: str, when: Evaluations) -> Answer:
    """Return the answer of all evaluations. Raises QueryError."""
    asked = _Asked(source, expression)
    for piece in pieces(when):
        asked.piece(piece)
    for at in asked.refused:
        for points in asked.found.values():
            _carry(points, at, when.step)
    return Answer(asked.found, len(asked.refused), asked.reason)


def pieces(when: Evaluations) -> Iterator[Evaluations]:
    """Yield the evaluations in pieces that Prometheus answers to."""
    span = (MOST_POINTS - 1) * when.step
    first = when.first
    while first <= when.last:
        last = min(first + span, when.last)
        yield Evaluations(first, last, when.step)
        first = last + when.step


class _Asked:
    """What was answered so far."""

    def __init__(self, source: Prometheus, expression: str) -> None:
        self._source, self._expression = source, expression
        self._refusals = 0
        self.found: Samples = {}
        self.refused: list[int] = []
        self.reason = ""

    def piece(self, when: Evaluations) -> None:
        """Ask for a piece; what is too large is halved, and what fails at some evaluation."""
        count = (when.last - when.first) // when.step + 1
        try:
            rows = self._source.range(self._expression, when)
        except TooMuchError as error:
            if count < 2 * _FEWEST_POINTS:
                raise QueryError(
                    f"{error}, even of {count} evaluations"
                    "; record a part of it by a rule, or take a shorter --since"
                ) from None
            self._halves(when, count)
        except RefusedError as error:
            self._refusals += 1
            if self._refusals > _MOST_REFUSALS:
                raise
            if count == 1:
                self.refused.append(when.first)
                self.reason = str(error)
            else:
                self._halves(when, count)
        else:
            if len({labels for labels, _ in rows}) < len(rows):
                # They differ in their names, which alerts do not have.
                raise QueryError("two series have the same labels: Prometheus refuses such alerts")
            for labels, points in rows:
                self.found.setdefault(labels, []).extend(points)

    def _halves(self, when: Evaluations, count: int) -> None:
        middle = when.first + count // 2 * when.step
        self.piece(Evaluations(when.first, middle - when.step, when.step))
        self.piece(Evaluations(middle, when.last, when.step))


def _carry(points: list[Sample], at: int, step: int) -> None:
    """Give an evaluation what the one before it had."""
    for place, (time, value) in enumerate(points):
        if time == at - step:
            points.insert(place + 1, (at, value))
            return
