"""What the panels of a drawing share: the range, the variables' values, deployments, links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imsobs.preview.fetch import Prometheus
from imsobs.preview.interpolate import (
    PanelQuery,
    panel_queries,
    shown_seconds,
    substitute,
    variable_texts,
)

SHORTEST_SECONDS = 120


@dataclass(frozen=True)
class Request:
    """What to look at: the end (Unix seconds), the length of the range, the variables' values.

    jaeger: base URL of Jaeger's query API, when traces are shown too. link: the address of a
    trace's page by its id, when exemplars are to lead there.
    """

    end: float
    seconds: int | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scrape_interval: float = 15
    jaeger: str | None = None
    link: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Scene:
    """What all panels of a drawing share: where to ask, the seconds shown, deployments."""

    prometheus: Prometheus
    jaeger: str | None
    span: tuple[float, float]
    marks: list[float]
    link: Callable[[str], str] | None = None

    @property
    def seconds(self) -> int:
        """Return the length of the range."""
        return round(self.span[1] - self.span[0])


def scene_of(dashboard: Mapping[str, Any], prometheus: Prometheus, request: Request) -> Scene:
    """Return the scene of a dashboard; its range starts where what was recorded does."""
    span = _recorded(prometheus, request.end, request.seconds or shown_seconds(dashboard))
    marks = _deployments(dashboard, prometheus, request, span)
    return Scene(prometheus, request.jaeger, span, marks, request.link)


def queries_of(
    dashboard: Mapping[str, Any], scene: Scene, request: Request
) -> dict[int, list[PanelQuery]]:
    """Return the queries of each panel by its id."""
    asked: dict[int, list[PanelQuery]] = {}
    for query in panel_queries(
        dashboard,
        seconds=request.seconds,
        drawn=scene.seconds,
        values=request.values,
        scrape_interval=request.scrape_interval,
    ):
        asked.setdefault(query.panel_id, []).append(query)
    return asked


def question_of(dashboard: Mapping[str, Any]) -> str:
    """Return what a dashboard answers, from its description."""
    return str(dashboard["description"]).split(" Generated from")[0]


def _recorded(prometheus: Prometheus, end: float, seconds: int) -> tuple[float, float]:
    """Return start and end of the range, without the part in which nothing was scraped yet.

    A stack that is up for three minutes would else show six hours that are blank.
    """
    step = max(15, seconds // 240)
    scraped = prometheus.range("count(up)", end - seconds, end, step)
    first = min((entry.points[0][0] for entry in scraped), default=end - seconds)
    start = max(end - seconds, first - step)
    return min(start, end - min(seconds, SHORTEST_SECONDS)), end


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
