"""Every other section of the spec, key by key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.changes.change import Change, Rank
from imsobs.model import Model
from imsobs.problems import KeyPath, dotted, listed
from imsobs.spec.schema.base import seconds

# Compared in terms of their own.
_ELSEWHERE = {"metrics", "alerts", "dashboards", "inhibitions", "mutes", "use"}
_TEXTS = {"description", "title", "summary", "escalation", "runbook", "may_be_empty", "source"}
# Entries that others rely on: what is gone is missed.
_RELIED_ON = {"rules", "slos", "events", "receivers", "services", "anomalies"}
_MISSING = object()


def changes(before: Model, after: Model) -> Iterator[Change]:
    """Yield what changed of the sections that are not compared in terms of their own."""
    old, new = _plain(before), _plain(after)
    for section in type(after.spec).model_fields:
        if section not in _ELSEWHERE:
            yield from _differences((section,), old[section], new[section])


def _plain(model: Model) -> dict[str, Any]:
    return model.spec.model_dump(mode="json", by_alias=True)


def _differences(path: KeyPath, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from _differences((*path, key), old.get(key, _MISSING), new.get(key, _MISSING))
        return
    yield _change(path, old, new)


def _change(path: KeyPath, old: Any, new: Any) -> Change:
    gone = new is _MISSING
    if path[0] == "redaction" and (lost := _lost(old, new)):
        return Change(Rank.breaking, path, f"redacts no longer: {lost}", removed=gone)
    if path[0] == "retention" and not gone and old is not _MISSING and _shorter(old, new):
        text = f"{old} -> {new}: what is older is deleted"
        return Change(Rank.breaking, path, text)
    if path[0] == "service" and (lost := _lost(old, new)):
        return Change(Rank.breaking, path, f"no longer known: {lost}", removed=gone)
    if gone:
        rank = Rank.breaking if path[0] in _RELIED_ON and len(path) == 2 else Rank.behaviour
        return Change(rank, path, "removed", removed=True)
    rank = Rank.cosmetic if path[-1] in _TEXTS else Rank.behaviour
    if old is _MISSING:
        return Change(rank, path, "added" if isinstance(new, dict) else f"added: {_text(new)}")
    return Change(rank, path, f"{_text(old)} -> {_text(new)}")


def _lost(old: Any, new: Any) -> str:
    """Return the entries of a list, or the entry itself, that are not there any more."""
    if isinstance(old, list):
        left = new if isinstance(new, list) else []
        return listed(str(entry) for entry in old if entry not in left)
    return _text(old) if new is _MISSING else ""


def _shorter(old: Any, new: Any) -> bool:
    try:
        return seconds(str(new)) < seconds(str(old))
    except ValueError:
        return False


def _text(value: Any) -> str:
    match value:
        case None | [] | {} | "":
            return "none"
        case list():
            return listed(str(entry) for entry in value)
        case dict():
            return listed(f"{dotted((key,))} {_text(entry)}" for key, entry in value.items())
        case bool():
            return "true" if value else "false"
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
