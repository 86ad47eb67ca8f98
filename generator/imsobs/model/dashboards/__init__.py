"""Resolved dashboards: every panel with its queries, unit, thresholds and place.

Total: a faulty panel (no purpose, an unknown metric) resolves to something that the checks
report; nothing here raises.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from imsobs.model.dashboards.layout import Place, place_rows
from imsobs.model.dashboards.queries import Query, Scope, queries
from imsobs.model.dashboards.thresholds import AlertLimits, Step, alert_limits, matching, steps
from imsobs.model.dashboards.units import unit_of
from imsobs.model.dashboards.wording import description_of
from imsobs.model.metrics import ResolvedMetric
from imsobs.problems import KeyPath
from imsobs.promql.series import Series
from imsobs.spec.schema.dashboards import Dashboard, Panel, Show, UnitName, purposes_of
from imsobs.spec.schema.root import Spec

DEFAULT_SHOW: dict[str, Show] = {
    "share": "pie",
    "top": "bars",
    "heatmap": "heatmap",
    "logs": "logs",
    "traces": "table",
}


@dataclass(frozen=True)
class ResolvedPanel:
    """A panel with nothing left to decide.

    id: unique in its dashboard and derived from the title, so that a link to a panel
    survives changes elsewhere. place: grid of 24 columns, rows of 30 px. steps: thresholds,
    rising, the first without a value. alerts: names of the alerts they come from. path: its
    key path in the spec.
    """

    id: int
    title: str
    description: str
    purpose: str
    show: Show
    unit: UnitName
    queries: tuple[Query, ...]
    steps: tuple[Step, ...]
    alerts: tuple[str, ...]
    place: Place
    may_be_empty: str
    path: KeyPath


@dataclass(frozen=True)
class ResolvedRow:
    """A row: its title, the line its header stands on (None: no header), its panels."""

    title: str
    header: int | None
    header_id: int
    panels: tuple[ResolvedPanel, ...]


@dataclass(frozen=True)
class ResolvedDashboard:
    """One dashboard; uid is its key in the spec and its file name."""

    uid: str
    title: str
    description: str
    variables: tuple[str, ...]
    range: str
    refresh: str
    rows: tuple[ResolvedRow, ...]

    def panels(self) -> list[ResolvedPanel]:
        """Return the panels of all rows, in reading order."""
        return [panel for row in self.rows for panel in row.panels]


def resolve_dashboards(
    spec: Spec,
    metrics: dict[str, ResolvedMetric],
    series: dict[str, Series],
    rules: dict[str, str],
) -> dict[str, ResolvedDashboard]:
    """Return every dashboard by uid. rules: recorded name -> expression."""
    limits = alert_limits(spec, rules)
    return {
        uid: _dashboard(uid, dashboard, metrics, series, limits)
        for uid, dashboard in spec.dashboards.items()
    }


def _dashboard(
    uid: str,
    dashboard: Dashboard,
    metrics: dict[str, ResolvedMetric],
    series: dict[str, Series],
    limits: AlertLimits,
) -> ResolvedDashboard:
    scope = Scope(tuple(dashboard.variables), series)
    shows = {
        row: [(show_of(panel), panel.width) for panel in panels.values()]
        for row, panels in dashboard.rows.items()
    }
    places = place_rows(shows)
    taken: set[int] = set()
    rows = []
    for title, panels in dashboard.rows.items():
        placed = places[title]
        resolved = []
        for (name, panel), place in zip(panels.items(), placed.panels, strict=True):
            path: KeyPath = ("dashboards", uid, "rows", title, name)
            identity = _panel_id(f"panel {name}", taken)
            resolved.append(_panel(identity, name, panel, place, path, scope, metrics, limits))
        header_id = _panel_id(f"row {title}", taken)
        rows.append(ResolvedRow(title, placed.header, header_id, tuple(resolved)))
    return ResolvedDashboard(
        uid=uid,
        title=dashboard.title,
        description=dashboard.description,
        variables=tuple(dashboard.variables),
        range=dashboard.range,
        refresh=dashboard.refresh,
        rows=tuple(rows),
    )


def _panel(
    identity: int,
    title: str,
    panel: Panel,
    place: Place,
    path: KeyPath,
    scope: Scope,
    metrics: dict[str, ResolvedMetric],
    limits: AlertLimits,
) -> ResolvedPanel:
    purpose = (purposes_of(panel) or ["promql"])[0]
    show = show_of(panel)
    made = queries(title, panel, purpose, show, scope)
    alerts = () if panel.thresholds else matching(made, limits)
    return ResolvedPanel(
        id=identity,
        title=title,
        description=description_of(panel, purpose, metrics, alerts),
        purpose=purpose,
        show=show,
        unit=unit_of(panel, purpose, metrics),
        queries=made,
        steps=steps(panel.thresholds, alerts),
        alerts=tuple(limit.alert for limit in alerts),
        place=place,
        may_be_empty=panel.may_be_empty or "",
        path=path,
    )


def show_of(panel: Panel) -> Show:
    """Return how a panel is shown: as it says, else as its purpose suggests."""
    purpose = (purposes_of(panel) or ["promql"])[0]
    return panel.show or DEFAULT_SHOW.get(purpose, "series")


def _panel_id(name: str, taken: set[int]) -> int:
    identity = 1 + zlib.crc32(name.encode()) % 999_983
    while identity in taken:
        identity += 1
    taken.add(identity)
    return identity
