"""What an entry lacks, all of it at once, as lines to paste."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from imsobs.problems import KeyPath, Problem

LACKS = "these keys are required"
# What the checks ask of an alert besides its shape; team and dashboard may be those of its group.
_OF_ALERTS = {"team": "...", "dashboard": "...", "for": "5m"}
# Section -> keys of which an entry gives one, the usual one first, and what is written there.
_ONE_OF = {
    "metrics": {
        "span": "...", "event": "...", "log": "...", "pipeline": "...", "sdk": "...",
        "probe": "...", "rule": "...", "ratio": "...", "stack": "...",
    },
    "sources": {"kind": "server", "dialects": "[...]"},
    "slos": {"bad": "{...}", "below": "..."},
    "labels": {
        "values": "[...]", "patterns": "{...}", "values_of": "...", "values_of_labels": "...",
        "values_of_events": "...", "values_of_measures": "...", "values_of_sources": "...",
    },
    "rules": {"expr": "...", "ratio": "{...}"},
}  # fmt: skip
_SHOWN = 2

# What a message calls an entry that nobody declares -> the lines that declare it.
_DECLARATIONS = {
    "label": "labels: {%s: {description: ..., values: [...]}}",
    "span": "sources: {%s: {description: ..., kind: server}}",
    "log": "records: {%s: {description: ..., where: ...}}",
    "event": "events: {%s: {description: ...}}",
    "bucket list": "buckets: {%s: [0.1, 1]}",
    "dashboard": "dashboards: {%s: {title: ..., description: ..., rows: {...}}}",
    "receiver": "receivers: {%s: {slack: {url_file: ..., channel: ...}}}",
    "mute": "mutes: {%s: {description: ..., times: [{from: ..., to: ...}]}}",
    "team": "alerting: {teams: {%s: {description: ..., escalation: ...}}}",
}


def declaration(kind: str, name: str) -> str:
    """Return the lines that would declare an entry, nothing for what is no entry of a section."""
    return f"; declare it: {_DECLARATIONS[kind] % name}" if kind in _DECLARATIONS else ""


def lacking(
    parent: KeyPath,
    keys: dict[str, list[FieldInfo]],
    data: dict[str, Any],
    expanded: dict[str, Any],
) -> Problem:
    """Return the one problem of the keys that an entry lacks: the required, and what else it needs.

    keys: key -> what the schema says of it; expanded: the entry with what can be derived.
    """
    lines = {
        key: sample(infos[0].annotation, infos[0]) if infos else "..."
        for key, infos in keys.items()
    }
    wanted = [f"{key}: {text}" for key, text in lines.items()]
    given = entry_at(parent, data)
    if len(parent) == 2 and parent[0] == "alerts":
        alerting = data.get("alerting")
        groups = alerting.get("groups") if isinstance(alerting, dict) else None
        of_group = groups.get(given.get("group")) if isinstance(groups, dict) else None
        known = {*given, *expanded, *(of_group if isinstance(of_group, dict) else ())}
        wanted += [f"{key}: {text}" for key, text in _OF_ALERTS.items() if key not in known]
    elif len(parent) == 2 and parent[0] in _ONE_OF:
        choices = _ONE_OF[str(parent[0])]
        if not given.keys() & choices.keys():
            shown = [f"{key}: {text}" for key, text in list(choices.items())[:_SHOWN]]
            more = f" or {len(choices) - _SHOWN} more" if len(choices) > _SHOWN else ""
            wanted.append(f"{' or '.join(shown)}{more}")
    if len(wanted) == 1:
        (key,) = keys
        return Problem((*parent, key), f"this key is required: {wanted[0]}", "spec/missing-key")
    return Problem(parent, f"{LACKS}: {', '.join(wanted)}", "spec/missing-key")


def sample(kind: Any, info: FieldInfo | None = None) -> str:
    """Return what is written for a value of a type, with dots where only the author knows it."""
    if get_origin(kind) is Literal:
        return str(get_args(kind)[0])
    metadata = repr([*(info.metadata if info else ()), *getattr(kind, "__metadata__", ())])
    if "d+w)?" in metadata:
        return "5m"
    if kind in (int, float):
        return "0.5" if "le=1)" in metadata or "lt=1)" in metadata else "1"
    if kind is bool:
        return "true"
    if (isinstance(kind, type) and issubclass(kind, BaseModel)) or get_origin(kind) is dict:
        return "{...}"
    if get_origin(kind) is list:
        return "[...]"
    inner = next((one for one in get_args(kind) if one is not type(None)), None)
    return sample(inner, info) if inner is not None and kind is not str else "..."


def entry_at(path: KeyPath, data: Any) -> dict[str, Any]:
    """Return the mapping at ``path``, an empty one where there is none."""
    for key in path:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
    return data if isinstance(data, dict) else {}
