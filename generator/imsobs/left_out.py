"""What is left out of a spec because it is misshapen, so that the rest can be checked too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from imsobs.problems import KeyPath, near
from imsobs.spec.expand import slos

# Sections that make alerts.
_ALERTING = {"alerts", "slos", "anomalies"}


@dataclass
class LeftOut:
    """What was left out of the spec because it is misshapen.

    names: of the entries, and of the alerts that would be made from them. alerts: whether any of
    these would make one. sections: those with an entry whose own name is wrong, and those that are
    missing since their own name is; missing: the latter alone, of which nothing is told but what
    packs give. routes: whether a route is among them.
    """

    names: set[str] = field(default_factory=set)
    alerts: bool = False
    sections: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    routes: bool = False

    def add(self, path: KeyPath, entry: Any) -> None:
        """Note an entry and the place of its fault."""
        self.names |= {*map(str, path[1:3]), *_made(str(path[1]), entry)}
        self.alerts |= path[0] in _ALERTING
        self.routes |= path[:2] == ("routing", "routes")
        if len(path) == 2:
            self.sections.add(str(path[0]))

    def add_section(self, written: str, known: Iterable[str], entries: Any) -> None:
        """Note a section whose name there is not."""
        if meant := near(written, known):
            self.sections.add(meant)
            self.missing.add(meant)
            self.alerts |= meant in {*_ALERTING, "alerting"}
            self.routes |= meant == "routing"
        if isinstance(entries, dict):
            self.names |= {str(name) for name in entries}


def _made(name: str, entry: Any) -> set[str]:
    """Return the names of the alerts that an entry of slos or anomalies makes."""
    if not isinstance(entry, dict):
        return set()
    burn = entry.get("burn")
    if isinstance(burn, str):
        return slos.alert_names(name)
    parts = [entry.get("breach"), *(burn if isinstance(burn, list) else ())]
    names = [part.get("name") for part in parts if isinstance(part, dict)]
    return {str(name) for name in [*names, entry.get("alert")] if name}
