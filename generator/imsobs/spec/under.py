"""Lays the packs that a spec uses under it: what the spec gives wins, key by key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from imsobs.problems import KeyPath, Position, Problem, available, dotted
from imsobs.spec import packs
from imsobs.spec.services import spread, users, uses

_NAMESPACE = re.compile(r"[a-z][a-z0-9-]*")


@dataclass
class Underlay:
    """A spec and its packs as one.

    data: merged; positions: of what the packs give, and the spec does not. given: entries of the
    packs -> their place; changed: keys of these that the spec gives otherwise (or removes).
    left_out: entries and parts of them -> what the spec lacks for them. complete: False where a
    pack is missing, so that what it would give is not at fault.
    """

    data: dict[str, Any]
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    given: dict[KeyPath, Position] = field(default_factory=dict)
    changed: list[KeyPath] = field(default_factory=list)
    left_out: dict[KeyPath, list[str]] = field(default_factory=dict)
    complete: bool = True


def underlay(spec: dict[str, Any]) -> tuple[Underlay, list[Problem]]:
    """Return the spec with the packs of its ``use`` under it, and what is wrong with ``use``.

    A mapping is merged key by key, at every depth; any other value of the spec replaces that of
    the pack, and null removes it. Entries of the spec come before those of the packs.
    """
    chosen, problems = _chosen(spec)
    written, spec = spec, spread(spec)
    found = Underlay(spec)
    service = spec.get("service")
    namespace = service.get("namespace") if isinstance(service, dict) else None
    # A namespace that is missing or malformed is told by the schema.
    usable = isinstance(namespace, str) and _NAMESPACE.fullmatch(namespace)
    found.complete = not any(problem.check == "pack/unknown" for problem in problems)
    found.complete &= not _use_is_unreadable(written)
    if not chosen or not usable:
        found.complete &= not chosen
        return found, problems
    below: dict[str, Any] = {}
    given = packs.read(chosen, spec)
    _name_reporters(given, written)
    for pack in given:
        below = _joined(below, pack.data)
        found.positions.update(pack.positions)
        found.left_out.update(pack.left_out)
    found.given = {path: found.positions[path] for path in _entries(found.positions)}
    found.data = _laid(below, spec, (), found)
    replaced = set(found.changed)
    found.positions = {
        path: place
        for path, place in found.positions.items()
        if not any(path[:end] in replaced for end in range(1, len(path) + 1))
    }
    return found, [*problems, *_removed_nothing(found.data, found.given)]


def _use_is_unreadable(spec: dict[str, Any]) -> bool:
    """Return whether packs are named where no ``use`` can be read.

    That is a ``use`` that is no list, or a list of packs under a key of another name.
    """
    services = spec.get("services")
    within = services.values() if isinstance(services, dict) else ()
    for entry in (spec, *(one for one in within if isinstance(one, dict))):
        if "use" in entry:
            if not isinstance(entry["use"], list):
                return True
        elif any(map(packs.are_named, entry.values())):
            return True
    return False


def _chosen(spec: dict[str, Any]) -> tuple[list[str], list[Problem]]:
    """Return the packs that exist, each once, and a problem for every other name."""
    chosen: dict[str, None] = {}
    listed: set[tuple[KeyPath, str]] = set()
    problems: list[Problem] = []
    for path, name in uses(spec):
        if not isinstance(name, str):
            continue  # told by the schema
        if (path[:-1], name) in listed:
            problems.append(Problem(path, f'"{name}" is listed twice', "pack/twice"))
        elif name in packs.names():
            chosen[name] = None
        else:
            message = f'there is no pack "{name}"; {available(name, packs.names())}'
            problems.append(Problem(path, message, "pack/unknown"))
        listed.add((path[:-1], name))
    return list(chosen), problems


def _name_reporters(given: list[packs.Pack], spec: dict[str, Any]) -> None:
    """Note in the metrics of packs which services use them, where not all do."""
    who: dict[str, list[str] | None] = {}
    for pack in given:
        own = users(spec, pack.name)
        for name in pack.data.get("metrics", {}):
            before = who.get(name, [])
            who[name] = None if own is None or before is None else [*before, *own]
    for pack in given:
        for name, metric in pack.data.get("metrics", {}).items():
            if (own := who[name]) and "stack" not in metric:
                metric["services"] = list(dict.fromkeys(own))


def _entries(positions: dict[KeyPath, Position]) -> list[KeyPath]:
    return [path for path in positions if len(path) > 1 and path == packs.entry_of(path)]


def _joined(first: Any, second: Any) -> Any:
    """Return what two packs give; entries of one name are equal."""
    if isinstance(first, dict) and isinstance(second, dict):
        shared = {key: _joined(first[key], second[key]) for key in first.keys() & second.keys()}
        return {**first, **second, **shared}
    return second


def _laid(pack: Any, spec: Any, path: KeyPath, found: Underlay) -> Any:
    if not isinstance(pack, dict) or not isinstance(spec, dict):
        found.changed.append(path)
        return spec
    merged: dict[str, Any] = {}
    # Sections and entries: the spec's first. Within an entry, what the spec adds comes last; so do
    # its rules, which read what those of packs record.
    names_entries = len(path) < (3 if path and path[0] in packs.NESTED else 2)
    first, then = (spec, pack) if names_entries and path != ("rules",) else (pack, spec)
    for key in {**first, **then}:
        if key in spec and key in pack and spec[key] is None:
            found.changed.append((*path, key))
        elif key in spec and key in pack:
            merged[key] = _laid(pack[key], spec[key], (*path, key), found)
        else:
            merged[key] = spec[key] if key in spec else pack[key]
    return merged


def _removed_nothing(data: dict[str, Any], given: dict[KeyPath, Position]) -> list[Problem]:
    """Return a problem for each null that stands for an entry which no pack gives."""
    problems = []
    for section in {str(path[0]) for path in given if len(path) == 2}:
        entries = data.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if entry is None:
                known = [str(path[1]) for path in given if path[0] == section]
                message = f"null removes an entry of a pack; {available(name, known)}"
                problems.append(Problem((section, name), message, "pack/removes-nothing"))
    return problems


def told(problem: Problem, place: Position, use: dict[str, Position]) -> tuple[Position, str]:
    """Return where and how a problem is told: one in a pack's entry, where the spec uses the pack.

    use: pack -> where the spec names it. What can be edited is the spec: it gives what the
    entry lacks, or overrides or removes the entry.
    """
    name = packs.named_by(place)
    if name is None or name not in use:
        return place, problem.message
    entry = dotted(packs.entry_of(problem.path))
    return use[name], f"{problem.message} ({place}; {entry} in the spec overrides it)"
