"""Recorded series that read each other in a circle: none of them ever has a value."""

from __future__ import annotations

from imsobs import promql
from imsobs.model import Model
from imsobs.model.rules import Record
from imsobs.problems import Problem, part
from imsobs.promql.places import place_of_word

# Rules of a circle that are named.
_SHOWN = 8


def circles(model: Model) -> list[list[Record]]:
    """Return each circle of the rules and derived metrics of the spec, as it is read.

    Begins with the one that is written first.
    """
    records = {
        record.name: record
        for record in model.records
        if record.expr and record.path[0] in ("rules", "metrics") and not _kept(record, model)
    }
    reads = {name: [r for r in _reads(one.expr) if r in records] for name, one in records.items()}
    found: list[list[Record]] = []
    done: set[str] = set()
    for start in _endless(reads):
        path = _back_to(start, reads) if start not in done else []
        if path:
            found.append([records[name] for name in path])
            done |= set(path)
    return found


def _kept(record: Record, model: Model) -> bool:
    """Return whether a rule keeps what it recorded before, and says so."""
    section = model.spec.rules if record.path[0] == "rules" else model.spec.metrics
    return "rule/order" in section[record.name].allow


def problem(circle: list[Record]) -> Problem:
    """Return what is said of a circle, at its first rule."""
    first, following = circle[0], circle[1 % len(circle)].name
    names = [record.name for record in circle]
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    told = " -> ".join([*names[:_SHOWN], *more, first.name])
    message = f"rules read each other in a circle, so none has a value: {told}"
    at = part(first.expr, place_of_word(first.expr, following))
    return Problem(first.path, message, "rule/circle", part=at)


def _endless(reads: dict[str, list[str]]) -> list[str]:
    """Return the names from which reading does not come to an end, in the order of the spec."""
    left = {name: len(set(read)) for name, read in reads.items()}
    readers: dict[str, list[str]] = {}
    for name, read in reads.items():
        for one in set(read):
            readers.setdefault(one, []).append(name)
    ended = [name for name, count in left.items() if count == 0]
    for name in ended:
        for reader in readers.get(name, ()):
            left[reader] -= 1
            if left[reader] == 0:
                ended.append(reader)
    return [name for name, count in left.items() if count]


def _back_to(start: str, reads: dict[str, list[str]]) -> list[str]:
    """Return the shortest way from a name back to itself, empty where there is none."""
    came_from: dict[str, str] = {}
    ways = [start]
    for here in ways:
        for name in reads[here]:
            if name == start:
                way = [here]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if name not in came_from:
                came_from[name] = here
                ways.append(name)
    return []


def _reads(expr: str) -> list[str]:
    try:
        return promql.metric_names(expr)
    except ValueError:
        return []
