"""Expected routes: an alert that the spec names has the labels that the spec gives it."""

from __future__ import annotations

from typing import Any

from imsobs.spec.expand.shape import Entry, mapping


def expectations(data: Entry) -> Entry:
    """An alert of the spec has its own severity, team and area, unless the entry says otherwise."""
    expected = mapping(mapping(data.get("routing")).get("expect"))
    if not expected:
        return data
    filled = {name: _filled(entry, data) for name, entry in expected.items()}
    return {**data, "routing": {**data["routing"], "expect": filled}}


def _filled(entry: Any, data: Entry) -> Any:
    if not isinstance(entry, dict):
        return entry
    fires = {key: entry[key] for key in ("labels", "beside") if isinstance(entry.get(key), dict)}
    return {
        **entry,
        **{
            key: {**_labels_of(given.get("alertname"), data), **given}
            for key, given in fires.items()
        },
    }


def _labels_of(name: Any, data: Entry) -> dict[str, Any]:
    """Return the labels that every alert of this name has; none when the spec has no such alert."""
    alert = mapping(mapping(data.get("alerts")).get(name)) if isinstance(name, str) else {}
    group = alert.get("group")
    if not isinstance(group, str):
        return {}
    shared = mapping(mapping(mapping(data.get("alerting")).get("groups")).get(group))
    team = alert.get("team", shared.get("team"))
    labels = {"alertname": name, "severity": alert.get("severity"), "team": team, "area": group}
    return {
        **mapping(alert.get("labels")),
        **{key: v for key, v in labels.items() if v is not None},
    }
