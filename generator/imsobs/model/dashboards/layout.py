"""Where panels stand: lines of 24 columns without gaps, readable at 1440 px."""

from __future__ import annotations

from dataclasses import dataclass

from imsobs.spec.schema.dashboards import Show

COLUMNS = 24
# Heights in grid rows of 30 px with 8 px between.
HEIGHTS: dict[Show, int] = {"stat": 4, "logs": 10, "states": 7}
DEFAULT_HEIGHT = 8
PER_LINE = 3
STATS_PER_LINE = 8


@dataclass(frozen=True)
class Place:
    """A panel's place in grid units."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class PlacedRow:
    """A row: the line of its header (None for the first row, which has none) and places."""

    header: int | None
    panels: list[Place]


def place_rows(rows: dict[str, list[tuple[Show, int | None]]]) -> dict[str, PlacedRow]:
    """Return the places of the panels of each row, given how each is shown and its width."""
    placed: dict[str, PlacedRow] = {}
    y = 0
    for title, panels in rows.items():
        header = y if placed else None
        y += 1 if placed else 0
        places: list[Place] = []
        for line in lines(panels):
            height = max(HEIGHTS.get(show, DEFAULT_HEIGHT) for show, _ in line)
            x = 0
            for _, width in line:
                places.append(Place(x, y, width, height))
                x += width
            y += height
        placed[title] = PlacedRow(header, places)
    return placed


def lines(panels: list[tuple[Show, int | None]]) -> list[list[tuple[Show, int]]]:
    """Return a row's panels broken into lines, each with its width.

    Without given widths every line is filled by equal shares. With one, panels follow each
    other until a line is full, and the others get 8 columns (stats 4).
    """
    if any(width is not None for _, width in panels):
        return _by_width([(show, width or (4 if show == "stat" else 8)) for show, width in panels])
    all_stats = all(show == "stat" for show, _ in panels)
    per_line = STATS_PER_LINE if all_stats else PER_LINE
    count = max(1, -(-len(panels) // per_line))
    broken, start = [], 0
    for index in range(count):
        size = len(panels) // count + (index < len(panels) % count)
        chunk = panels[start : start + size]
        broken.append([(show, w) for (show, _), w in zip(chunk, shares(size), strict=True)])
        start += size
    return [line for line in broken if line]


def shares(count: int) -> list[int]:
    """Return ``count`` widths that fill 24 columns, the wider ones first."""
    return [COLUMNS // count + (index < COLUMNS % count) for index in range(count)] if count else []


def _by_width(panels: list[tuple[Show, int]]) -> list[list[tuple[Show, int]]]:
    broken: list[list[tuple[Show, int]]] = []
    used = COLUMNS
    for show, width in panels:
        if used + width > COLUMNS:
            broken.append([])
            used = 0
        broken[-1].append((show, width))
        used += width
    return broken
