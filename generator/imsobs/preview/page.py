"""A dashboard as one drawing: the grid of Grafana at 1440 px, each panel in its card."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from imsobs.preview import panel, svg, theme
from imsobs.preview.fetch import Prometheus
from imsobs.preview.interpolate import PanelQuery, duration, panels
from imsobs.preview.scene import Request, Scene, queries_of, question_of, scene_of

WIDTH = 1440
_MARGIN, _HEAD, _GAP = 24, 84, 8
_COLUMN = (WIDTH - 2 * _MARGIN + _GAP) / 24
_LINE = 38
_TITLE = 36


def draw(dashboard: Mapping[str, Any], prometheus: Prometheus, request: Request) -> str:
    """Return the drawing of a dashboard (SVG, light) with what Prometheus answers now."""
    scene = scene_of(dashboard, prometheus, request)
    asked = queries_of(dashboard, scene, request)
    content = _head(dashboard, request, scene)
    bottom = 0.0
    for entry in dashboard["panels"]:
        place = entry["gridPos"]
        x, y = _MARGIN + place["x"] * _COLUMN, _HEAD + place["y"] * _LINE
        bottom = max(bottom, y + place["h"] * _LINE)
        if entry["type"] == "row":
            content += svg.text(x, y + 24, entry["title"], size=14, weight=600)
    for entry in panels(dashboard):
        place = entry["gridPos"]
        size = (place["w"] * _COLUMN - _GAP, place["h"] * _LINE - _GAP)
        x, y = _MARGIN + place["x"] * _COLUMN, _HEAD + place["y"] * _LINE
        drawing = _card(entry, asked.get(entry["id"], []), scene, size)
        content += svg.group(x, y, drawing, entry.get("description", ""))
    height = bottom + _MARGIN - _GAP
    ground = svg.box(0, 0, WIDTH, height, theme.LIGHT["page"])
    return svg.document(WIDTH, height, ground + content, dashboard["title"], theme.FONT, theme.MONO)


def _head(dashboard: Mapping[str, Any], request: Request, scene: Scene) -> str:
    moment = datetime.fromtimestamp(request.end, UTC).strftime("%Y-%m-%d %H:%M UTC")
    question = question_of(dashboard)
    right = WIDTH - _MARGIN
    content = svg.text(_MARGIN, 40, dashboard["title"], size=22, weight=600)
    content += svg.text(_MARGIN, 63, question, size=13, color=theme.LIGHT["muted"])
    content += svg.text(
        right,
        40,
        f"last {duration(scene.seconds)} to {moment}",
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
    words = " · ".join([*chosen, *(["dotted: deployment"] if scene.marks else [])])
    return content + svg.text(right, 63, words, size=12, color=theme.LIGHT["muted"], anchor="end")


def _card(
    entry: Mapping[str, Any], queries: list[PanelQuery], scene: Scene, size: tuple[float, float]
) -> str:
    width, height = size
    frame = svg.box(0, 0, width, height, theme.LIGHT["card"], radius=6, stroke=theme.LIGHT["line"])
    frame += svg.text(16, 24, entry["title"], size=13, weight=600, width=width - 24)
    inner = (width, height - _TITLE - 12)
    return frame + svg.group(0, _TITLE, panel.body(entry, queries, scene, inner))


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
