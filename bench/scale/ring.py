"""The ring of `load_balancing`: who owns a trace, and how many change hands when owners do.

A copy of consistent_hashing.go of v0.160.0; `tests/scale` holds it against the exporter itself.
"""

from __future__ import annotations

import bisect
import math
import operator
import random
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

POSITIONS, POINTS, _PROBES = 131_071, 200, 10


class Ring:
    """Owners by name (``host:port``), each at 200 places of a ring of 131 071."""

    def __init__(self, owners: Sequence[str]) -> None:
        places = sorted(
            (crc % POSITIONS, crc, owner)
            for owner in owners
            for point in range(POINTS)
            for crc in [zlib.crc32(owner.encode() + point.to_bytes(4, "little"))]
        )
        taken: dict[int, str] = {}
        for place, _, owner in places:
            for step in range(_PROBES):
                if (at := (place + step) % POSITIONS) not in taken:
                    taken[at] = owner
                    break
        self._at = sorted(taken)
        self._owners = [taken[at] for at in self._at]

    def owner(self, trace: bytes) -> str:
        """Return who owns a trace id: the next place on the ring."""
        place = bisect.bisect_left(self._at, zlib.crc32(trace) % POSITIONS)
        return self._owners[place % len(self._owners)]

    def shares(self, traces: Iterable[bytes]) -> Counter[str]:
        """Return how many of the traces each owns."""
        return Counter(self.owner(trace) for trace in traces)


@dataclass(frozen=True)
class Moved:
    """What a change of the owners moves. moved: share of all traces; least, most: of an owner."""

    owners: int
    added: float
    removed: float
    least: float
    most: float


def moved(owners: int, traces: Sequence[bytes]) -> Moved:
    """Return what one owner more, or one less, moves; least and most relative to an even share.

    owners: at least two.
    """
    names = [f"sample-{n}.sample.observability.svc.cluster.local:4317" for n in range(owners + 1)]
    fewer, before, more = Ring(names[:-2]), Ring(names[:-1]), Ring(names)
    owned = [before.owner(trace) for trace in traces]
    shares, even = Counter(owned), len(traces) / owners

    def change(other: Ring) -> float:
        now = map(other.owner, traces)
        return sum(map(operator.ne, owned, now)) / len(traces)

    held = [shares[name] / even for name in names[:-1]]
    return Moved(owners, change(more), change(fewer), min(held), max(held))


@dataclass(frozen=True)
class Day:
    """A day under an autoscaler. split: share of the day's traces that had two owners."""

    fewest: int
    most: int
    changes: int
    split: float


def day(most: int, seen_after: float, open_for: float) -> Day:
    """Play a day of traffic, lowest at night, against Kubernetes' autoscaler.

    most: replicas at the peak; seen_after: seconds until every `derive` knows of a change;
    open_for: seconds for which a trace still gets spans. Traffic is a third at night, with a tenth
    of noise; replicas are to be busy to 60 %, a change below 10 % is none, and fewer are wanted for
    five minutes before there are fewer.
    """
    chance = random.Random(1)  # noqa: S311
    replicas, changes, split, total = most // 3, 0, 0.0, 0.0
    low = high = replicas
    wanted_before: list[int] = []
    for step in range(24 * 3600 // 15):
        hour = step * 15 / 3600
        load = (2 - math.cos(hour / 24 * 2 * math.pi)) / 3 * chance.uniform(0.9, 1.1)
        busy = 0.6 * most * load / replicas
        wanted = replicas if abs(busy / 0.6 - 1) <= 0.1 else math.ceil(replicas * busy / 0.6)
        wanted_before = [*wanted_before[-19:], wanted]
        # Fewer only when that has been enough for five minutes.
        now = max(wanted_before) if wanted < replicas else wanted
        total += load * 15
        if now != replicas:
            changes += 1
            # What has begun and is not over, while not all know of the change or ever after.
            part = abs(now - replicas) / max(now, replicas)
            split += part * load * (seen_after + open_for)
            replicas = now
        low, high = min(low, replicas), max(high, replicas)
    return Day(low, high, changes, split / total)
