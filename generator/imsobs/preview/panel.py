"""One panel: what answers its queries, drawn as its type asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imsobs.preview import cards, charts, svg, theme, traces
from imsobs.preview.fetch import Series
from imsobs.preview.interpolate import PanelQuery
from imsobs.preview.scene import Scene

MOST_SERIES = 20
MOST_EXAMPLES = 100


def body(
    panel: Mapping[str, Any], queries: list[PanelQuery], scene: Scene, size: tuple[float, float]
) -> str:
    """Return what a panel shows, without its frame and title, in this size (pixels)."""
    defaults = panel["fieldConfig"]["defaults"]
    nothing = cards.note(
        str(defaults.get("noValue") or "No data"), size, strong="noValue" not in defaults
    )
    if any(query.source == "jaeger" for query in queries) and scene.jaeger:
        answers = [traces.search(scene.jaeger, query, scene.span[1]) for query in queries]
        if None not in answers:
            rows = [row for answer in answers for row in answer or ()]
            return cards.grid(traces.COLUMNS, rows, size) if rows else nothing
    foreign = next((query.source for query in queries if query.source != "prometheus"), "")
    if foreign:
        return cards.note(f"Asked from {foreign.capitalize()}: open in Grafana", size)
    series = [entry for query in queries for entry in scene.prometheus.ask(query, scene.span[1])]
    if not series:
        return nothing
    return _shown(panel, series, queries, scene, size)


def _shown(
    panel: Mapping[str, Any],
    series: list[Series],
    queries: list[PanelQuery],
    scene: Scene,
    size: tuple[float, float],
) -> str:
    defaults, step = panel["fieldConfig"]["defaults"], queries[0].step
    unit, steps = str(defaults.get("unit", "short")), defaults["thresholds"]["steps"]
    colors = theme.colors_of((entry.name for entry in series), _fixed_colors(panel))
    match panel["type"]:
        case "stat":
            return cards.number(series, unit, steps, size)
        case "bargauge":
            return cards.bars(series, unit, steps, colors, size)
        case "piechart":
            return cards.ring(series, unit, colors, size)
        case "table":
            return cards.table(series, unit, size)
        case "state-timeline":
            given = [mapping["options"] for mapping in defaults.get("mappings", [])]
            mappings = given[0] if given else {}
            return cards.states(series, scene.span, mappings, step, size)
        case "heatmap":
            inner = (size[0] - 32, size[1])
            found = _examples(queries, scene)
            drawing = charts.heatmap(series, scene.span, unit, step, inner, found)
            return svg.group(16, 0, drawing)
    return _over_time(panel, series, unit, colors, queries, scene, size)


def _fixed_colors(panel: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> colour (Grafana's name) of the series whose colour means something."""
    return {
        override["matcher"]["options"]: given["value"]["fixedColor"]
        for override in panel["fieldConfig"].get("overrides", [])
        for given in override["properties"]
        if override["matcher"]["id"] == "byName" and given["id"] == "color"
    }


def _examples(queries: list[PanelQuery], scene: Scene) -> list[tuple[float, float, str]]:
    if scene.link is None:
        return []
    found = [
        one
        for query in queries
        if query.exemplars
        for one in scene.prometheus.exemplars(query.expr, *scene.span)
    ]
    return [(one.time, one.value, scene.link(one.trace)) for one in found[-MOST_EXAMPLES:]]


def _over_time(
    panel: Mapping[str, Any],
    series: list[Series],
    unit: str,
    colors: Mapping[str, str],
    queries: list[PanelQuery],
    scene: Scene,
    size: tuple[float, float],
) -> str:
    series = sorted(series, key=lambda entry: entry.name)[:MOST_SERIES]
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    below, used = ("", 0.0)
    if panel["options"].get("legend", {}).get("showLegend"):
        below, used = cards.legend(series, unit, colors, size[0])
    chart = charts.lines(
        series,
        scene.span,
        unit,
        (size[0] - 32, size[1] - used - (8 if used else 0)),
        stacked=stacked,
        colors=colors,
        limits=theme.limits_of(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]),
        marks=scene.marks,
        gap=queries[0].step * 4,
        examples=_examples(queries, scene),
    )
    return svg.group(16, 0, chart) + svg.group(0, size[1] - used, below)
