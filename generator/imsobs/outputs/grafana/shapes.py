"""How each kind of panel looks in Grafana: one function per value of ``show``."""

from __future__ import annotations

from collections.abc import Callable

from grafana_foundation_sdk.models import (
    bargauge,
    common,
    heatmap,
    logs,
    piechart,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import dashboard as grafana

from imsobs.model.dashboards import ResolvedPanel

# Grafana's ids of the units that the spec names.
UNITS = {
    "count": "short",
    "whole": "locale",
    "s": "s",
    "By": "bytes",
    "USD": "currencyUSD",
    "ratio": "percentunit",
    "percent": "percent",
    "per_second": "cps",
    "per_minute": "cpm",
    "requests_per_second": "reqps",
    "By_per_second": "binBps",
    "bool": "short",
    "unix_s": "dateTimeFromNow",
}


def _panel(
    kind: str,
    options: object,
    color: grafana.FieldColorModeId | None = None,
    custom: object | None = None,
    lowest: float | None = None,
) -> grafana.Panel:
    # The SDK's builders do the same, but loading them takes as long as making all panels.
    defaults = grafana.FieldConfig(custom=custom, min_val=lowest)
    if color is not None:
        defaults.color = grafana.FieldColor(mode=color)
    return grafana.Panel(
        type_val=kind, options=options, field_config=grafana.FieldConfigSource(defaults=defaults)
    )


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions(calcs=["lastNotNull"], values=False)


def _is_single(entry: ResolvedPanel) -> bool:
    """One query without labels in its legend is one line."""
    return len(entry.queries) == 1 and "{{" not in entry.queries[0].legend


def _stat(entry: ResolvedPanel) -> grafana.Panel:
    instant = any(query.instant for query in entry.queries)
    graph = common.BigValueGraphMode.NONE if instant else common.BigValueGraphMode.AREA
    options = stat.Options(
        reduce_options=_last(),
        color_mode=common.BigValueColorMode.VALUE,
        graph_mode=graph,
        text_mode=common.BigValueTextMode.AUTO,
    )
    return _panel("stat", options, grafana.FieldColorModeId.THRESHOLDS)


def _lines(entry: ResolvedPanel, custom: timeseries.FieldConfig) -> grafana.Panel:
    limited = len(entry.steps) > 1
    style = common.GraphThresholdsStyleMode.DASHED if limited else None
    custom.thresholds_style = common.GraphThresholdsStyleConfig(mode=style)
    custom.show_points = common.VisibilityMode.AUTO
    custom.axis_soft_min = 0
    options = timeseries.Options(
        legend=common.VizLegendOptions(
            show_legend=not _is_single(entry),
            placement=common.LegendPlacement.BOTTOM,
            display_mode=common.LegendDisplayMode.TABLE,
            calcs=["mean", "max", "lastNotNull"],
        ),
        tooltip=common.VizTooltipOptions(
            mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING
        ),
    )
    return _panel("timeseries", options, grafana.FieldColorModeId.PALETTE_CLASSIC_BY_NAME, custom)


def _series(entry: ResolvedPanel) -> grafana.Panel:
    return _lines(entry, timeseries.FieldConfig(line_width=2, fill_opacity=8))


def _area(entry: ResolvedPanel) -> grafana.Panel:
    stacked = common.StackingConfig(mode=common.StackingMode.NORMAL, group="A")
    return _lines(entry, timeseries.FieldConfig(line_width=1, fill_opacity=40, stacking=stacked))


def _bars(entry: ResolvedPanel) -> grafana.Panel:
    mode = grafana.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    if len(entry.steps) > 1:
        mode = grafana.FieldColorModeId.THRESHOLDS
    options = bargauge.Options(
        reduce_options=_last(),
        orientation=common.VizOrientation.HORIZONTAL,
        display_mode=common.BarGaugeDisplayMode.BASIC,
        name_placement=common.BarGaugeNamePlacement.LEFT,
    )
    return _panel("bargauge", options, mode, lowest=0)


def _pie(entry: ResolvedPanel) -> grafana.Panel:
    options = piechart.Options(
        pie_type=piechart.PieChartType.DONUT,
        display_labels=[],
        reduce_options=_last(),
        legend=piechart.PieChartLegendOptions(
            show_legend=True,
            placement=common.LegendPlacement.RIGHT,
            display_mode=common.LegendDisplayMode.TABLE,
            values=[piechart.PieChartLegendValues.VALUE, piechart.PieChartLegendValues.PERCENT],
        ),
    )
    color = grafana.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    return _panel("piechart", options, color, piechart.FieldConfig())


def _table(entry: ResolvedPanel) -> grafana.Panel:
    options = table.Options(show_header=True, cell_height=common.TableCellHeight.SM)
    # The SDK writes one that is off; Grafana 12 has no such option any more.
    options.footer = None
    made = _panel("table", options, custom=table.FieldConfig())
    if entry.queries and entry.queries[0].language == "traces":
        return made
    names = {f"Value #{chr(ord('A') + i)}": query.legend for i, query in enumerate(entry.queries)}
    if len(names) == 1:
        names = {
            "Value": entry.queries[0].legend if "{{" not in entry.queries[0].legend else "value"
        }
    hidden = {"Time": True, "__name__": True}
    made.transformations = [
        grafana.DataTransformerConfig(id_val="merge", options={}),
        grafana.DataTransformerConfig(
            id_val="organize", options={"excludeByName": hidden, "renameByName": names}
        ),
    ]
    return made


def _heatmap(entry: ResolvedPanel) -> grafana.Panel:
    color = heatmap.HeatmapColorOptions(
        mode=heatmap.HeatmapColorMode.SCHEME,
        scheme="Blues",
        scale=heatmap.HeatmapColorScale.EXPONENTIAL,
        exponent=0.5,
        steps=64,
        reverse=False,
    )
    options = heatmap.Options(
        calculate=False,
        color=color,
        cell_gap=1,
        y_axis=heatmap.YAxisConfig(unit=UNITS[entry.unit]),
    )
    return _panel("heatmap", options, custom=heatmap.FieldConfig())


def _states(entry: ResolvedPanel) -> grafana.Panel:
    options = statetimeline.Options(
        merge_values=True,
        show_value=common.VisibilityMode.NEVER,
        row_height=0.8,
        legend=common.VizLegendOptions(
            show_legend=True, display_mode=common.LegendDisplayMode.LIST
        ),
    )
    return _panel("state-timeline", options, custom=statetimeline.FieldConfig())


def _logs(entry: ResolvedPanel) -> grafana.Panel:
    options = logs.Options(
        show_time=True,
        wrap_log_message=True,
        enable_log_details=True,
        sort_order=common.LogsSortOrder.DESCENDING,
    )
    return _panel("logs", options)


SHAPES: dict[str, Callable[[ResolvedPanel], grafana.Panel]] = {
    "stat": _stat,
    "series": _series,
    "area": _area,
    "bars": _bars,
    "pie": _pie,
    "table": _table,
    "heatmap": _heatmap,
    "states": _states,
    "logs": _logs,
}
