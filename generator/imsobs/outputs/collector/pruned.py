"""What a spec has no use for is left out of the Collector's configuration.

The Collector refuses a connector that counts nothing, a transform without statements and a
pipeline without an end. A spec that lacks what they are made of leaves nothing behind.
"""

from __future__ import annotations

from typing import Any

# Exporters that Prometheus scrapes. The others are chosen among when the Collector starts.
_SCRAPED = "prometheus/"
_KINDS = ("traces", "metrics", "logs", "datapoints", "spans")


def pruned(sections: dict[str, Any]) -> dict[str, Any]:
    """Return the sections of config.yaml without components and pipelines that do nothing."""
    processors = {name: _said(config) for name, config in sections["processors"].items()}
    processors = {name: config for name, config in processors.items() if config is not None}
    connectors = {n: c for n, c in sections["connectors"].items() if not _counts_nothing(c)}
    gone = {*sections["processors"], *sections["connectors"]} - {*processors, *connectors}
    pipelines = sections["service"]["pipelines"]
    while True:
        kept = _connected(pipelines, gone)
        ends = {end for one in kept.values() for end in one["exporters"]}
        begins = {begin for one in kept.values() for begin in one["receivers"]}
        loose = {name for name in connectors if name not in ends or name not in begins}
        if kept == pipelines and loose <= gone:
            break
        pipelines, gone = kept, gone | loose
    # What is chosen when the Collector starts is no text yet.
    parts = [part for one in pipelines.values() for each in one.values() for part in each]
    used = {part for part in parts if isinstance(part, str)}
    return {
        **sections,
        "receivers": _used(sections["receivers"], used),
        "processors": _used(processors, used),
        "connectors": _used(connectors, used),
        "exporters": {
            name: config
            for name, config in sections["exporters"].items()
            if name in used or not name.startswith(_SCRAPED)
        },
        "service": {**sections["service"], "pipelines": pipelines},
    }


def _used(components: dict[str, Any], used: set[str]) -> dict[str, Any]:
    return {name: config for name, config in components.items() if name in used}


def _said(config: dict[str, Any]) -> dict[str, Any] | None:
    """Return a processor without groups of no statements; None of a transform without any."""
    kinds = [key for key in config if key.endswith("_statements")]
    if not kinds:
        return config
    said = {key: [group for group in config[key] if group.get("statements")] for key in kinds}
    rest = {key: value for key, value in config.items() if key not in kinds}
    found = {key: groups for key, groups in said.items() if groups}
    return {**rest, **found} if found else None


def _counts_nothing(config: dict[str, Any]) -> bool:
    definitions = [config[kind] for kind in _KINDS if isinstance(config.get(kind), list)]
    return bool(definitions) and not any(definitions)


def _connected(pipelines: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """Return the pipelines without what is gone, and without those that then have no end."""
    kept = {}
    for name, pipeline in pipelines.items():
        left = {
            kind: [part for part in parts if not (isinstance(part, str) and part in gone)]
            for kind, parts in pipeline.items()
        }
        if left["receivers"] and left["exporters"]:
            kept[name] = left
    return kept
