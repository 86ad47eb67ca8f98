"""Live pages in a real browser: every panel draws, a variable works, hostile text stays text.

Needs Chromium (Debian's package, which `make test-native` installs where it may).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fake_prometheus import SPEC, fake_prometheus
from native.conftest import Live, eventually
from playwright.sync_api import Browser, Page, expect
from small_specs import model_of

from imsobs.compile import dashboards
from imsobs.live.serve import listening
from imsobs.live.site import site
from imsobs.live.sources import Sources
from imsobs.model import Model
from imsobs.model.conventions import alert_file_stem

pytestmark = pytest.mark.native

PATIENCE_MS = 60_000
Boards = dict[str, Any]


@contextmanager
def _served(model: Model, sources: Sources) -> Iterator[str]:
    names = {name: alert_file_stem(name) for name in model.alerts}
    with listening(0) as listener:
        application = site(dashboards(model), names, sources, 2)
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


def _shown(page: Page, address: str) -> list[str]:
    """Open a page and scroll until every panel is drawn; return what scripts complain of."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append("a dialog"), dialog.dismiss()))
    page.goto(address)
    for figure in page.locator("figure").all():
        figure.scroll_into_view_if_needed()
    expect(page.locator(".inside[aria-busy]")).to_have_count(0, timeout=PATIENCE_MS)
    return complaints


@pytest.fixture(scope="module")
def boards(model: Model) -> Boards:
    return {board["uid"]: board for board in dashboards(model)}


@pytest.fixture(scope="module")
def pages(stack: Live, model: Model) -> Iterator[str]:
    sources = Sources(stack.prometheus, stack.jaeger, stack.alertmanager, stack.stack.layout.root)
    with pytest.MonkeyPatch.context() as patched, _served(model, sources) as address:
        patched.setenv("IMSOBS_STATE", str(stack.stack.layout.state))
        yield address


def test_every_panel_of_every_dashboard_draws(pages: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(pages)
    links = [link.get_attribute("href") or "" for link in page.locator("nav a").all()]
    boards = [link for link in links if link.startswith("/d/")]
    assert len(boards) >= 10
    for board in boards:
        assert _shown(page, pages + board) == []
        figures = page.locator("figure")
        assert figures.count() > 4
        for figure in figures.all():
            title = figure.locator("figcaption").inner_text()
            assert figure.locator(".problem").count() == 0, (board, title)
            assert figure.locator(".inside svg, .inside table, .inside .empty").count(), title
    page.close()


def test_a_variable_changes_what_is_drawn(pages: str, boards: Boards, browser: Browser) -> None:
    vendors = {"openai", "anthropic"}
    by_vendor = [
        panel["id"]
        for panel in boards["ims-models"]["panels"]
        if any("$vendor" in target.get("expr", "") for target in panel.get("targets", ()))
    ]
    page = browser.new_page(viewport={"width": 1440, "height": 900})

    def named() -> set[str]:
        figures = [page.locator(f'figure[data-panel="{one}"]') for one in by_vendor]
        drawn = " ".join(figure.locator(".inside").inner_text() for figure in figures)
        return {vendor for vendor in vendors if vendor in drawn}

    _shown(page, f"{pages}/d/ims-models")
    assert named() == vendors
    # By keyboard alone: open the list, choose the first value, leave it.
    page.locator('details[data-variable="vendor"] summary').focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    chosen = page.evaluate("document.activeElement.value")
    page.keyboard.press("Space")
    with page.expect_navigation():
        page.keyboard.press("Escape")
    assert f"var-vendor={chosen}" in page.url
    _shown(page, page.url)
    assert named() == {chosen}
    page.close()


def test_records_lead_to_their_traces(pages: str, stack: Live, browser: Browser) -> None:
    page = browser.new_page()

    def traces(query: str) -> set[str]:
        assert _shown(page, f"{pages}/records?{query}") == []
        links = [link.get_attribute("href") or "" for link in page.locator("td a").all()]
        assert all(link.startswith(f"{stack.jaeger}/trace/") for link in links), links
        return {link.removeprefix(f"{stack.jaeger}/trace/") for link in links}

    assert traces("level=error")
    # Of an error that only its record tells, the trace is kept or not as any other is. So from a
    # trace that is kept to its records, and by their links back.
    search = {"service": "ims-core", "operation": "POST /v1/generate", "limit": "1"}
    kept = eventually(
        lambda: httpx.get(f"{stack.jaeger}/api/traces", params=search).json()["data"], 60
    )
    (trace,) = (one["traceID"].zfill(32) for one in kept)
    assert traces(f"trace={trace}") == {trace}
    page.close()


def test_alerts_lead_to_their_runbooks_on_a_narrow_screen(pages: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert _shown(page, f"{pages}/alerts") == []
        if page.get_by_role("link", name="Watchdog").count():
            break
    page.get_by_role("link", name="Watchdog").click()
    expect(page.locator("h1")).to_have_text("Watchdog")
    assert _shown(page, f"{pages}/d/ims-http") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_hostile_text_stays_text(browser: Browser, tmp_path: Path) -> None:
    with (
        fake_prometheus() as base,
        _served(model_of(tmp_path, SPEC), Sources(base, None, None, tmp_path)) as address,
    ):
        page = browser.new_page()
        for path in ("/d/shop-http", "/alerts"):
            assert _shown(page, address + path) == []
            assert "<img src=x" in page.locator("body").inner_text()
            assert page.evaluate("window.hostile === undefined")
            assert page.locator("img").count() == 0
        page.close()
