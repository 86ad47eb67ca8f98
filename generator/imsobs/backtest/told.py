"""Who would have been told of each episode: Alertmanager's groups, inhibitions and mute times.

A group of alerts is looked at ``group_wait`` after its first alert fired, then every
``group_interval``, until none of it fires. Somebody is told of an episode at the first such look
during which it fires, is not inhibited and not muted. That each message takes a moment from
Prometheus to Alertmanager is left out.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from imsobs.backtest.states import Episode, Labels
from imsobs.model import Model
from imsobs.model.receivers import matches, taken
from imsobs.model.reporters import handed_over
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.routing import Inhibition, Mute, Route

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OUTCOMES = ("told", "known", "inhibited", "muted", "brief", "nobody", "pending")
"""What became of an episode, see Outcome."""


@dataclass(frozen=True)
class Outcome:
    """What became of an episode.

    kind: ``told``; ``known``: it was back before a look found it resolved, so that nothing was
    sent; ``inhibited`` or ``muted`` at every look at its group; ``brief``: over before the first
    look; ``nobody``: its receivers send nothing; ``pending``: it never fired. receivers: who was
    told. by: the mutes, or the alerts that held it back.
    """

    kind: str
    receivers: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


Played = Mapping[str, list[Episode]]
"""Alert name -> its episodes."""


def outcomes(name: str, played: Played, model: Model, last: int) -> list[Outcome]:
    """Return what became of every episode of an alert, in their order.

    played: this alert and those that may hold it back. last: the end of the range.
    """
    played = {one: [_handed_over(e, model) for e in ones] for one, ones in played.items()}
    found: list[Outcome] = [Outcome("pending")] * len(played[name])
    # Number of the route among those of the episode, the route itself, values of its labels.
    groups: dict[tuple[int, int, tuple[str, ...]], list[int]] = {}
    routed: dict[int, list[Route]] = {}
    for index, episode in enumerate(played[name]):
        if episode.fired is None:
            continue
        routed[index] = list(taken(episode.labels, model).values())
        for number, route in enumerate(routed[index] or [None]):
            keys = (route and route.group_by) or model.spec.routing.group_by
            values = tuple(episode.labels.get(label, "") for label in keys)
            groups.setdefault((number, id(route), values), []).append(index)
    holding = _Holding(name, played, model, last)
    parts: dict[int, list[Outcome]] = {}
    for (number, _, _), members in groups.items():
        route = routed[members[0]][number] if routed[members[0]] else None
        group = [played[name][index] for index in members]
        for index, outcome in zip(members, _looked_at(group, route, model, holding), strict=True):
            parts.setdefault(index, []).append(outcome)
    for index, several in parts.items():
        found[index] = _together(several)
    return found


def _handed_over(episode: Episode, model: Model) -> Episode:
    """Return an episode as Alertmanager knows it: groups and inhibitions see the owner's team."""
    return replace(episode, labels=handed_over(episode.labels, model.spec))


def _together(several: list[Outcome]) -> Outcome:
    """Return one outcome of several routes: the first in the order of OUTCOMES decides."""
    kind = min((outcome.kind for outcome in several), key=OUTCOMES.index)
    chosen = [outcome for outcome in several if outcome.kind == kind]
    receivers = dict.fromkeys(name for outcome in chosen for name in outcome.receivers)
    by = dict.fromkeys(name for outcome in chosen for name in outcome.by)
    return Outcome(kind, tuple(receivers), tuple(by))


def _looked_at(
    group: list[Episode], route: Route | None, model: Model, holding: _Holding
) -> list[Outcome]:
    """Return what became of the episodes of one group, at one receiver."""
    routing = model.spec.routing
    wait = seconds((route and route.group_wait) or routing.group_wait)
    interval = seconds((route and route.group_interval) or routing.group_interval)
    receiver = route.receiver if route else routing.receiver
    # A revision that is not checked may name what is not declared.
    sends = any(way is not None for _, way in model.spec.receivers.get(receiver, ()))
    told = Outcome("told" if sends else "nobody", (receiver,))
    known = Outcome("known") if sends else told
    mutes = [
        (name, mute) for name, mute in model.spec.mutes.items() if route and name in route.mute
    ]
    found = [Outcome("brief")] * len(group)
    holders = [holding.of(episode) for episode in group]
    alerts = [tuple(sorted(episode.labels.items())) for episode in group]
    order = sorted(range(len(group)), key=lambda index: _fired(group[index]))
    look, firing = 0, list[int]()
    # Alerts that the receiver knows to fire.
    notified: set[Labels] = set()
    for place, index in enumerate(order):
        if not firing:
            # The group was gone with its last alert.
            look, notified = _fired(group[index]) + wait, set()
        firing.append(index)
        following = group[order[place + 1]].fired if place + 1 < len(order) else None
        while firing and (following is None or look < following):
            firing = [one for one in firing if look < group[one].until(holding.last + 1)]
            for one in firing:
                if found[one] not in (told, known):
                    outcome = _at(look, holders[one], told, mutes, holding)
                    back = outcome == told and alerts[one] in notified
                    found[one] = known if back else outcome
            notified = {alerts[one] for one in firing if found[one] in (told, known)}
            if following is None and len(notified) == len(firing):
                return found
            look += interval
    return found


def _at(
    look: int,
    holders: list[Episode],
    told: Outcome,
    mutes: list[tuple[str, Mute]],
    holding: _Holding,
) -> Outcome:
    if by := holding.back(holders, look):
        return Outcome("inhibited", by=by)
    if by := tuple(name for name, mute in mutes if is_muted(mute, look)):
        return Outcome("muted", by=by)
    return told


class _Holding:
    """The episodes that hold others back."""

    def __init__(self, name: str, played: Played, model: Model, last: int) -> None:
        self.last = last
        self._sources: list[tuple[Inhibition, dict[tuple[str, ...], list[Episode]]]] = []
        for rule in model.spec.inhibitions.values():
            by_equal: dict[tuple[str, ...], list[Episode]] = {}
            for episodes in played.values():
                for episode in episodes:
                    if episode.fired is not None and matches(rule.source, episode.labels):
                        by_equal.setdefault(_equal(rule, episode.labels), []).append(episode)
            self._sources.append((rule, by_equal))

    def of(self, episode: Episode) -> list[Episode]:
        """Return the episodes during which an episode is held back, as they begin."""
        found: list[Episode] = []
        for rule, by_equal in self._sources:
            if matches(rule.target, episode.labels):
                # What is source and target both is not held back by another that is.
                both = matches(rule.source, episode.labels)
                found += [
                    source
                    for source in by_equal.get(_equal(rule, episode.labels), [])
                    if not (both and matches(rule.target, source.labels))
                ]
        return sorted(found, key=_fired)

    def back(self, by: list[Episode], at: int) -> tuple[str, ...]:
        """Return the names of those of the episodes that hold back at a time."""
        begun = by[: bisect.bisect_right(by, at, key=_fired)]
        holding = [one for one in begun if at < one.until(self.last + 1)]
        return tuple(dict.fromkeys(one.labels["alertname"] for one in holding))


def _fired(episode: Episode) -> int:
    return episode.fired or 0


def _equal(rule: Inhibition, labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(label, "") for label in rule.equal)


def is_muted(mute: Mute, at: int) -> bool:
    """Return whether a mute is on at a time (Unix seconds)."""
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(mute.location))
    clock = f"{local:%H:%M}"
    today = local.weekday()
    return any(
        time.start <= clock < time.end and (not time.weekdays or today in _days(time.weekdays))
        for time in mute.times
    )


def _days(weekdays: Iterable[str]) -> set[int]:
    found: set[int] = set()
    for text in weekdays:
        first, _, last = text.partition(":")
        start = _DAYS.index(first)
        # Weeks begin on Sunday: sunday:tuesday is a run.
        length = (_DAYS.index(last or first) - start) % 7 + 1
        found |= {(start + offset) % 7 for offset in range(length)}
    return found
