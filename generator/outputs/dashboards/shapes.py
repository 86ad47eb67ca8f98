"""How each kind of panel looks in Grafana: one function per value of ``show``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grafana_foundation_sdk.builders import (
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
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as grafana
from grafana_foundation_sdk.models import heatmap as heatmap_kinds
from grafana_foundation_sdk.models import piechart as pie_kinds

from generator.model.dashboards import ResolvedPanel

# Grafana's ids of the units that the spec names.
UNITS = {
    "count": "short",
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


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _palette(mode: grafana.FieldColorModeId) -> build.FieldColor:
    return build.FieldColor().mode(mode)


def _tooltip() -> common.VizTooltipOptions:
    return (
        common.VizTooltipOptions()
        .mode(kinds.TooltipDisplayMode.MULTI)
        .sort(kinds.SortOrder.DESCENDING)
    )


def _is_single(entry: ResolvedPanel) -> bool:
    """One query without labels in its legend is one line."""
    return len(entry.queries) == 1 and "{{" not in entry.queries[0].legend


def _stat(entry: ResolvedPanel) -> stat.Panel:
    instant = any(query.instant for query in entry.queries)
    graph = kinds.BigValueGraphMode.NONE if instant else kinds.BigValueGraphMode.AREA
    return (
        stat.Panel()
        .reduce_options(_last())
        .color_mode(kinds.BigValueColorMode.VALUE)
        .color_scheme(_palette(grafana.FieldColorModeId.THRESHOLDS))
        .graph_mode(graph)
        .text_mode(kinds.BigValueTextMode.AUTO)
    )


def _series(entry: ResolvedPanel) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(not _is_single(entry))
    legend = legend.placement(kinds.LegendPlacement.BOTTOM)
    legend = legend.display_mode(kinds.LegendDisplayMode.TABLE).calcs(
        ["mean", "max", "lastNotNull"]
    )
    limited = len(entry.steps) > 1
    style = kinds.GraphThresholdsStyleMode.DASHED if limited else kinds.GraphThresholdsStyleMode.OFF
    return (
        timeseries.Panel()
        .color_scheme(_palette(grafana.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .legend(legend)
        .tooltip(_tooltip())
        .line_width(2)
        .fill_opacity(8)
        .show_points(kinds.VisibilityMode.AUTO)
        .axis_soft_min(0)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
    )


def _area(entry: ResolvedPanel) -> timeseries.Panel:
    stacked = common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A")
    return _series(entry).fill_opacity(40).line_width(1).stacking(stacked)


def _bars(entry: ResolvedPanel) -> bargauge.Panel:
    mode = grafana.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    if len(entry.steps) > 1:
        mode = grafana.FieldColorModeId.THRESHOLDS
    return (
        bargauge.Panel()
        .reduce_options(_last())
        .orientation(kinds.VizOrientation.HORIZONTAL)
        .display_mode(kinds.BarGaugeDisplayMode.BASIC)
        .name_placement(kinds.BarGaugeNamePlacement.LEFT)
        .color_scheme(_palette(mode))
        .min(0)
    )


def _pie(entry: ResolvedPanel) -> piechart.Panel:
    legend = (
        piechart.PieChartLegendOptions().show_legend(True).placement(kinds.LegendPlacement.RIGHT)
    )
    legend = legend.display_mode(kinds.LegendDisplayMode.TABLE)
    legend = legend.values(
        [pie_kinds.PieChartLegendValues.VALUE, pie_kinds.PieChartLegendValues.PERCENT]
    )
    return (
        piechart.Panel()
        .pie_type(pie_kinds.PieChartType.DONUT)
        .reduce_options(_last())
        .color_scheme(_palette(grafana.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .legend(legend)
    )


def _table(entry: ResolvedPanel) -> table.Panel:
    made = table.Panel().show_header(True).cell_height(kinds.TableCellHeight.SM)
    if entry.queries and entry.queries[0].language == "traces":
        return made
    names = {f"Value #{chr(ord('A') + i)}": query.legend for i, query in enumerate(entry.queries)}
    if len(names) == 1:
        names = {
            "Value": entry.queries[0].legend if "{{" not in entry.queries[0].legend else "value"
        }
    hidden = {"Time": True, "__name__": True}
    transformations = [
        grafana.DataTransformerConfig(id_val="merge", options={}),
        grafana.DataTransformerConfig(
            id_val="organize", options={"excludeByName": hidden, "renameByName": names}
        ),
    ]
    return made.transformations(transformations)


def _heatmap(entry: ResolvedPanel) -> heatmap.Panel:
    color = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_kinds.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .scale(heatmap_kinds.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
        .reverse(False)
    )
    return (
        heatmap.Panel()
        .calculate(False)
        .color(color)
        .cell_gap(1)
        .y_axis(heatmap.YAxisConfig().unit(UNITS[entry.unit]))
    )


def _states(entry: ResolvedPanel) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(kinds.VisibilityMode.NEVER)
        .row_height(0.8)
        .legend(
            common.VizLegendOptions().show_legend(True).display_mode(kinds.LegendDisplayMode.LIST)
        )
    )


def _logs(entry: ResolvedPanel) -> logs.Panel:
    return (
        logs.Panel()
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(kinds.LogsSortOrder.DESCENDING)
    )


SHAPES: dict[str, Callable[[ResolvedPanel], Any]] = {
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
