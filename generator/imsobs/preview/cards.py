"""Panels without axes, drawn directly: numbers, bars, rings with legends, tables, states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imsobs.preview import charts, svg, theme, values
from imsobs.preview.fetch import Series

INK, MUTED, FAINT, LINE = (theme.LIGHT[key] for key in ("ink", "muted", "faint", "line"))
LEGEND_LINE = 17


def number(
    series: list[Series], unit: str, steps: list[dict[str, Any]], size: tuple[float, float]
) -> str:
    """Return the newest value in its threshold's colour over its course."""
    width, height = size
    entry = series[0]
    color = theme.threshold_color(entry.last, steps)
    shown = values.text(entry.last, unit)
    letters = min(36.0, (width - 32) / max(1, len(shown)) / 0.62)
    content = ""
    if len(entry.points) > 1:
        line = color if len(steps) > 1 else theme.PALETTE[0]
        content += svg.group(
            0, height * 0.62, charts.sparkline(entry, line, (width, height * 0.38 + 6))
        )
    return content + svg.text(16, height * 0.46, shown, size=letters, color=color, weight=600)


def bars(
    series: list[Series],
    unit: str,
    steps: list[dict[str, Any]],
    colors: Mapping[str, str],
    size: tuple[float, float],
) -> str:
    """Return one bar per series, the longest for the largest value."""
    width, height = size
    shown = series[: max(1, int(height / 22))]
    most = max((entry.last for entry in shown), default=1.0) or 1.0
    name_width = min(width * 0.4, max(svg.text_width(entry.name, 12) for entry in shown) + 12)
    value_width = max(svg.text_width(values.text(entry.last, unit), 12) for entry in shown) + 12
    track = width - name_width - value_width - 32
    pitch = min(44.0, height / len(shown))
    thick = min(22.0, pitch * 0.62)
    content = ""
    for index, entry in enumerate(shown):
        y = index * pitch
        color = colors[entry.name]
        if len(steps) > 1:
            color = theme.threshold_color(entry.last, steps)
        middle = y + thick / 2 + 4
        content += svg.text(16, middle, entry.name, width=name_width)
        content += svg.box(16 + name_width, y, track, thick, FAINT, radius=3)
        content += svg.box(
            16 + name_width, y, max(2, track * entry.last / most), thick, color, radius=3
        )
        value = values.text(entry.last, unit)
        content += svg.text(width - 16, middle, value, anchor="end", weight=600)
    return content


def ring(
    series: list[Series], unit: str, colors: Mapping[str, str], size: tuple[float, float]
) -> str:
    """Return shares as a ring, with name, value and share of each beside it."""
    width, height = size
    ordered = sorted(series, key=lambda entry: -entry.last)[:10]
    total = sum(entry.last for entry in ordered) or 1.0
    side = min(height - 8, width * 0.42)
    content = svg.group(16, (height - side) / 2, charts.donut(ordered, colors, side))
    left = 16 + side + 24
    top = height / 2 - len(ordered) * 11 + 4
    for index, entry in enumerate(ordered):
        y = top + index * 22
        color = colors[entry.name]
        content += svg.box(left, y, 10, 10, color, radius=2)
        content += svg.text(left + 18, y + 9.5, entry.name, width=width - left - 160)
        value = values.text(entry.last, unit)
        content += svg.text(width - 72, y + 9.5, value, anchor="end", color=MUTED)
        share = f"{100 * entry.last / total:.0f}%"
        content += svg.text(width - 18, y + 9.5, share, anchor="end", weight=600)
    return content


def table(series: list[Series], unit: str, size: tuple[float, float]) -> str:
    """Return labels and values in rows, the largest values first."""
    columns = sorted({key for entry in series for key in entry.labels if key != "__name__"})
    ordered = sorted(series, key=lambda entry: -entry.last)
    rows = [
        (*(entry.labels.get(name, "") for name in columns), values.text(entry.last, unit))
        for entry in ordered
    ]
    return grid((*(name.replace("_", " ") for name in columns), "value"), rows, size)


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], size: tuple[float, float]) -> str:
    """Return as many rows of text as fit below their column heads, the last one to the right."""
    width, height = size
    fitting = rows[: max(1, int((height - 26) / 24))]
    needed = [
        max(svg.text_width(row[place], 12) for row in (columns, *fitting)) + 20
        for place in range(len(columns))
    ]
    starts = [16 + sum(needed[:place]) * (width - 32) / sum(needed) for place in range(len(needed))]
    last = len(columns) - 1
    content = ""
    for index, row in enumerate((columns, *fitting)):
        y = 12 if index == 0 else 14 + index * 24
        if index:
            line = y - 16
            content += (
                f'<line x1="16" x2="{width - 16:.1f}" y1="{line}" y2="{line}" stroke="{LINE}"/>'
            )
        for place, cell in enumerate(row):
            content += svg.text(
                width - 16 if place == last else starts[place],
                y,
                cell,
                size=12 if index else 11,
                color=INK if index else MUTED,
                weight=600 if index == 0 or place == last else 400,
                anchor="end" if place == last else "start",
                width=None if place == last else starts[place + 1] - starts[place] - 8,
            )
    return content


def states(
    series: list[Series],
    span: tuple[float, float],
    mappings: dict[str, dict[str, Any]],
    step: float,
    size: tuple[float, float],
) -> str:
    """Return a band per series that changes its colour with its state."""
    width, height = size
    name_width = max(svg.text_width(entry.name, 12) for entry in series) + 14
    track = width - name_width - 32
    pitch = min(44.0, (height - 22) / len(series))
    scale = track / (span[1] - span[0])
    content = ""
    for index, entry in enumerate(sorted(series, key=lambda entry: entry.name)):
        y = index * pitch
        content += svg.text(16, y + pitch * 0.5 + 3, entry.name)
        content += svg.box(16 + name_width, y, track, pitch * 0.8, FAINT, radius=2)
        for at, until, value in _runs(entry, step, span[1]):
            named = mappings.get(f"{value:g}", {})
            color = theme.STATUS.get(str(named.get("color")), theme.PALETTE[0])
            x = 16 + name_width + (max(at, span[0]) - span[0]) * scale
            content += svg.box(
                x, y, (until - max(at, span[0])) * scale, pitch * 0.8, color, radius=2
            )
    x = 16 + name_width
    for named in mappings.values():
        content += svg.box(
            x, height - 14, 10, 10, theme.STATUS.get(str(named["color"]), ""), radius=2
        )
        content += svg.text(x + 15, height - 5, str(named["text"]), size=11, color=MUTED)
        x += 34 + svg.text_width(str(named["text"]), 11)
    return content


def _runs(entry: Series, step: float, end: float) -> list[tuple[float, float, float]]:
    """Return (from, until, value) of each time in which the value stayed the same."""
    runs: list[tuple[float, float, float]] = []
    for at, value in entry.points:
        if runs and runs[-1][2] == value and at - runs[-1][1] <= step:
            runs[-1] = (runs[-1][0], min(end, at + step), value)
        else:
            runs.append((at, min(end, at + step), value))
    return runs


def legend(
    series: list[Series],
    unit: str,
    colors: Mapping[str, str],
    width: float,
    most_lines: int = 3,
) -> tuple[str, float]:
    """Return colour, name and newest value of each series in wrapped lines, and their height."""
    x, line, content = 16.0, 0, ""
    for index, entry in enumerate(series):
        label = svg.fitted(entry.name, width * 0.4, 11)
        value = values.text(entry.last, unit)
        needed = 14 + svg.text_width(label, 11) + 8 + svg.text_width(value, 11) + 18
        is_last_line = line == most_lines - 1
        room = width - 8 - (64 if is_last_line and index < len(series) - 1 else 0)
        if x > 16 and x + needed > room:
            if is_last_line:
                content += svg.text(
                    x, line * LEGEND_LINE + 9, f"+{len(series) - index} more", size=11, color=MUTED
                )
                break
            x, line = 16.0, line + 1
        y = line * LEGEND_LINE
        content += svg.box(x, y + 1, 9, 9, colors[entry.name], radius=2)
        content += svg.text(x + 14, y + 9.5, label, size=11, color=MUTED)
        content += svg.text(x + 22 + svg.text_width(label, 11), y + 9.5, value, size=11, weight=600)
        x += needed
    return content, (line + 1) * LEGEND_LINE


def note(message: str, size: tuple[float, float], *, strong: bool = False) -> str:
    """Return a message in the middle of a panel."""
    width, height = size
    return svg.text(
        width / 2,
        height / 2,
        message,
        size=13,
        color=INK if strong else MUTED,
        anchor="middle",
        width=width - 24,
    )
