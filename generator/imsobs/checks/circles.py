"""Recorded series that read each other in a circle: none of them ever has a value."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import promql
from imsobs.model import Model
from imsobs.model.rules import Record
from imsobs.problems import Problem, part
from imsobs.promql.places import place_of_word


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
    for start in records:
        path = _back_to(start, reads, done)
        if path:
            found.append([records[name] for name in path])
            done |= set(path)
    return found


def _kept(record: Record, model: Model) -> bool:
    """Return whether a rule keeps what it recorded before, and says so."""
    section = model.spec.rules if record.path[0] == "rules" else model.spec.metrics
    return "rule/order" in section[record.name].allow


def check(model: Model) -> Iterator[Problem]:
    """Yield one problem for each circle, at its first rule."""
    for circle in circles(model):
        first, following = circle[0], circle[1 % len(circle)].name
        told = " -> ".join([*(record.name for record in circle), first.name])
        message = f"rules read each other in a circle, so none has a value: {told}"
        at = part(first.expr, place_of_word(first.expr, following))
        yield Problem(first.path, message, "rule/circle", part=at)


def _back_to(start: str, reads: dict[str, list[str]], done: set[str]) -> list[str]:
    """Return the shortest way from a name back to itself, empty where there is none."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        for name in reads[way[-1]]:
            if name == start and start not in done:
                return way
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _reads(expr: str) -> list[str]:
    try:
        return promql.metric_names(expr)
    except ValueError:
        return []
