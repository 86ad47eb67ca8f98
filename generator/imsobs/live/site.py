"""The pages and their addresses. GET only, for whoever is on this machine."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imsobs.errors import ImsobsError
from imsobs.live.choice import REFRESHES, choice_of, ranges, with_options
from imsobs.live.panels import LEAST, MOST, Panels
from imsobs.live.sources import Sources
from imsobs.preview.interpolate import duration
from imsobs.preview.scene import question_of
from imsobs.runtime.records import LEVELS
from imsobs.terminal import printable

HOSTS = ("127.0.0.1", "localhost")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_RUNBOOK = re.compile(r"[a-z0-9-]{1,200}")
_RECORD_SECONDS = (600, 3600, 6 * 3600, 24 * 3600)


class _Headers:
    """Adds to every answer what tells a browser to trust nothing but this server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *given]
            await send(message)

        await self._app(scope, receive, with_headers)


@dataclass(frozen=True)
class Site:
    """What the pages are made from.

    boards: dashboard by uid, in the order of the menu. runbooks: name of the runbook's file,
    without ``.md``, by alert.
    """

    boards: Mapping[str, Mapping[str, Any]]
    runbooks: Mapping[str, str]
    sources: Sources
    panels: Panels
    templates: Environment

    def page(self, template: str, request: Request, **values: Any) -> HTMLResponse:
        """Return a page; every page knows the menu and where it stands in it."""
        menu = [(uid, board["title"]) for uid, board in self.boards.items()]
        text = self.templates.get_template(template).render(
            menu=menu, here=request.url.path, query=str(request.url.query), **values
        )
        return HTMLResponse(text)

    def home(self, _: Request) -> Response:
        """Lead to the first dashboard."""
        return RedirectResponse(f"/d/{next(iter(self.boards), '')}")

    def dashboard(self, request: Request) -> Response:
        """Return the page of a dashboard; its panels load on their own."""
        board = self.boards.get(request.path_params["uid"])
        if board is None:
            return self._missing(request, "There is no such dashboard.")
        choice = choice_of(board, request.query_params)
        try:
            variables = with_options(board, choice, self.sources.metrics(), time.time())
            problem = ""
        except ImsobsError as error:
            variables, problem = [], str(error)
        return self.page(
            "dashboard.html",
            request,
            board=board,
            question=question_of(board),
            variables=variables,
            choice=choice,
            ranges=ranges(board),
            refreshes=[(one, duration(one) if one else "off") for one in REFRESHES],
            problem=problem,
        )

    def panel(self, request: Request) -> Response:
        """Return the inside of a panel's card."""
        uid, panel_id = request.path_params["uid"], request.path_params["panel"]
        if not self.panels.known(uid, panel_id):
            return PlainTextResponse("there is no such panel", 404)
        sizes = [
            min(max(int(text), LEAST), MOST)
            for text in (request.query_params.get(name, "") for name in ("width", "height"))
            if text.isdecimal() and len(text) < 6
        ]
        if len(sizes) != 2:
            return PlainTextResponse("width and height are numbers of pixels", 400)
        choice = choice_of(self.boards[uid], request.query_params)
        try:
            return HTMLResponse(self.panels.card(uid, panel_id, choice, (sizes[0], sizes[1])))
        except ImsobsError as error:
            return PlainTextResponse(printable(error.message, most=300), 502)

    def alerts(self, request: Request) -> Response:
        """Return what fires."""
        now = datetime.now(UTC)
        return self.page(
            "alerts.html",
            request,
            alerts=self.sources.alerts(),
            lasted=lambda alert: _lasted(alert.seconds(now)),
            runbooks=self.runbooks,
        )

    def firing(self, _: Request) -> Response:
        """Return the number of alerts that ask for somebody, for the menu."""
        found = self.sources.alerts()
        return PlainTextResponse("?" if found is None else str(sum(one.calls for one in found)))

    def records(self, request: Request) -> Response:
        """Return log records by level or trace."""
        query = request.query_params
        level = query.get("level", "error")
        trace = query.get("trace", "").strip().lower()
        seconds = int(text) if (text := query.get("range", "")) in map(str, _RECORD_SECONDS) else 0
        level = level if level in LEVELS else "error"
        problem, records, where = "", None, ""
        try:
            if trace and not re.fullmatch(r"[0-9a-f]{32}", trace):
                raise ImsobsError("a trace id has 32 hexadecimal digits")
            records, where = self.sources.records(
                seconds or 3600, level=None if trace else level, trace=trace or None
            )
        except ImsobsError as error:
            problem = str(error)
        return self.page(
            "records.html",
            request,
            records=records,
            where=where,
            problem=problem,
            levels=list(LEVELS),
            level=level,
            trace=trace,
            seconds=seconds or 3600,
            ranges=[(one, f"last {duration(one)}") for one in _RECORD_SECONDS],
            link=lambda found: self.sources.trace_link(found) if self.sources.jaeger else None,
        )

    def runbook(self, request: Request) -> Response:
        """Return a runbook as a page."""
        name = request.path_params["name"]
        text = self.sources.runbook(name) if _RUNBOOK.fullmatch(name) else None
        if text is None:
            return self._missing(request, "There is no such runbook; `imsobs render` writes them.")
        # Raw HTML in it stays text.
        html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
        return self.page("runbook.html", request, name=name, content=Markup(html))  # noqa: S704

    def _missing(self, request: Request, message: str) -> Response:
        answer = self.page("missing.html", request, message=message)
        answer.status_code = 404
        return answer


def _lasted(seconds: int | None) -> str:
    return "?" if seconds is None else duration(seconds)


def site(
    boards: Sequence[Mapping[str, Any]],
    runbooks: Mapping[str, str],
    sources: Sources,
    scrape_interval: float,
) -> Starlette:
    """Return the application that serves the pages.

    scrape_interval: seconds; what was asked is kept for so long.
    """
    templates = Environment(
        loader=PackageLoader("imsobs", "data/live"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    by_uid = {board["uid"]: board for board in boards}
    panels = Panels(by_uid, sources, scrape_interval, templates)
    pages = Site(by_uid, runbooks, sources, panels, templates)
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/d/{uid}", pages.dashboard),
            Route("/d/{uid}/panels/{panel:int}", pages.panel),
            Route("/alerts", pages.alerts),
            Route("/alerts/firing", pages.firing),
            Route("/records", pages.records),
            Route("/runbooks/{name}", pages.runbook),
            Mount("/static", StaticFiles(packages=[("imsobs", "data/live/static")])),
        ],
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False),
        ],
    )
