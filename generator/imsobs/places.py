"""Which entry of the spec a place of a rendered file was made from.

The outputs fill it, those who ask other programs for their verdict read it: a program that
refuses a file quotes a text of it, names an entry, or tells a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from imsobs.problems import KeyPath

# Keys and indices from the root of a rendered YAML file.
Node = tuple[str | int, ...]


@dataclass(frozen=True)
class FilePlaces:
    """One rendered file. texts: as a program quotes them -> entries; nodes: -> entry."""

    texts: dict[str, list[KeyPath]] = field(default_factory=dict)
    nodes: dict[Node, KeyPath] = field(default_factory=dict)

    def of_node(self, node: Node) -> KeyPath | None:
        """Return the entry of a node, or of the nearest one around it."""
        for end in range(len(node), -1, -1):
            if node[:end] in self.nodes:
                return self.nodes[node[:end]]
        return None


Places = dict[str, FilePlaces]


def quoted(pairs: Iterable[tuple[str, KeyPath]]) -> dict[str, list[KeyPath]]:
    """Return text -> the entries that it stands for, each once, in their order."""
    found: dict[str, list[KeyPath]] = {}
    for text, path in pairs:
        known = found.setdefault(text, [])
        if path not in known:
            known.append(path)
    return found


def entries(section: Node, names: Iterable[str], key: KeyPath) -> Iterator[tuple[Node, KeyPath]]:
    """Yield the items of a list that is made of a mapping's entries, in their order."""
    for index, name in enumerate(names):
        yield (*section, index), (*key, name)
