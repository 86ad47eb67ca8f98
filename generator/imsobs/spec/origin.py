"""Where the entries of a spec come from: its own files, or a pack and what overrides it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from imsobs.errors import ExitCode, ImsobsError
from imsobs.problems import KeyPath, Problem, available, dotted, near
from imsobs.spec.load import Document
from imsobs.spec.packs import entry_of

# How alike a name must be to that of a pack's entry: names of metrics share much anyway.
_SURE = 0.8


@dataclass(frozen=True)
class Origin:
    """An entry: its key path, its place, and the places of the spec that change it.

    left_out: what the spec lacks, for an entry or a part of one that is left out.
    """

    entry: str
    place: str
    changed: list[str]
    left_out: list[str]


def origins(document: Document, name: str | None = None) -> list[Origin]:
    """Return the entries of all packs, or every entry of one name, the spec's own included.

    name: of an entry, alone or after its section. Raises ImsobsError for an unknown name.
    """
    packs = document.packs
    known = dict.fromkeys([*packs.given, *packs.left_out])
    if name is not None:
        own = (path for path in document.positions if len(path) > 1 and path == entry_of(path))
        known = {path: None for path in {**known, **dict.fromkeys(own)} if _is(path, name)}
        if not known:
            names = {
                str(entry_of(p)[-1]) for p in [*packs.given, *document.positions] if len(p) > 1
            }
            raise ImsobsError(
                f'there is no entry "{name}"',
                remedy=available(name, names),
                exit_code=ExitCode.INPUT,
            )
    return [_origin(path, document) for path in known]


def _is(path: KeyPath, name: str) -> bool:
    return name in (str(path[-1]), dotted(path))


def _origin(path: KeyPath, document: Document) -> Origin:
    packs = document.packs
    place = packs.given.get(path) or document.locate(path)
    changed = [
        f"{document.locate(key)}: {dotted(key)}"
        for key in packs.changed
        if key[: len(path)] == path and path in packs.given
    ]
    missing = packs.left_out.get(path, [])
    return Origin(dotted(path), "" if missing else str(place), changed, missing)


def or_of_a_pack(problem: Problem, given: Iterable[KeyPath]) -> Problem:
    """Return a problem of what an entry lacks with the pack's entry that its name is near to.

    given: the entries of packs.
    """
    entry = entry_of(problem.path)
    if problem.check != "spec/missing-key" or len(problem.path) > len(entry) + 1 or len(entry) < 2:
        return problem
    alike = [str(path[-1]) for path in given if path[:-1] == entry[:-1]]
    meant = None if str(entry[-1]) in alike else near(str(entry[-1]), alike, _SURE)
    if meant is None:
        return problem
    message = f'did you mean "{meant}", which a pack gives? As an entry of its own'
    return replace(problem, path=entry, message=f"{message}, {problem.message}")


def told_where_written(problems: list[Problem], document: Document) -> list[Problem]:
    """Return the problems without those of values that only repeat what is written elsewhere."""
    told = {(p.check, p.message) for p in problems if p.path in document.positions}
    return [
        p
        for p in problems
        if p.check == "spec/missing-key"
        or p.path in document.positions
        or (p.check, p.message) not in told
    ]
