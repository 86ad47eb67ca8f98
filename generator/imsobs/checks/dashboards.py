"""Dashboards: panels that can show data, say what they show, and stand where they can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from imsobs.checks import dashboard_queries
from imsobs.model import Model
from imsobs.model.dashboards import ResolvedDashboard, ResolvedPanel, show_of
from imsobs.model.dashboards.layout import COLUMNS, lines
from imsobs.model.dashboards.units import base_metric
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.dashboards import PURPOSES, Dashboard, Panel, purposes_of

# Purpose -> what kind of metric it takes.
_TAKES = {
    "rate": {"counter"},
    "increase": {"counter"},
    "share": {"counter"},
    "top": {"counter"},
    "ratio": {"counter"},
    "value": {"gauge"},
    "percentiles": {"histogram"},
    "mean": {"histogram"},
    "heatmap": {"histogram"},
}
# Option -> purposes on which it has an effect.
_HEEDS = {
    "of": {"ratio"},
    "among": {"ratio"},
    "per": {"rate"},
    "fold": {"value"},
    "quantiles": {"percentiles"},
    "limit": {"top"},
    "over": {"rate", "increase", "share", "top", "ratio", "percentiles"},
    "by": {"rate", "increase", "share", "top", "value", "percentiles", "mean", "ratio"},
    "where": set(_TAKES),
}
_SHOWS = {
    "heatmap": {"heatmap"},
    "logs": {"logs"},
    "traces": {"table"},
    "share": {"pie", "bars", "table"},
    "top": {"bars", "table"},
}
# Purpose -> the store that it is read from, which the spec may leave out.
_STORES = {"logs": "loki", "logql": "loki", "traces": "jaeger"}
_NUMBERS = {"stat", "series", "area", "bars", "pie", "table", "states"}


def check(model: Model) -> Iterator[Problem]:
    """Yield every dashboard/* problem, and promql/* ones of panels."""
    titles: Counter[str] = Counter()
    for uid, dashboard in model.spec.dashboards.items():
        path: KeyPath = ("dashboards", uid)
        titles[dashboard.title] += 1
        if titles[dashboard.title] > 1:
            message = f'another dashboard is called "{dashboard.title}"; titles are unique'
            yield Problem((*path, "title"), message, "dashboard/duplicate-title")
        yield from _rows(path, dashboard)
        resolved = model.dashboards[uid]
        for row, panels in dashboard.rows.items():
            for title, panel in panels.items():
                yield from _panel((*path, "rows", row, title), panel, model)
        for shown in resolved.panels():
            yield from _queries(shown, resolved, model)


def _rows(path: KeyPath, dashboard: Dashboard) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, (row, panels) in enumerate(dashboard.rows.items()):
        row_path = (*path, "rows", row)
        for title in panels:
            if title in seen:
                message = f'row "{seen[title]}" has a panel of this title; titles are unique'
                yield Problem((*row_path, title), message, "dashboard/duplicate-title")
            seen[title] = row
        if not panels:
            yield Problem(row_path, "a row needs a panel", "dashboard/empty-row")
        shows = [show_of(panel) for panel in panels.values()]
        if index and "stat" in shows:
            title = list(panels)[shows.index("stat")]
            message = "numbers stand in the first row, which answers whether all is fine"
            yield Problem((*row_path, title), message, "dashboard/stats-row")
        widths = [(show_of(panel), panel.width) for panel in panels.values()]
        for line in lines(widths):
            used = sum(width for _, width in line)
            if used != COLUMNS:
                message = f"a line of this row fills {used} of {COLUMNS} columns; set the widths so"
                yield Problem(row_path, f"{message} that every line is full", "dashboard/layout")


def _panel(path: KeyPath, panel: Panel, model: Model) -> Iterator[Problem]:
    given = purposes_of(panel)
    if len(given) != 1:
        found = f"; found {', '.join(given)}" if given else ""
        message = f"give exactly one purpose: {', '.join(PURPOSES)}{found}"
        yield Problem(path, message, "dashboard/one-purpose")
        return
    purpose = given[0]
    yield from _kind(path, panel, purpose, model)
    store = _STORES.get(purpose)
    if store and store not in model.spec.stack.components():
        message = f"{purpose} shows what {store} stores, and stack.{store} is null"
        yield Problem((*path, purpose), message, "stack/left-out")
    for option, heeding in _HEEDS.items():
        if option in panel.model_fields_set and purpose not in heeding:
            message = (
                f"{purpose} does not use {option}; {option} goes with {', '.join(sorted(heeding))}"
            )
            yield Problem((*path, option), message, "dashboard/option")
    if purpose in ("share", "top") and not panel.by:
        message = f"{purpose} compares the values of a label; name it with by"
        yield Problem(path, message, "dashboard/option")
    allowed = _SHOWS.get(purpose, _NUMBERS)
    if panel.show is not None and panel.show not in allowed:
        message = (
            f"{purpose} cannot be shown as {panel.show}; allowed: {', '.join(sorted(allowed))}"
        )
        yield Problem((*path, "show"), message, "dashboard/show")
    # Of a name that does not exist it is not known what it would tell.
    silent = (
        purpose == "value"
        and panel.value in model.series
        and base_metric(panel.value, model.metrics) is None
    )
    if (silent or purpose in ("promql", "logql")) and panel.unit is None:
        message = (
            "a query or a recorded rule does not tell its unit; give one (count is a plain number)"
        )
        yield Problem(path, message, "dashboard/unit")
    if (silent or purpose in ("promql", "logql", "logs", "traces")) and panel.description is None:
        message = "nothing tells what this shows; give a description"
        yield Problem(path, message, "dashboard/description")


def _kind(path: KeyPath, panel: Panel, purpose: str, model: Model) -> Iterator[Problem]:
    wanted = _TAKES.get(purpose)
    if wanted is None:
        return
    named: list[tuple[KeyPath, str]] = [((*path, purpose), getattr(panel, purpose))]
    if panel.of is not None:
        whole = [panel.of] if isinstance(panel.of, str) else panel.of
        named += [((*path, "of"), name) for name in whole]
    for where, name in named:
        metric = model.metrics.get(name)
        if name in model.unsure:
            continue
        if metric is None:
            is_series = base_metric(name, model.metrics) is not None
            if is_series and wanted == {"counter"} and name.endswith(("_sum", "_count")):
                continue
            series = model.series.get(name)
            if series is not None and series.type == "gauge" and wanted == {"gauge"}:
                continue  # recorded by a rule, or what each process reports
            names = [n for n, m in model.metrics.items() if m.type in wanted]
            message = f'metric "{name}" is not in the catalogue; {available(name, names)}'
            yield Problem(where, message, "promql/unknown-metric")
        elif metric.type not in wanted:
            kind = next(iter(wanted))
            fitting = sorted(p for p, kinds in _TAKES.items() if metric.type in kinds)
            message = f'{purpose} takes a {kind}, and "{name}" is a {metric.type}'
            message += f"; for a {metric.type}: {', '.join(fitting)}"
            yield Problem(where, message, "dashboard/metric-kind")


def _queries(panel: ResolvedPanel, dashboard: ResolvedDashboard, model: Model) -> Iterator[Problem]:
    for query in panel.queries:
        match query.language:
            case "promql":
                yield from dashboard_queries.promql_problems(panel, query, dashboard, model)
            case "logql" | "logs":
                yield from dashboard_queries.logql_problems(panel, query, dashboard)
