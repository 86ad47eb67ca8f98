"""Dashboards: what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imsobs.changes.change import Change, Rank
from imsobs.model import Model
from imsobs.model.dashboards import ResolvedDashboard, ResolvedPanel
from imsobs.model.dashboards.layout import Place
from imsobs.problems import KeyPath


def changes(before: Model, after: Model) -> Iterator[Change]:
    """Yield what changed of the dashboards and their panels; a panel is known by its title."""
    for uid in before.dashboards.keys() - after.dashboards.keys():
        path: KeyPath = ("dashboards", uid)
        yield Change(Rank.breaking, path, "removed: links to it lead nowhere", removed=True)
    for uid, dashboard in after.dashboards.items():
        if uid in before.dashboards:
            yield from _changed(before.dashboards[uid], dashboard)
        else:
            count = len(dashboard.panels())
            yield Change(Rank.behaviour, ("dashboards", uid), f"added, with {count} panels")


def _changed(before: ResolvedDashboard, after: ResolvedDashboard) -> Iterator[Change]:
    path: KeyPath = ("dashboards", after.uid)
    old = {panel.title: panel for panel in before.panels()}
    new = {panel.title: panel for panel in after.panels()}
    for title in old.keys() - new.keys():
        text = f'panel "{title}" removed'
        yield Change(Rank.behaviour, old[title].path, text, removed=True)
    for title, panel in new.items():
        if title in old:
            yield from _panel(old[title], panel)
        else:
            yield Change(Rank.behaviour, panel.path, f'panel "{title}" added')
    if lost := [name for name in before.variables if name not in after.variables]:
        yield Change(Rank.behaviour, path, f"variable {', '.join(lost)} removed")
    if gained := [name for name in after.variables if name not in before.variables]:
        yield Change(Rank.behaviour, path, f"variable {', '.join(gained)} added")
    texts = ("title", "description", "range", "refresh")
    if changed := [text for text in texts if getattr(before, text) != getattr(after, text)]:
        yield Change(Rank.cosmetic, path, ", ".join(changed))


def _panel(before: ResolvedPanel, after: ResolvedPanel) -> Iterator[Change]:
    def texts(panel: ResolvedPanel) -> list[tuple[str, bool]]:
        return [(query.text, query.instant) for query in panel.queries]

    if texts(before) != texts(after):
        text = f'panel "{after.title}" asks something else'
        yield Change(Rank.behaviour, after.path, text)
    if before.unit != after.unit:
        text = f'panel "{after.title}": unit {before.unit} -> {after.unit}'
        yield Change(Rank.behaviour, after.path, text)
    looks = ("show", "description", "steps", "place", "may_be_empty")
    legends = [[query.legend for query in panel.queries] for panel in (before, after)]
    if legends[0] != legends[1] or any(getattr(before, k) != getattr(after, k) for k in looks):
        yield Change(Rank.cosmetic, after.path, f'panel "{after.title}" looks different')


def redrawn(before: Model, after: Model) -> dict[str, list[str]]:
    """Return dashboard -> titles of its panels that look otherwise, also by an alert's threshold.

    A panel that only moved looks as before.
    """
    found: dict[str, list[str]] = {}
    for uid, dashboard in after.dashboards.items():
        old = {panel.title: _look(panel) for panel in _panels(before, uid)}
        titles = [p.title for p in dashboard.panels() if old.get(p.title) != _look(p)]
        if titles:
            found[uid] = titles
    return found


def _panels(model: Model, uid: str) -> list[ResolvedPanel]:
    return model.dashboards[uid].panels() if uid in model.dashboards else []


def _look(panel: ResolvedPanel) -> ResolvedPanel:
    return replace(panel, place=Place(0, 0, 0, 0), path=(), id=0)
