"""Colours and letters. One drawing serves three skins: light, dark, and CSS variables.

Every neutral colour is unique as text, so that a finished drawing changes its skin by
replacing it; colours of data read well on both grounds and stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

FONT = "Inter, 'Segoe UI', 'DejaVu Sans', 'Liberation Sans', Helvetica, Arial, sans-serif"
MONO = "'JetBrains Mono', 'DejaVu Sans Mono', 'Liberation Mono', monospace"

LIGHT = {
    "page": "#f4f5f7",
    "card": "#fefefe",
    "line": "#e1e4e9",
    "ink": "#1c2230",
    "muted": "#667082",
    "faint": "#eceef2",
}
DARK = {
    "page": "#101318",
    "card": "#181c23",
    "line": "#2a303a",
    "ink": "#e6e9ee",
    "muted": "#98a2b3",
    "faint": "#252b34",
}
PALETTE = (
    "#3f7fd0",
    "#e08b2c",
    "#35a07c",
    "#b765b0",
    "#d0624a",
    "#7d73d6",
    "#a08f35",
    "#45a7b8",
    "#d27aa3",
    "#8a92a0",
)
# Grafana's colour names, as thresholds and mappings use them.
STATUS = {
    "green": "#2f9e62",
    "blue": "#3b82d6",
    "orange": "#e08b2c",
    "red": "#d64848",
    "yellow": "#d2ab2f",
    "purple": "#8a63c9",
    "gray": "#8a92a0",
    "text": LIGHT["ink"],
}
DEPLOYMENT = "#8a63c9"
HEAT = "#3f7fd0"
EXAMPLE = "#e08b2c"


def dark(drawing: str) -> str:
    """Return a light drawing in dark."""
    for token, color in LIGHT.items():
        drawing = drawing.replace(color, DARK[token])
    return drawing


def variables(drawing: str) -> str:
    """Return a light drawing whose neutral colours are CSS variables."""
    for token, color in LIGHT.items():
        drawing = drawing.replace(color, f"var(--{token})")
    return drawing


def style_sheet() -> str:
    """Return the CSS that gives the variables their values, by what the reader prefers."""
    light = "".join(f"--{token}:{color};" for token, color in LIGHT.items())
    night = "".join(f"--{token}:{color};" for token, color in DARK.items())
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{night}}}}}"
        "body{margin:0;background:var(--page)}"
        "svg{display:block;margin:0 auto;max-width:100%;height:auto}"
    )


def colors_of(names: Iterable[str], fixed: Mapping[str, str]) -> dict[str, str]:
    """Return name -> colour: the fixed ones, else by the alphabet, so that panels agree."""
    ordered = sorted(set(names))
    given = {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(ordered)}
    return given | {name: STATUS[color] for name, color in fixed.items() if color in STATUS}


def limits_of(steps: list[dict[str, Any]]) -> list[tuple[float, str]]:
    """Return (value, colour) of the lines that part good from bad."""
    found = []
    for before, step in pairwise(steps):
        # Where a value turns good again, the line has the colour of what lies below it.
        name = before["color"] if step["color"] == "green" else step["color"]
        found.append((float(step["value"]), STATUS.get(name, LIGHT["ink"])))
    return found


def threshold_color(value: float, steps: list[dict[str, Any]]) -> str:
    """Return the colour of a value by Grafana's threshold steps (the first has no value)."""
    color = "text"
    for step in steps:
        limit = step.get("value")
        if limit is None or value >= limit:
            color = str(step["color"])
    return STATUS.get(color, LIGHT["ink"])
