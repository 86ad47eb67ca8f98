"""The frame of a dashboard: variables, deployment marks, links, rows."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from grafana_foundation_sdk.models import dashboard as grafana

from imsobs.model import Model, conventions
from imsobs.model.builds import builds
from imsobs.model.dashboards import ResolvedDashboard
from imsobs.outputs.grafana.panels import data_source_kind, panel
from imsobs.outputs.grafana.sources import KINDS, PROMETHEUS, data_source
from imsobs.pages import HEADER

REFRESH_CHOICES = ["10s", "30s", "1m", "5m", "15m", "1h"]
_TITLES = {"service": "Service", "environment": "Environment", "vendor": "Vendor", "model": "Model"}
# The SDK writes these of an interval for every variable; Grafana's schema has them there alone.
_NO_INTERVAL: dict[str, Any] = {"auto": None, "auto_min": None, "auto_count": None}


def board(dashboard: ResolvedDashboard, model: Model) -> grafana.Dashboard:
    """Return one dashboard in Grafana's terms."""
    shown: list[grafana.Panel | grafana.RowPanel] = []
    for row in dashboard.rows:
        if row.header is not None:
            place = grafana.GridPos(h=1, w=24, x=0, y=row.header)
            shown.append(
                grafana.RowPanel(title=row.title, id_val=row.header_id, grid_pos=place, panels=[])
            )
        shown += [panel(entry, model) for entry in row.panels]
    return grafana.Dashboard(
        uid=dashboard.uid,
        title=dashboard.title,
        description=f"{dashboard.description} {HEADER}",
        tags=["generated", model.spec.service.namespace],
        editable=True,
        timezone="browser",
        graph_tooltip=grafana.DashboardCursorSync.CROSSHAIR,
        time=grafana.DashboardDashboardTime(f"now-{dashboard.range}", "now"),
        timepicker=grafana.TimePickerConfig(refresh_intervals=REFRESH_CHOICES),
        refresh=dashboard.refresh,
        panels=shown,
        templating=grafana.DashboardDashboardTemplating(_variables(dashboard, model)),
        annotations=grafana.AnnotationContainer(_annotations(dashboard, model)),
        links=_links(model),
    )


def _variables(dashboard: ResolvedDashboard, model: Model) -> list[grafana.VariableModel]:
    used = {data_source_kind(entry) for entry in dashboard.panels()} | {PROMETHEUS}
    made = [
        grafana.VariableModel(
            type_val=grafana.VariableType.DATASOURCE,
            name=kind.variable,
            label=kind.label,
            query=kind.plugin,
            current=grafana.VariableOption(text=kind.uid, value=kind.uid),
            refresh=grafana.VariableRefresh.ON_DASHBOARD_LOAD,
            **_NO_INTERVAL,
        )
        for kind in KINDS
        if kind in used
    ]
    outer: list[str] = []
    for name in dashboard.variables:
        source = _source([*outer, name], model)
        # No series has the label: there is nothing to choose, and nothing that would follow.
        if source is not None:
            made.append(_label_variable(name, source, outer))
            outer.append(name)
    return made


def _source(variables: list[str], model: Model) -> str | None:
    """Return a series that has the labels of all these variables, a counter if there is one."""
    wanted = {conventions.VARIABLE_LABELS[name] for name in variables}
    having = [series for series in model.series.values() if series.labels.keys() >= wanted]
    # A counter is there whenever the service was.
    having.sort(key=lambda series: series.type != "counter")
    return having[0].name if having else None


def _label_variable(name: str, source: str, outer: list[str]) -> grafana.VariableModel:
    """Return the variable of a label's values, narrowed by the variables before it."""
    label = conventions.VARIABLE_LABELS[name]
    matchers = ", ".join(f'{conventions.VARIABLE_LABELS[other]}=~"${other}"' for other in outer)
    selected = source + (f"{{{matchers}}}" if matchers else "")
    return grafana.VariableModel(
        type_val=grafana.VariableType.QUERY,
        name=name,
        label=_TITLES[name],
        datasource=data_source(PROMETHEUS),
        query=f"label_values({selected}, {label})",
        definition=f"label_values({selected}, {label})",
        multi=True,
        include_all=True,
        # Not ".*", which would also select series without the label.
        all_value=".+",
        current=grafana.VariableOption(selected=True, text=["All"], value=["$__all"]),
        refresh=grafana.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=grafana.VariableSort.ALPHABETICAL_ASC,
        **_NO_INTERVAL,
    )


def _annotations(dashboard: ResolvedDashboard, model: Model) -> list[grafana.AnnotationQuery]:
    told = builds(model)
    if told is None:
        return []
    matchers = ", ".join(
        f'{label}=~"${variable}"'
        for variable, label in conventions.VARIABLE_LABELS.items()
        if variable in dashboard.variables and label in conventions.IDENTITY_LABELS
    )
    info = told.metric + (f"{{{matchers}}}" if matchers else "")
    by = f"sum by ({conventions.BY_IDENTITY}, {told.label})"
    return [
        grafana.AnnotationQuery(
            name="Deployments",
            datasource=data_source(PROMETHEUS),
            icon_color="purple",
            # A version is marked in the minute in which it first serves a request.
            expr=f"{by} ({info}) unless {by} ({info} offset 1m)",
            step="60s",
            title_format=f"Deployed {{{{{told.label}}}}}",
            text_format=" in ".join(f"{{{{{label}}}}}" for label in conventions.IDENTITY_LABELS),
            tag_keys=told.label,
        )
    ]


def _links(model: Model) -> list[grafana.DashboardLink]:
    dashboards = grafana.DashboardLink(
        title="Dashboards",
        type_val=grafana.DashboardLinkType.DASHBOARDS,
        icon="dashboard",
        tags=[model.spec.service.namespace],
        as_dropdown=True,
        include_vars=True,
        keep_time=True,
    )
    traces = [
        grafana.DashboardLink(
            title=f"Traces of {service}",
            type_val=grafana.DashboardLinkType.LINK,
            icon="external link",
            url=traces_url(service),
            target_blank=True,
        )
        for service in model.spec.service.names
    ]
    return [dashboards, *traces]


def traces_url(service: str) -> str:
    """Return the address in Grafana that lists a service's traces of the time shown."""
    source = {"type": "jaeger", "uid": conventions.DATASOURCES["jaeger"]}
    query = {"refId": "A", "datasource": source, "queryType": "search", "service": service}
    shown = {"from": "${__from}", "to": "${__to}"}
    panes = {"traces": {"datasource": source["uid"], "queries": [query], "range": shown}}
    # Grafana fills ${__from} in before the address is opened: braces and $ stay as they are.
    text = quote(json.dumps(panes, separators=(",", ":")), safe="${}[]:,_-")
    return f"/explore?schemaVersion=1&panes={text}"
