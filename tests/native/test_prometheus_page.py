"""Prometheus' own web page in a real browser: served once it is built, and it opens nothing else.

Needs Chromium (as the live pages do) and the page: `imsobs binaries prometheus-page`, with npm.
"""

from __future__ import annotations

import httpx
import pytest
from native.conftest import Live, eventually
from playwright.sync_api import Browser, expect

from imsobs.runtime.build.binaries import locate
from imsobs.runtime.progress import Silent

pytestmark = pytest.mark.native

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def page_of(stack: Live) -> str:
    plan, root = stack.stack.plan, stack.stack.layout.root
    if locate(plan, root, "prometheus-page", Silent()) is None:
        pytest.skip("Prometheus' page is not tried: imsobs binaries prometheus-page builds it")
    return stack.prometheus


def test_the_page_draws_a_query(page_of: str, stack: Live, browser: Browser) -> None:
    query = 'up{job="otelcol"}'
    # Two samples make a line.
    eventually(lambda: stack.value(f"count_over_time({query}[5m])") >= 2)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((page_of, "data:", "blob:"))
            else elsewhere.append(asked.url)
        ),
    )
    page.goto(page_of)
    expect(page).to_have_url(f"{page_of}/query")
    page.locator(".cm-content").first.fill(query)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Execute").click()
    table = page.locator("table")
    expect(table).to_contain_text("otelcol", timeout=PATIENCE_MS)
    assert table.locator("tr").count() == 1
    assert table.locator("td").last.inner_text() == "1"
    page.get_by_role("tab", name="Graph").click()
    drawn = page.locator(".uplot canvas")
    expect(drawn).to_be_visible(timeout=PATIENCE_MS)
    legend = page.locator(".uplot .u-legend")
    expect(legend).to_contain_text("otelcol", timeout=PATIENCE_MS)
    assert page.get_by_role("alert").count() == 0
    assert (complaints, elsewhere) == ([], [])
    page.close()


def test_the_page_shows_the_alerts_and_targets(page_of: str, stack: Live, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    for path, text in (("alerts", "Watchdog"), ("targets", "otelcol"), ("rules", "Watchdog")):
        page.goto(f"{page_of}/{path}")
        expect(page.locator("main")).to_contain_text(text, timeout=PATIENCE_MS)
    page.close()


def test_with_the_page_nothing_is_open_that_was_closed(page_of: str, stack: Live) -> None:
    root = stack.stack.layout.root
    # Where Prometheus would look in its working directory, were that the project.
    assets = root / "static/mantine-ui/assets"
    assets.mkdir(parents=True)
    (assets / "secret.txt").write_text("of the project")
    refused = {"/-/quit": "not enabled", "/-/reload": "not enabled", "/api/v1/write": "enabled"}
    admin = ("snapshot", "clean_tombstones", "delete_series?match[]=up")
    refused |= {f"/api/v1/admin/tsdb/{name}": "admin APIs disabled" for name in admin}
    with httpx.Client(base_url=page_of, trust_env=False) as client:
        assert client.get("/query").status_code == 200
        for path, said in refused.items():
            answer = client.post(path)
            assert not answer.is_success, path
            assert said in answer.text, (path, answer.text)
        answer = client.get("/query", headers={"Origin": "http://evil.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "of the project" not in client.get("/assets/secret.txt").text
