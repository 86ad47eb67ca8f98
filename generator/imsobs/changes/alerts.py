"""Alerts: what fires, when, and who is notified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imsobs.changes.change import Change, Rank, paired
from imsobs.model import Model
from imsobs.model.alerts import threshold_text
from imsobs.model.receivers import receivers_of, situations
from imsobs.model.rules import ResolvedAlert
from imsobs.problems import KeyPath, listed

_CONDITION = {"value": "expression", "op": "comparison", "guard": "guard", "group": "group"}
_TIMES = {"for_": "for", "keep_firing_for": "keep_firing_for", "interval": "interval"}
_TEXTS = ("summary", "description", "facts", "runbook", "runbook_url", "dashboard", "unit")


def changes(before: Model, after: Model) -> Iterator[Change]:
    """Yield what changed of the alerts, those of objectives and bands included."""
    pairs = paired(before.alerts, after.alerts, definition)
    for name in pairs.removed:
        alert = before.alerts[name]
        text = f"alert {name} removed: {_notified(alert, before)} no longer notified"
        yield Change(Rank.breaking, alert.path, text, removed=True)
    for old, new in pairs.renamed.items():
        text = f"alert {new} renamed from {old}: silences and runbook links name the old one"
        yield Change(Rank.breaking, after.alerts[new].path, text)
    for name in pairs.added:
        alert = after.alerts[name]
        state = f"notifies {_notified(alert, after)}" if alert.enabled else "off"
        text = f"alert {name} added ({alert.severity}): {state}"
        yield Change(Rank.behaviour, alert.path, text)
    for name in pairs.both:
        yield from _changed(before.alerts[name], after.alerts[name])
        yield from _routed(before, after, name)


def definition(alert: ResolvedAlert) -> ResolvedAlert:
    """Return what an alert is apart from its name and texts: equal for one that was renamed."""
    labels = {key: value for key, value in alert.labels.items() if key != "alertname"}
    return replace(
        alert,
        name="",
        path=(),
        labels=labels,
        expr="",
        summary="",
        description="",
        facts="",
        reads=(),
        runbook=None,
        runbook_url="",
        test=None,
    )


def receivers(alert: ResolvedAlert, model: Model) -> set[str]:
    """Return everybody who may be notified of an alert, of whatever service it fires and where."""
    if not alert.enabled:
        return set()
    return {
        receiver
        for labels in situations(alert, model)
        for receiver in receivers_of(alert, labels, model)
    }


def _notified(alert: ResolvedAlert, model: Model) -> str:
    return listed(sorted(receivers(alert, model))) or "nobody"


def _changed(before: ResolvedAlert, after: ResolvedAlert) -> Iterator[Change]:
    name, path = after.name, after.path

    def change(rank: Rank, text: str, *key: str) -> Change:
        own: KeyPath = (*path, *key) if path[0] == "alerts" else path
        return Change(rank, own, f"alert {name}: {text}")

    if before.enabled != after.enabled:
        rank = Rank.behaviour if after.enabled else Rank.breaking
        yield change(rank, "on" if after.enabled else "off: it never fires", "enabled")
    if before.threshold != after.threshold:
        ends = [threshold_text(alert.threshold, alert.unit) for alert in (before, after)]
        yield change(Rank.behaviour, f"threshold {ends[0]} -> {ends[1]}", "threshold")
    for field, title in {**_CONDITION, **_TIMES}.items():
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            key = {"value": "expr", "for_": "for"}.get(field, field)
            yield change(Rank.behaviour, f"{title} {old or 'none'} -> {new or 'none'}", key)
    if before.severity != after.severity:
        text = f"severity {before.severity} -> {after.severity}"
        yield change(Rank.behaviour, text, "severity")
    if before.team != after.team:
        yield change(Rank.behaviour, f"team {before.team} -> {after.team}", "team")
    for field in _TEXTS:
        if getattr(before, field) != getattr(after, field):
            key = "description" if field == "facts" else field
            yield change(Rank.cosmetic, key.replace("_", " "), key)


def _routed(before: Model, after: Model, name: str) -> Iterator[Change]:
    """Yield who is notified of an alert that was not, or no longer."""
    path = after.alerts[name].path
    old, new = receivers(before.alerts[name], before), receivers(after.alerts[name], after)
    if lost := sorted(old - new):
        text = f"alert {name}: {listed(lost)} no longer notified"
        yield Change(Rank.breaking, path, text)
    if gained := sorted(new - old):
        text = f"alert {name}: {listed(gained)} notified from now on"
        yield Change(Rank.behaviour, path, text)
