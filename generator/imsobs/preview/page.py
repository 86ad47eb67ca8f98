"""A dashboard as one drawing: the grid of Grafana at 1440 px, each panel in its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from imsobs.preview import cards, charts, svg, theme, traces
from imsobs.preview.fetch import Prometheus, Series
from imsobs.preview.interpolate import (
    PanelQuery,
    duration,
    panel_queries,
    panels,
    shown_seconds,
    substitute,
    variable_texts,
)

WIDTH = 1440
_MARGIN, _HEAD, _GAP = 24, 84, 8
_COLUMN = (WIDTH - 2 * _MARGIN + _GAP) / 24
_LINE = 38
_TITLE = 36
MOST_SERIES = 20


@dataclass(frozen=True)
class Request:
    """What to look at: the end (Unix seconds), the length of the range, the variables' values.

    jaeger: base URL of Jaeger's query API, when traces are shown too.
    """

    end: float
    seconds: int | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scrape_interval: float = 15
    jaeger: str | None = None


@dataclass(frozen=True)
class Scene:
    """What all panels of a drawing share: where to ask, the seconds shown, deployments."""

    prometheus: Prometheus
    jaeger: str | None
    span: tuple[float, float]
    marks: list[float]


def draw(dashboard: Mapping[str, Any], prometheus: Prometheus, request: Request) -> str:
    """Return the drawing of a dashboard (SVG, light) with what Prometheus answers now."""
    seconds = request.seconds or shown_seconds(dashboard)
    span = (request.end - seconds, request.end)
    asked: dict[int, list[PanelQuery]] = {}
    for query in panel_queries(
        dashboard, seconds=seconds, values=request.values, scrape_interval=request.scrape_interval
    ):
        asked.setdefault(query.panel_id, []).append(query)
    marks = _deployments(dashboard, prometheus, request, span)
    scene = Scene(prometheus, request.jaeger, span, marks)
    content = _head(dashboard, request, seconds, bool(marks))
    bottom = 0.0
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        x, y = _MARGIN + place["x"] * _COLUMN, _HEAD + place["y"] * _LINE
        bottom = max(bottom, y + place["h"] * _LINE)
        if panel["type"] == "row":
            content += svg.text(x, y + 24, panel["title"], size=14, weight=600)
    for panel in panels(dashboard):
        place = panel["gridPos"]
        size = (place["w"] * _COLUMN - _GAP, place["h"] * _LINE - _GAP)
        x, y = _MARGIN + place["x"] * _COLUMN, _HEAD + place["y"] * _LINE
        drawing = _card(panel, asked.get(panel["id"], []), scene, size)
        content += svg.group(x, y, drawing, panel.get("description", ""))
    height = bottom + _MARGIN - _GAP
    ground = svg.box(0, 0, WIDTH, height, theme.LIGHT["page"])
    return svg.document(WIDTH, height, ground + content, dashboard["title"], theme.FONT, theme.MONO)


def _head(dashboard: Mapping[str, Any], request: Request, seconds: int, marked: bool) -> str:
    moment = datetime.fromtimestamp(request.end, UTC).strftime("%Y-%m-%d %H:%M UTC")
    question = dashboard["description"].split(" Generated from")[0]
    right = WIDTH - _MARGIN
    content = svg.text(_MARGIN, 40, dashboard["title"], size=22, weight=600)
    content += svg.text(_MARGIN, 63, question, size=13, color=theme.LIGHT["muted"])
    content += svg.text(
        right,
        40,
        f"last {duration(seconds)} to {moment}",
        size=13,
        color=theme.LIGHT["muted"],
        anchor="end",
    )
    chosen = [
        f"{variable.get('label') or variable['name']}: "
        f"{', '.join(request.values.get(variable['name'], ())) or 'All'}"
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    words = " · ".join([*chosen, *(["dotted: deployment"] if marked else [])])
    return content + svg.text(right, 63, words, size=12, color=theme.LIGHT["muted"], anchor="end")


def _deployments(
    dashboard: Mapping[str, Any],
    prometheus: Prometheus,
    request: Request,
    span: tuple[float, float],
) -> list[float]:
    texts = variable_texts(dashboard, request.values)
    found: list[float] = []
    for annotation in dashboard["annotations"]["list"]:
        if annotation.get("expr"):
            expr = substitute(annotation["expr"], texts)
            series = prometheus.range(expr, *span, 60)
            found += [entry.points[0][0] for entry in series if entry.points[0][0] > span[0] + 60]
    return sorted(set(found))


def _card(
    panel: Mapping[str, Any], queries: list[PanelQuery], scene: Scene, size: tuple[float, float]
) -> str:
    width, height = size
    frame = svg.box(0, 0, width, height, theme.LIGHT["card"], radius=6, stroke=theme.LIGHT["line"])
    frame += svg.text(16, 24, panel["title"], size=13, weight=600, width=width - 24)
    inner = (width, height - _TITLE - 12)
    return frame + svg.group(0, _TITLE, _body(panel, queries, scene, inner))


def _body(
    panel: Mapping[str, Any], queries: list[PanelQuery], scene: Scene, size: tuple[float, float]
) -> str:
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
    return _shown(panel, series, queries[0].step, scene, size)


def _shown(
    panel: Mapping[str, Any],
    series: list[Series],
    step: float,
    scene: Scene,
    size: tuple[float, float],
) -> str:
    defaults = panel["fieldConfig"]["defaults"]
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
            drawing = charts.heatmap(series, scene.span, unit, step, (size[0] - 32, size[1]))
            return svg.group(16, 0, drawing)
    return _over_time(panel, series, unit, colors, step, scene, size)


def _fixed_colors(panel: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> colour (Grafana's name) of the series whose colour means something."""
    return {
        override["matcher"]["options"]: given["value"]["fixedColor"]
        for override in panel["fieldConfig"].get("overrides", [])
        for given in override["properties"]
        if override["matcher"]["id"] == "byName" and given["id"] == "color"
    }


def _over_time(
    panel: Mapping[str, Any],
    series: list[Series],
    unit: str,
    colors: Mapping[str, str],
    step: float,
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
        gap=step * 4,
    )
    return svg.group(16, 0, chart) + svg.group(0, size[1] - used, below)


def html(drawing: str, title: str) -> str:
    """Return a self-contained page around a drawing, light or dark as the reader prefers."""
    from html import escape

    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{theme.style_sheet()}</style></head>"
        f"<body>{theme.variables(drawing)}</body></html>\n"
    )


def png(drawing: str, *, night: bool = False, scale: float = 1.0) -> bytes:
    """Return a drawing as a picture of 1440 x ``scale`` pixels width."""
    import vl_convert

    return vl_convert.svg_to_png(theme.dark(drawing) if night else drawing, scale=scale)
