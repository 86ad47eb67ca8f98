"""What a panel's card shows: a drawing, or a table of records or traces with links."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment

from imsobs.live.cache import Cache
from imsobs.live.choice import Choice
from imsobs.live.sources import Sources
from imsobs.preview import panel as drawn
from imsobs.preview import svg, theme, traces
from imsobs.preview.fetch import TRACE_ID
from imsobs.preview.interpolate import PanelQuery, panels
from imsobs.preview.scene import Request, Scene, queries_of, scene_of

LEAST, MOST = 40, 4000
"""The least and the largest width and height of a card's inside, in pixels."""
_Asked = tuple[Scene, dict[int, list[PanelQuery]]]


class Panels:
    """The cards of every dashboard; an answer is kept for one scrape interval.

    boards: dashboard by uid. scrape_interval: seconds.
    """

    def __init__(
        self,
        boards: Mapping[str, Mapping[str, Any]],
        sources: Sources,
        scrape_interval: float,
        templates: Environment,
    ) -> None:
        self._sources = sources
        self._scrape_interval = scrape_interval
        self._templates = templates
        self._panels = {
            uid: {panel["id"]: panel for panel in panels(board)} for uid, board in boards.items()
        }
        self._boards = boards
        self._cards: Cache[str] = Cache(scrape_interval)
        self._scenes: Cache[_Asked] = Cache(scrape_interval)

    def known(self, uid: str, panel_id: int) -> bool:
        """Return whether there is such a panel."""
        return panel_id in self._panels.get(uid, {})

    def card(self, uid: str, panel_id: int, choice: Choice, size: tuple[int, int]) -> str:
        """Return the inside of a card as HTML.

        size: width and height in pixels. Raises ImsobsError: a source does not answer.
        """
        key = (uid, panel_id, choice.key, size)
        return self._cards.get(key, lambda: self._made(uid, panel_id, choice, size))

    def _scene(self, uid: str, choice: Choice) -> _Asked:
        request = Request(
            end=time.time(),
            seconds=choice.seconds,
            values=choice.values,
            scrape_interval=self._scrape_interval,
            jaeger=self._sources.jaeger,
            link=self._sources.trace_link if self._sources.jaeger else None,
        )
        scene = scene_of(self._boards[uid], self._sources.metrics(), request)
        return scene, queries_of(self._boards[uid], scene, request)

    def _made(self, uid: str, panel_id: int, choice: Choice, size: tuple[int, int]) -> str:
        panel = self._panels[uid][panel_id]
        # One moment for all panels of a page, so that they agree with each other.
        scene, asked = self._scenes.get((uid, choice.key), lambda: self._scene(uid, choice))
        queries = asked.get(panel_id, [])
        if panel["type"] == "logs":
            return self._records(choice)
        if queries and all(query.source == "jaeger" for query in queries) and scene.jaeger:
            return self._traces(queries, scene)
        inside = drawn.body(panel, queries, scene, size)
        width, height = size
        return theme.variables(
            svg.document(width, height, inside, panel["title"], theme.FONT, theme.MONO)
        )

    def _traces(self, queries: list[PanelQuery], scene: Scene) -> str:
        found = [traces.search(scene.jaeger or "", query, scene.span[1]) for query in queries]
        rows = None if None in found else [row for answer in found for row in answer or ()]
        return self._templates.get_template("traces.html").render(
            columns=traces.COLUMNS, rows=rows, link=self._linked
        )

    def _records(self, choice: Choice) -> str:
        found, where = self._sources.records(choice.seconds, level="error")
        return self._templates.get_template("records_table.html").render(
            records=found, where=where, link=self._linked
        )

    def _linked(self, trace: str) -> str | None:
        """Return the address of a trace's page; None for what is no trace id."""
        known = self._sources.jaeger and TRACE_ID.fullmatch(trace)
        return self._sources.trace_link(trace) if known else None
