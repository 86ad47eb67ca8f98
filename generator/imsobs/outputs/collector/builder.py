"""The manifest of the Collector's build: exactly the components that the configuration uses.

Modules and versions are this program's (data/builds.yaml); the official contrib image carries
all of the components too.
"""

from __future__ import annotations

from typing import Any

from imsobs.shipped import shipped

# Built in although the configuration does not name them: the probe that a spec may
# leave out, the benchmarks' pass-through, and the token check that an exposed Collector turns on.
_ALWAYS = {
    "receivers": ["http_check"],
    "exporters": ["nop"],
    "extensions": ["bearertokenauth"],
}


def builder_sections(config: dict[str, Any]) -> dict[str, Any]:
    """Return the builder's manifest for a configuration's sections."""
    known = shipped()
    sections: dict[str, Any] = {"dist": known.collector_dist()}
    for kind, modules in known.collector.items():
        used = set(modules)
        if kind in config:
            used = {name.split("/")[0] for name in config[kind]} | set(_ALWAYS.get(kind, ()))
        sections[kind] = [{"gomod": modules[name]} for name in sorted(used)]
    return sections
