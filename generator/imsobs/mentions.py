"""Which names the entries of a spec mention, before anybody knows what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from imsobs.problems import KeyPath

# Sections whose entries others name.
_DECLARING = ("labels", "sources", "records", "events", "metrics", "rules")
# Texts for people, in which a name is a word.
_PROSE = {"description", "summary", "meaning", "impact", "causes", "mitigation", "escalation"}
_WORD = re.compile(r"[A-Za-z_][\w:]*")
_PARTS = re.compile(r"_(?:bucket|sum|count)$")


class Mentions:
    """What the entries of a spec mention, directly or by way of what they mention.

    data: the spec as plain data, with what packs give.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._declared: dict[str, list[KeyPath]] = {}
        self._reached: dict[KeyPath, frozenset[str]] = {}
        for section in _DECLARING:
            entries = data.get(section)
            for name in entries if isinstance(entries, dict) else ():
                self._declared.setdefault(name, []).append((section, name))

    @property
    def health(self) -> str:
        """Return the route that probes ask."""
        service = self._data.get("service")
        given = service.get("health") if isinstance(service, dict) else None
        return given if isinstance(given, str) and given else "/health"

    def is_metric(self, name: str) -> bool:
        """Return whether a metric of this name is written, however wrongly."""
        metrics = self._data.get("metrics")
        return isinstance(metrics, dict) and name in metrics

    def reach(self, path: KeyPath) -> frozenset[str]:
        """Return every name that the value at ``path`` mentions, and what these mention in turn."""
        if path not in self._reached:
            self._reached[path] = frozenset()  # of a circle
            self._reached[path] = self.reach_of(_words(self._at(path)))
        return self._reached[path]

    def reach_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return names, and what the entries of these names mention in turn."""
        found = {_PARTS.sub("", name) for name in names} | set(names)
        for name in list(found):
            for entry in self._declared.get(name, ()):
                found |= self.reach(entry)
        return frozenset(found)

    def _at(self, path: KeyPath) -> Any:
        value: Any = self._data
        for key in path:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value


def _words(value: Any) -> set[str]:
    if isinstance(value, str):
        return set(_WORD.findall(value))
    if isinstance(value, dict):
        keys = {str(key) for key in value} | {w for key in value for w in _WORD.findall(str(key))}
        return keys.union(*(_words(inner) for key, inner in value.items() if key not in _PROSE))
    return {w for inner in value for w in _words(inner)} if isinstance(value, list) else set()
