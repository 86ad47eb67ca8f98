"""Packs: entries shipped with this tool, laid under a spec that names them in ``use``.

A pack is a file of data/packs with the sections of a spec. What depends on the spec is written
``<word>`` in its keys and texts (see ``pack_words``), and ``needs`` lists entries, as
``section.name``, without which an entry, a panel or a query is left out. Reference:
docs/guide/packs.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imsobs.errors import ExitCode, ImsobsError
from imsobs.problems import KeyPath, Position, dotted
from imsobs.spec import pack_words
from imsobs.spec.pack_words import WORDS, entries_of
from imsobs.spec.reader import Reader, read_text

FOLDER = Path(__file__).resolve().parents[1] / "data" / "packs"
# Key of an entry in a pack; no key of a spec has this name.
NEEDS = "needs"
# Key of a text beside what it needs.
TEXT = "text"
_PLACEHOLDER = re.compile(f"<({'|'.join(WORDS)})>")
# Sections whose entries lie one level deeper.
NESTED = ("alerting", "routing")


@dataclass
class Pack:
    """What a pack gives to one spec.

    data: its sections; positions: key path -> place in the pack's file. left_out: entries, and
    parts of them, that the spec has no use for -> the entries that they need.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    left_out: dict[KeyPath, list[str]] = field(default_factory=dict)


def names() -> list[str]:
    """Return the names of the packs that ship with this tool."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def entries(name: str) -> dict[str, dict[str, Any]]:
    """Return section -> entries of a pack, as its file has them: ``<word>`` not filled in."""
    _, data = _read(name)
    return {section: given for section, given in data.items() if isinstance(given, dict)}


def description(name: str) -> str:
    """Return what a pack is for."""
    return str(_read(name)[1]["description"]).strip()


def name_pattern(name: str) -> str:
    """Return the regular expression of an entry's name in any spec: any text for ``<word>``."""
    parts = re.split(r"<[a-z_]+>", name)
    return "[a-z][a-z0-9_-]*".join(re.escape(part).replace("\\-", "-") for part in parts)


def are_named(value: Any) -> bool:
    """Return whether a value is a list that names packs, as that of ``use`` does."""
    return isinstance(value, list) and any(one in names() for one in value if isinstance(one, str))


def place_of(name: str) -> str:
    """Return how messages name the file of a pack."""
    return f"pack {name}.yaml"


def named_by(place: Position) -> str | None:
    """Return the pack in whose file a place is, or None."""
    found = re.fullmatch(r"pack (.+)\.yaml", place.file)
    return found[1] if found else None


def entry_of(path: KeyPath) -> KeyPath:
    """Return the key path of the named entry that ``path`` belongs to."""
    return path[: 3 if path and path[0] in NESTED else 2]


_AMOUNT = re.compile(r"-?\d+(?:\.\d+)?")


def read(chosen: list[str], spec: dict[str, Any]) -> list[Pack]:
    """Return what the chosen packs give to a spec; it has a ``service`` with a namespace.

    Raises ImsobsError when a pack cannot be read, or two give different entries of one name:
    that is a fault of this tool, not of the spec.
    """
    readers = {name: _read(name) for name in chosen}
    sources = [spec, *(data for _, data in readers.values())]
    kinds = pack_words.per_process(sources)
    expected = pack_words.expected(spec)
    words = pack_words.words(sources, kinds, expected)

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: words[found[1]], text)

    given = {name: _filled(data, fill) for name, (_, data) in readers.items()}
    present = _present(spec, list(given.values())) | pack_words.derived(
        words["prefix"], kinds, expected
    )
    packs = []
    for name, (reader, _) in readers.items():
        pack = Pack(name)
        del given[name]["description"]
        places = {
            tuple(fill(part) if isinstance(part, str) else part for part in path): place
            for path, place in reader.positions.items()
        }
        kept = _Kept(pack, places, present, spec)
        pack.data = kept.mapping(given[name], (), ())
        packs.append(pack)
    _refuse_conflicts(packs)
    return packs


def _read(name: str) -> tuple[Reader, dict[str, Any]]:
    reader = Reader(place_of(name))
    data = read_text((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), reader)
    for problem in reader.problems:
        where = problem.position or Position(reader.file, 1, 1)
        raise ImsobsError(f"{where}: {dotted(problem.path)}: {problem.message}")
    return reader, data


def _filled(node: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(node, dict):
        return {fill(key): _filled(value, fill) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, fill) for item in node]
    if not isinstance(node, str):
        return node
    text = fill(node)
    # What stands for an amount alone is a number.
    return float(text) if text != node and _AMOUNT.fullmatch(text) else text


def _present(spec: dict[str, Any], packs: list[dict[str, Any]]) -> set[str]:
    """Return the entries, as ``section.name``, that the spec and its packs have together."""
    present = {".".join(path) for path, entry in entries_of(spec) if entry is not None}
    present |= pack_words.by_default(spec)
    present |= {
        s for data in (spec, *packs) for s in data if data[s] and spec.get(s, s) is not None
    }
    removed = {".".join(path) for path, entry in entries_of(spec) if entry is None}
    offered = {
        ".".join(path): _needs(entry)
        for pack in packs
        for path, entry in entries_of(pack)
        if spec.get(path[0], path) is not None
    }
    more = True
    while more:
        more = False
        for name, needs in offered.items():
            if name not in present | removed and present.issuperset(needs):
                present.add(name)
                more = True
    return present


def _needs(node: Any) -> list[str]:
    needs = node.get(NEEDS) if isinstance(node, dict) else None
    return needs if isinstance(needs, list) else []


def _text(node: Any) -> Any:
    """Return the text of a mapping that is there to say what the text needs."""
    needy = isinstance(node, dict) and node.keys() == {NEEDS, TEXT}
    return node[TEXT] if needy else node


@dataclass
class _Kept:
    """Copies of a pack what a spec has use for, with the places of the keys."""

    pack: Pack
    places: dict[KeyPath, Position]
    present: set[str]
    spec: dict[str, Any]

    def mapping(self, node: dict[str, Any], old: KeyPath, new: KeyPath) -> dict[str, Any]:
        kept = {}
        for key, value in node.items():
            if not (key == NEEDS and isinstance(value, list)) and self._has_use(value, (*new, key)):
                kept[key] = self.value(_text(value), (*old, key), (*new, key))
        return kept

    def value(self, node: Any, old: KeyPath, new: KeyPath) -> Any:
        if old in self.places:
            self.pack.positions[new] = self.places[old]
        if isinstance(node, dict):
            return self.mapping(node, old, new)
        if not isinstance(node, list):
            return node
        # What is left out moves the items behind it.
        kept: list[Any] = []
        for index, item in enumerate(node):
            if self._has_use(item, (*new, index)):
                kept.append(self.value(_text(item), (*old, index), (*new, len(kept))))
        return kept

    def _has_use(self, node: Any, path: KeyPath) -> bool:
        missing = [name for name in _needs(node) if name not in self.present]
        # An entry that the spec gives, too, is wanted; what it lacks is then a problem.
        wanted = len(path) == 2 and ".".join(map(str, path)) in self.present
        if missing and not wanted:
            self.pack.left_out[path] = missing
        return not missing or wanted


def _refuse_conflicts(packs: list[Pack]) -> None:
    first: dict[KeyPath, tuple[Pack, Any]] = {}
    for pack in packs:
        for path, entry in _named(pack.data):
            other, same = first.setdefault(path, (pack, entry))
            if same != entry:
                raise ImsobsError(
                    f"two packs give {dotted(path)}: {other.positions[path]} and"
                    f" {pack.positions[path]}",
                    remedy=f"use only one of the packs {other.name} and {pack.name}",
                    exit_code=ExitCode.INPUT,
                )


def _named(data: dict[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    for path, entry in entries_of(data):
        if path[0] in NESTED and isinstance(entry, dict):
            yield from (((*path, name), inner) for name, inner in entry.items())
        else:
            yield path, entry
