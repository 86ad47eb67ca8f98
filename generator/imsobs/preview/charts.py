"""Charts with axes, drawn by Vega-Lite: lines, stacked areas, heatmaps, donuts, sparklines."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from imsobs.preview import theme, values
from imsobs.preview.fetch import Series

_OUTER = re.compile(r"^<svg[^>]*>|</svg>\s*$")


def drawn(spec: dict[str, Any], width: float, height: float) -> str:
    """Return a chart of Vega-Lite as SVG elements of this size, without a background."""
    import vl_convert

    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 0,
        "background": None,
        "config": {
            "font": theme.FONT,
            "view": {"stroke": None},
            "axis": {
                "domain": False,
                "ticks": False,
                "gridColor": theme.LIGHT["faint"],
                "labelColor": theme.LIGHT["muted"],
                "labelFontSize": 10.5,
                "labelPadding": 6,
                "title": None,
            },
        },
        **spec,
    }
    return _OUTER.sub("", vl_convert.vegalite_to_svg(whole)).strip()


def _named(ticks: list[float], names: list[str]) -> dict[str, Any]:
    # The label of a tick is found by its index, because Python and Vega may write the same
    # number differently.
    return {
        "values": ticks,
        "labelExpr": f"{json.dumps(names)}[round(datum.index * {len(ticks) - 1})]",
    }


def _time_axis(start: float, end: float) -> dict[str, Any]:
    ticks = values.time_ticks(start, end)
    names = [values.clock(tick, end - start) for tick in ticks]
    axis = _named(ticks, names)
    return {
        "field": "t",
        "type": "quantitative",
        "scale": {"domain": [start, end], "nice": False, "zero": False},
        "axis": {**axis, "grid": False, "labelFlush": True},
    }


def _value_axis(low: float, high: float, unit: str) -> dict[str, Any]:
    ticks = values.ticks(low, high, unit)
    names = [values.text(tick, unit) for tick in ticks]
    return {
        "field": "v",
        "type": "quantitative",
        "scale": {"domain": [ticks[0], ticks[-1]], "nice": False},
        "axis": {**_named(ticks, names), "minExtent": 52},
    }


def lines(
    series: list[Series],
    span: tuple[float, float],
    unit: str,
    size: tuple[float, float],
    *,
    stacked: bool,
    colors: Mapping[str, str],
    limits: list[tuple[float, str]],
    marks: list[float],
    gap: float,
    examples: Sequence[tuple[float, float, str]] = (),
) -> str:
    """Return series over time.

    span: first and last second shown; limits: (value, colour) of dashed lines, drawn when
    the values come near them; marks: times of deployments; gap: a longer silence (seconds)
    breaks the line; examples: (time, value, address of its trace) of single observations.
    """
    names = [entry.name for entry in series]
    rows = [row for entry in series for row in _rows(entry, gap) if row["t"] >= span[0]]
    high = _top(series, stacked)
    low = min(0.0, *(v for entry in series for _, v in entry.points)) if series else 0.0
    near = [(value, color) for value, color in limits if value <= max(high, 1e-12) * 1.6]
    high = max([high, *(value for value, _ in near)])
    x, y = _time_axis(*span), _value_axis(low, high, unit)
    color = {
        "field": "s",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": names, "range": [colors[name] for name in names]},
    }
    shape: dict[str, Any] = {
        "type": "area",
        "line": {"strokeWidth": 1.2},
        "fillOpacity": 0.45,
        "interpolate": "linear",
    }
    if not stacked:
        shape = {"type": "line", "strokeWidth": 1.7, "strokeJoin": "round"}
    # A series that pauses must not tear the stack apart.
    y_of = {**y, "stack": "zero", "impute": {"value": 0}} if stacked else y
    detail = {} if stacked else {"detail": {"field": "part"}}
    layers: list[dict[str, Any]] = [
        {"mark": shape, "encoding": {"x": x, "y": y_of, "color": color, **detail}}
    ]
    if not stacked and len(series) == 1:
        wash = {"type": "area", "fillOpacity": 0.1}
        layers.insert(0, {"mark": wash, "encoding": {"x": x, "y": y, "color": color, **detail}})
    for value, stroke in near:
        layers.append(_rule({"v": value}, {"y": y}, [5, 4], stroke))
    layers += [_rule({"t": at}, {"x": x}, [2, 3], theme.DEPLOYMENT) for at in marks]
    layers.append(_examples(examples, high, x, y))
    return drawn({"data": {"values": rows}, "layer": layers}, *size)


def _examples(
    examples: Sequence[tuple[float, float, str]], top: float, x: dict[str, Any], y: dict[str, Any]
) -> dict[str, Any]:
    # An observation above what is shown lies at its upper edge, as in Grafana.
    field = y["field"]
    rows = [{"t": at, field: min(value, top), "u": link} for at, value, link in examples]
    mark = {"type": "point", "filled": True, "shape": "diamond", "size": 38, "opacity": 0.9}
    encoding = {"x": x, "y": y, "color": {"value": theme.EXAMPLE}, "href": {"field": "u"}}
    return {"data": {"values": rows}, "mark": mark, "encoding": encoding}


def _rule(
    at: dict[str, float], encoding: dict[str, Any], dash: list[int], color: str
) -> dict[str, Any]:
    mark = {"type": "rule", "strokeDash": dash, "strokeWidth": 1.2, "color": color}
    return {"data": {"values": [at]}, "mark": mark, "encoding": encoding}


def _rows(entry: Series, gap: float) -> list[dict[str, Any]]:
    rows, part, before = [], 0, entry.points[0][0]
    for at, value in entry.points:
        part += at - before > gap
        rows.append({"t": at, "v": value, "s": entry.name, "part": f"{entry.name} {part}"})
        before = at
    return rows


def _top(series: list[Series], stacked: bool) -> float:
    if not stacked:
        return max((v for entry in series for _, v in entry.points), default=1.0)
    sums: dict[float, float] = {}
    for entry in series:
        for at, value in entry.points:
            sums[at] = sums.get(at, 0.0) + value
    return max(sums.values(), default=1.0)


def sparkline(entry: Series, color: str, size: tuple[float, float]) -> str:
    """Return a series without axes, as a wash behind a number."""
    rows = [{"t": at, "v": value} for at, value in entry.points]
    low, high = min(v for _, v in entry.points), max(v for _, v in entry.points)
    room = (high - low) * 0.1 or 1.0
    ground = min(0.0, low) if low < high / 2 else low - room
    scale = {"domain": [ground, high + room], "zero": False}
    mark: dict[str, Any] = {"type": "area", "color": color, "fillOpacity": 0.14}
    mark["line"] = {"strokeWidth": 1.3, "color": color}
    x = {
        "field": "t",
        "type": "quantitative",
        "axis": None,
        "scale": {"zero": False, "nice": False},
    }
    y = {"field": "v", "type": "quantitative", "axis": None, "scale": {**scale, "nice": False}}
    base = {"y2": {"datum": ground}}
    return drawn(
        {"data": {"values": rows}, "mark": mark, "encoding": {"x": x, "y": y, **base}}, *size
    )


def heatmap(
    series: list[Series],
    span: tuple[float, float],
    unit: str,
    step: float,
    size: tuple[float, float],
    examples: Sequence[tuple[float, float, str]] = (),
) -> str:
    """Return cumulative buckets over time as cells: the darker, the more observations.

    examples: as in ``lines``; each lies in its bucket.
    """
    ordered = sorted(series, key=lambda entry: _bound(entry))
    below: dict[float, float] = {}
    cells, names = [], []
    # About four pixels per column are the least that one can see apart.
    width = max(step, (span[1] - span[0]) / (size[0] / 6))
    for index, entry in enumerate(ordered):
        bound = _bound(entry)
        names.append(values.text(bound, unit) if bound != float("inf") else "more")
        columns: dict[float, float] = {}
        for at, count in entry.points:
            own = count - below.get(at, 0.0)
            below[at] = count
            column = int((at - span[0]) / width) * width + span[0]
            columns[column] = columns.get(column, 0.0) + max(0.0, own)
        cells += [
            {"t": at, "u": at + width * 0.94, "b": index + 0.04, "c": index + 0.96, "n": count}
            for at, count in columns.items()
            if count > 1e-9
        ]
    most = max((cell["n"] for cell in cells), default=1.0)
    every = 1 if len(names) <= 8 else 2
    ticks = [index + 0.5 for index in range(0, len(names), every)]
    y_axis = {**_named(ticks, names[::every]), "minExtent": 52, "grid": False}
    y_scale = {"domain": [0, max(1, len(names))], "nice": False}
    x = _time_axis(*span)
    y = {"field": "b", "type": "quantitative", "scale": y_scale, "axis": y_axis}
    opacity = {
        "field": "n",
        "type": "quantitative",
        "legend": None,
        "scale": {"type": "pow", "exponent": 0.5, "domain": [0, most], "range": [0.04, 1]},
    }
    layer = {
        "data": {"values": cells},
        "mark": {"type": "rect", "color": theme.HEAT},
        "encoding": {
            "x": x,
            "x2": {"field": "u"},
            "y": y,
            "y2": {"field": "c"},
            "fillOpacity": opacity,
        },
    }
    bounds = [_bound(entry) for entry in ordered]
    placed = [(at, bisect_left(bounds, value) + 0.5, link) for at, value, link in examples]
    return drawn({"layer": [layer, _examples(placed, len(names), x, y)]}, *size)


def _bound(entry: Series) -> float:
    return float(entry.labels.get("le", "inf").replace("+Inf", "inf"))


def donut(series: list[Series], colors: Mapping[str, str], size: float) -> str:
    """Return shares of a whole as a ring."""
    names = [entry.name for entry in series]
    rows = [{"s": entry.name, "v": entry.last} for entry in series]
    scale = {"domain": names, "range": [colors[name] for name in names]}
    mark = {"type": "arc", "innerRadius": size * 0.3, "outerRadius": size * 0.48}
    mark |= {"stroke": theme.LIGHT["card"], "strokeWidth": 2}
    return drawn(
        {
            "data": {"values": rows},
            "mark": mark,
            "encoding": {
                "theta": {"field": "v", "type": "quantitative", "stack": True},
                "color": {
                    "field": "s",
                    "type": "nominal",
                    "legend": None,
                    "scale": scale,
                    "sort": names,
                },
                "order": {"field": "v", "sort": "descending"},
            },
        },
        size,
        size,
    )
