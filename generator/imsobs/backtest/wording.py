"""What is said of a verdict and its episodes, by the terminal and by the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from imsobs.backtest.replay import Span, Verdict, firing_seconds
from imsobs.backtest.states import Episode
from imsobs.backtest.told import OUTCOMES, Outcome
from imsobs.model.alerts import threshold_text
from imsobs.model.rules import ResolvedAlert
from imsobs.problems import listed
from imsobs.terminal import printable

_OUTCOMES = {
    "known": "back before its end was told",
    "brief": "over before anybody was told",
    "nobody": "no receiver",
}


def summary(verdict: Verdict, span: Span) -> str:
    """Return how often and how long an alert fired, one clause each."""
    fired = [one for one in verdict.episodes if one.fired is not None]
    pending = len(verdict.episodes) - len(fired)
    parts = [f"fired {len(fired)} times" if len(fired) != 1 else "fired once"]
    if fired:
        longest = max(firing_seconds(one, span) for one in fired)
        parts.append(f"{duration(verdict.seconds(span))} in all, the longest {duration(longest)}")
    if pending:
        parts.append(f"{pending} times pending only" if pending > 1 else "once pending only")
    condition = f"{verdict.alert.op} {threshold_text(verdict.alert.threshold, verdict.alert.unit)}"
    return f"{condition}: {'; '.join(parts)}"


def reached(verdict: Verdict) -> str:
    """Return who would have been told how often, and what held the others back."""
    told = Counter(name for one in verdict.outcomes if one.kind == "told" for name in one.receivers)
    parts = [f"{name} {count}" for name, count in sorted(told.items())]
    text = f"told: {', '.join(parts)}" if parts else ""
    kinds = Counter(one.kind for one in verdict.outcomes)
    for kind in OUTCOMES[1:-1]:
        if kinds[kind]:
            by = {name for one in verdict.outcomes if one.kind == kind for name in one.by}
            cause = f" by {listed(sorted(by))}" if by else ""
            text += f"{'; ' if text else ''}{_OUTCOMES.get(kind, kind)}: {kinds[kind]}{cause}"
    return text


def notes(verdict: Verdict) -> Iterator[str]:
    """Yield what bears upon an answer."""
    if verdict.without_data:
        yield f"no data of {listed(verdict.without_data)}"
    if verdict.in_place:
        yield f"evaluated in place: {listed(verdict.in_place)}"
    if verdict.refused:
        yield printable(verdict.refused)
    if "ALERTS" in verdict.alert.expr:
        yield "reads ALERTS as Prometheus recorded them then"


def begun(episode: Episode, span: Span) -> str:
    """Return when an episode began; what began before the range is not followed further back."""
    if episode.begin < span.first:
        return f"before {moment(span.first)}"
    return moment(episode.begin)


def course(episode: Episode, span: Span) -> str:
    """Return for how long of the range an episode was pending and fired."""
    until = episode.until(int(span.last))
    parts = []
    begin = max(episode.begin, int(span.first))
    if (held := (until if episode.fired is None else episode.fired) - begin) > 0:
        parts.append(f"pending {duration(held)}")
    if episode.fired is not None:
        parts.append(f"firing {duration(firing_seconds(episode, span))}")
    if episode.end is None:
        parts.append("and still")
    return ", ".join(parts)


def ending(outcome: Outcome) -> str:
    """Return what became of an episode."""
    if outcome.kind == "pending":
        return ""
    if outcome.kind == "told":
        return f"told {', '.join(outcome.receivers)}"
    by = f" by {', '.join(outcome.by)}" if outcome.by else ""
    return f"{_OUTCOMES.get(outcome.kind, outcome.kind)}{by}"


def labels_text(labels: Mapping[str, str], alert: ResolvedAlert) -> str:
    """Return the labels of an episode that tell it from others of its alert."""
    own = {*alert.labels, "alertname"}
    return ", ".join(
        f'{name}="{printable(value)}"' for name, value in sorted(labels.items()) if name not in own
    )


def value_text(value: float, alert: ResolvedAlert) -> str:
    """Return a value as people read it, four digits of it."""
    return threshold_text(float(f"{value:.4g}"), alert.unit)


def gap(span: Span) -> str:
    """Return what of the range is missing, empty when nothing is."""
    if span.first - span.asked < 1:
        return ""
    return (
        f"Prometheus has nothing before {moment(span.first)}: the first"
        f" {duration(span.first - span.asked)} of the range are missing"
    )


def moment(at: float) -> str:
    """Return a time in UTC."""
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%d %H:%M:%S}"


def duration(length: float) -> str:
    """Return a length of time in its two largest units: ``2d 3h``, ``41m``, ``15s``."""
    rest = round(length)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0s"
