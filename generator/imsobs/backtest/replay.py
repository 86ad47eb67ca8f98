"""Replays alerts of one or two revisions over what a Prometheus holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from imsobs.backtest.history import History
from imsobs.backtest.inplace import UnknownInPlaceError
from imsobs.backtest.prometheus import Prometheus, QueryError
from imsobs.backtest.queries import Answer, evaluate
from imsobs.backtest.questions import (
    Asking,
    Question,
    Questions,
    exact,
    lacking,
    lowest_is_worst,
    of_alert,
)
from imsobs.backtest.states import Episode, Evaluations, Timing, episodes
from imsobs.backtest.told import Outcome, outcomes
from imsobs.errors import ImsobsError
from imsobs.model import Model
from imsobs.model.receivers import inhibitors
from imsobs.model.rules import ResolvedAlert, recorded_in
from imsobs.runtime.progress import Progress
from imsobs.spec.schema.base import seconds

# As many are evaluated at once as a small machine has cores, while answers are read.
_AT_ONCE = 3

Key = tuple[str, int]
Answers = Mapping[Key, Answer | str]


@dataclass(frozen=True)
class Side:
    """One revision: its name for people, its model, and its name of each alert that is replayed."""

    name: str
    model: Model
    alerts: Sequence[str]


@dataclass(frozen=True)
class Span:
    """What is looked at, Unix seconds.

    asked: where it was to begin; first: where it does, for older data are gone; before: where
    evaluations begin, so that what is pending at the begin is known.
    """

    asked: float
    first: float
    last: float
    before: float


@dataclass(frozen=True)
class Row:
    """What a threshold would have done: episodes that stayed pending, that fired, seconds of it."""

    threshold: float
    pending: int
    fired: int
    seconds: int


@dataclass(frozen=True)
class Verdict:
    """An alert of one revision, replayed.

    episodes, outcomes: in the same order. in_place: records that were evaluated in place.
    without_data: series that it reads and of which there is nothing. error: why there is no answer.
    refused: how many evaluations failed and why, empty for none.
    """

    side: Side
    alert: ResolvedAlert
    episodes: list[Episode] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    sweep: list[Row] = field(default_factory=list)
    in_place: tuple[str, ...] = ()
    without_data: tuple[str, ...] = ()
    error: str = ""
    refused: str = ""

    def seconds(self, span: Span) -> int:
        """Return for how many seconds it fired in the range, label sets added up."""
        return sum(firing_seconds(episode, span) for episode in self.episodes)


def firing_seconds(episode: Episode, span: Span) -> int:
    """Return for how many seconds of the range an episode fired."""
    if episode.fired is None:
        return 0
    return episode.until(int(span.last)) - max(episode.fired, int(span.first))


def span_of(source: Prometheus, sides: Sequence[Side], since: int, until: float) -> Span:
    """Return what of a range Prometheus holds. Raises ImsobsError (OUTSIDE) for nothing of it."""
    asked = until - since
    oldest = source.oldest()
    if oldest is not None and oldest >= until:
        raise ImsobsError(
            f"Prometheus at {source.name} holds nothing of this range",
            remedy="choose a range that it has data of",
        )
    alerts = [side.model.alerts[name] for side in sides for name in side.alerts]
    # One evaluation more, so that what goes on at the begin is seen to have begun before it.
    held = max(
        (_timing(one).hold + _timing(one).keep + seconds(one.interval) for one in alerts), default=0
    )
    return Span(asked, max(asked, oldest or 0), until, max(asked - held, oldest or 0))


def replay(
    sides: Sequence[Side],
    source: Prometheus,
    span: Span,
    progress: Progress,
    thresholds: Sequence[float] = (),
) -> list[list[Verdict]]:
    """Return the verdicts of each side, in the order of its alerts.

    thresholds: further ones that are tried. Raises ImsobsError where Prometheus does not answer;
    what it refuses is the verdict's own error.
    """
    progress.doing("looking which series there are")
    history = History(source, span.first, span.last)
    questions = Questions()
    changed = _changed(sides)
    plans = [_Plan(side, history, changed, questions, thresholds) for side in sides]
    answers = _answered(questions.all(), source, span, progress)
    return [plan.verdicts(answers, span, thresholds) for plan in plans]


def _changed(sides: Sequence[Side]) -> set[str]:
    """Return the records that two revisions define otherwise: history has one of the two."""
    first, *others = [
        {record.name: (record.expr, record.interval) for record in side.model.records}
        for side in sides
    ]
    return {
        name
        for other in others
        for name in first.keys() & other.keys()
        if first[name] != other[name]
    }


class _Plan:
    """What is asked for one revision, and what is made of the answers."""

    def __init__(
        self,
        side: Side,
        history: History,
        changed: set[str],
        questions: Questions,
        thresholds: Sequence[float],
    ) -> None:
        self._side = side
        self._asked: dict[str, Asking | str] = {}
        self._lacking: dict[str, tuple[str, ...]] = {}
        model = side.model
        beside = [other for name in side.alerts for other in inhibitors(model.alerts[name], model)]
        wanted = list(dict.fromkeys([*side.alerts, *beside]))
        records = {record.name: record for record in model.records}
        read = {name for alert in wanted for name in recorded_in(model.alerts[alert].expr, records)}
        absent = {
            name
            for name in sorted(read)
            if not history.has(name, from_start=True) and history.can_compute(name, records)
        }
        missing = lacking(model, absent, changed)
        for name in wanted:
            alert = model.alerts[name]
            further = thresholds if name in side.alerts else ()
            try:
                self._asked[name] = asking = questions.add(alert, missing, further)
            except (UnknownInPlaceError, ValueError) as error:
                # The other revision is not checked: its text may be no PromQL.
                self._asked[name] = str(error)
                continue
            self._lacking[name] = tuple(one for one in asking.reads if not history.has(one))

    def verdicts(self, answers: Answers, span: Span, thresholds: Sequence[float]) -> list[Verdict]:
        """Return the verdict of each alert of the side."""
        model = self._side.model
        played: dict[str, list[Episode]] = {}
        errors: dict[str, str] = {}
        for name in self._asked:
            try:
                alert = model.alerts[name]
                played[name] = self._episodes(name, answers, span, exact(alert.threshold))
            except ValueError as error:
                played[name], errors[name] = [], str(error)
        found = []
        for name in self._side.alerts:
            alert, asking = model.alerts[name], self._asked[name]
            beside = {one: played[one] for one in (name, *inhibitors(alert, model))}
            verdict = Verdict(
                self._side,
                alert,
                played[name],
                outcomes(name, beside, model, int(span.last)),
                [] if name in errors else self._swept(name, answers, span, thresholds),
                asking.replaced if isinstance(asking, Asking) else (),
                self._lacking.get(name, ()),
                errors.get(name, ""),
                self._refused(name, answers),
            )
            found.append(verdict)
        return found

    def _refused(self, name: str, answers: Answers) -> str:
        asking = self._asked[name]
        answer = answers[asking.key] if isinstance(asking, Asking) else ""
        if isinstance(answer, str) or not answer.refused:
            return ""
        return f"{answer.refused} evaluations failed, as they did then: {answer.reason}"

    def _swept(
        self, name: str, answers: Answers, span: Span, thresholds: Sequence[float]
    ) -> list[Row]:
        rows = []
        for threshold in thresholds:
            found = self._episodes(name, answers, span, exact(threshold))
            fired = [one for one in found if one.fired is not None]
            total = sum(firing_seconds(one, span) for one in fired)
            rows.append(Row(threshold, len(found) - len(fired), len(fired), total))
        return rows

    def _episodes(self, name: str, answers: Answers, span: Span, threshold: float) -> list[Episode]:
        """Return the episodes of an alert that reach into the range; ValueError: there is none."""
        alert, asking = self._side.model.alerts[name], self._asked[name]
        answer = asking if isinstance(asking, str) else answers[asking.key]
        if isinstance(answer, str):
            raise ValueError(answer)
        when = evaluations(span, seconds(alert.interval))
        samples = of_alert(alert, answer.samples, threshold)
        found = episodes(samples, _timing(alert), when, lowest=lowest_is_worst(alert))
        return [one for one in found if one.until(when.last + 1) > span.first]


def _timing(alert: ResolvedAlert) -> Timing:
    return Timing(seconds(alert.for_ or "0s"), seconds(alert.keep_firing_for or "0s"))


def evaluations(span: Span, step: int) -> Evaluations:
    """Return when a group is evaluated: at multiples of its interval."""
    first = math.ceil(span.before / step) * step
    return Evaluations(first, int(span.last) // step * step, step)


def _answered(
    questions: Mapping[Key, Question], source: Prometheus, span: Span, progress: Progress
) -> dict[Key, Answer | str]:
    """Return the answer to every question, or why there is none."""

    def ask(question: Question) -> Answer | str:
        try:
            return evaluate(source, question.expression, evaluations(span, question.step))
        except QueryError as error:
            return str(error)

    found: dict[Key, Answer | str] = {}
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        waiting = {pool.submit(ask, question): key for key, question in questions.items()}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            progress.doing(f"evaluated {len(found)} of {len(waiting)} conditions")
    finally:
        pool.shutdown(cancel_futures=True)
    return found
