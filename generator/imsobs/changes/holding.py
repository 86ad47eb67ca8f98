"""Inhibitions and mutes: which alerts are held back, and from whom, that were not, or no longer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from imsobs.changes.change import Change, Rank
from imsobs.model import Model
from imsobs.model.receivers import routes_of, situations
from imsobs.outputs.docs.runbooks import holders
from imsobs.problems import KeyPath, listed
from imsobs.spec.schema.routing import Inhibition, Matchers, Mute

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = 24 * 60


def changes(before: Model, after: Model) -> Iterator[Change]:
    """Yield what changed of inhibitions and mutes, by the alerts that they concern."""
    yield from _inhibitions(before, after)
    yield from _mutes(before, after)


def _inhibitions(before: Model, after: Model) -> Iterator[Change]:
    old, new = _held(before), _held(after)
    for name, rule in after.spec.inhibitions.items():
        path: KeyPath = ("inhibitions", name)
        known = before.spec.inhibitions.get(name)
        gained, lost = _moved(old[name], new[name])
        if known is None:
            text = f"added: while {_labels(rule.source)} fires, {_alerts(gained)} held back"
            yield Change(Rank.breaking if gained else Rank.behaviour, path, text)
            continue
        if gained:
            yield Change(Rank.breaking, path, f"{_alerts(gained)} held back from now on")
        if lost:
            yield Change(Rank.behaviour, path, f"{_alerts(lost)} held back no longer")
        yield from _conditions(path, known, rule)
    for name in before.spec.inhibitions.keys() - after.spec.inhibitions.keys():
        text = f"removed: {_alerts(sorted(old[name]))} held back no longer"
        yield Change(Rank.behaviour, ("inhibitions", name), text, removed=True)


def _conditions(path: KeyPath, before: Inhibition, after: Inhibition) -> Iterator[Change]:
    if before.source != after.source:
        text = f"held back while {_labels(before.source)} fires -> {_labels(after.source)}"
        yield Change(Rank.behaviour, path, text)
    if set(before.equal) != set(after.equal):
        # With fewer labels that must be equal, more is held back.
        rank = Rank.breaking if set(before.equal) - set(after.equal) else Rank.behaviour
        text = f"equal: {listed(before.equal) or 'none'} -> {listed(after.equal) or 'none'}"
        yield Change(rank, path, text)


def _held(model: Model) -> defaultdict[str, set[str]]:
    """Return inhibition -> the alerts that it may hold back."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, alert in model.alerts.items():
        if alert.enabled:
            for holder in holders(name, model):
                found[holder].add(name)
    return found


def _mutes(before: Model, after: Model) -> Iterator[Change]:
    old, new = _muted(before), _muted(after)
    for mute, receiver in sorted({*old, *new}):
        path: KeyPath = ("mutes", mute)
        gained, lost = _moved(old[mute, receiver], new[mute, receiver])
        if gained:
            text = f"{receiver} is not notified at these times from now on: {listed(gained)}"
            yield Change(Rank.breaking, path, text)
        if lost:
            text = f"{receiver} is notified at all times from now on: {listed(lost)}"
            yield Change(Rank.behaviour, path, text, removed=mute not in after.spec.mutes)
    for name, mute_after in after.spec.mutes.items():
        if (mute_before := before.spec.mutes.get(name)) is None:
            yield Change(Rank.behaviour, ("mutes", name), f"added: {mute_after.description}")
        else:
            yield from _times(("mutes", name), mute_before, mute_after)
    for name in before.spec.mutes.keys() - after.spec.mutes.keys():
        yield Change(Rank.behaviour, ("mutes", name), "removed", removed=True)


def _times(path: KeyPath, before: Mute, after: Mute) -> Iterator[Change]:
    if before.location != after.location:
        text = f"location: {before.location} -> {after.location}"
        yield Change(Rank.breaking, path, text)
    more, less = (len(a - b) for a, b in _both_ways(_minutes(before), _minutes(after)))
    if more:
        yield Change(Rank.breaking, path, f"mutes {more / 60:g} hours a week that it did not")
    if less:
        yield Change(Rank.behaviour, path, f"mutes {less / 60:g} hours a week no longer")
    if before.description != after.description:
        yield Change(Rank.cosmetic, path, "description")


def _both_ways(before: set[int], after: set[int]) -> tuple[tuple[set[int], set[int]], ...]:
    return (after, before), (before, after)


def _minutes(mute: Mute) -> set[int]:
    """Return the minutes of a week that are muted."""
    found: set[int] = set()
    for time in mute.times:
        start, end = (_minute(text) for text in (time.start, time.end))
        for day in _days(time.weekdays):
            found.update(range(day * _DAY + start, day * _DAY + end))
    return found


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _days(weekdays: list[str]) -> set[int]:
    found: set[int] = set()
    for text in weekdays or ["monday:sunday"]:
        first, _, last = text.partition(":")
        found.update(range(_DAYS.index(first), _DAYS.index(last or first) + 1))
    return found


def _muted(model: Model) -> defaultdict[tuple[str, str], set[str]]:
    """Return (mute, receiver) -> the alerts of which it is then not notified."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for name, alert in model.alerts.items():
        for labels in situations(alert, model) if alert.enabled else ():
            for route, receiver in routes_of(alert, labels, model):
                for mute in model.spec.routing.routes[route].mute if route else ():
                    found[mute, receiver].add(name)
    return found


def _moved(before: set[str], after: set[str]) -> tuple[list[str], list[str]]:
    return sorted(after - before), sorted(before - after)


def _alerts(names: list[str]) -> str:
    return f"{listed(names) or 'no alert'} {'are' if len(names) > 1 else 'is'}"


def _labels(match: Matchers) -> str:
    return ", ".join(
        f"{label} {value if isinstance(value, str) else ' or '.join(value)}"
        for label, value in match.items()
    )
