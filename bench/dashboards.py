"""Live pages: how long a dashboard takes to show.

A stack as `make up` starts it, the demo's service and two minutes of its traffic. Headless Chromium
opens every dashboard of `imsobs preview --serve`, at 1440 by 900 pixels. *First screen* is the time
until what can be seen without scrolling is drawn, *whole page* until the last panel is, scrolled
through. Between two rounds the pages' cache, a scrape interval long, runs out.

    python -m bench.dashboards            # five minutes
    python -m bench.dashboards --rounds 1
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.harness import Spread, measured, say, spread
from bench.project import SPEC, await_http, components, process, rendered
from bench.report import Goal, Page, Table, write
from gateway.launch import Launch, running
from gateway.traffic import Order, send
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.trial import free_ports

_GOAL_SECONDS = 2.0
_TRAFFIC_SECONDS = 120.0
_CACHE_SECONDS = 16.0
_WAIT_MS = 60_000
# Whether every panel that begins above a height is drawn; without one, that of the window.
_DRAWN = """below => [...document.querySelectorAll('figure')].every(figure =>
  figure.getBoundingClientRect().top >= (below ?? innerHeight)
  || !figure.querySelector('.inside[aria-busy]'))"""


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboards", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each page is opened")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no chromium: tests/native/chromium installs it")
    with measured() as run, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dashboards-")))
        address = stack.enter_context(_pages(folder))
        tool = stack.enter_context(sync_playwright())
        # A browser's own sandbox is refused to root.
        browser = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = _page(_opened(browser, address, given.rounds))
        browser.close()
    write(page, run, given.out)


@contextmanager
def _pages(folder: Path) -> Iterator[str]:
    """Start everything, send the traffic, and yield the address of the live pages."""
    with ExitStack() as stack:
        port, pages = free_ports(2)
        root = rendered(folder / "project", {"service": {"url": f"http://127.0.0.1:{port}"}})
        live = stack.enter_context(running_stack(root, folder / "state"))
        launch = Launch(
            root=root,
            logs=folder / "service",
            port=port,
            endpoint=f"http://127.0.0.1:{live.port('otelcol', 'otlp_http')}",
        )
        service = stack.enter_context(running(launch))
        say(f"{_TRAFFIC_SECONDS:.0f} s of traffic ...")
        order = Order("steady", duration=_TRAFFIC_SECONDS, rate=8.0, seed=5)
        send(service.gateway_url, order)
        # The pages are of a project's spec, whose dashboards no overlay of a trial changes.
        (root / "spec").mkdir(exist_ok=True)
        shutil.copy(SPEC, root / "spec" / "spec.yaml")
        command = [sys.executable, "-m", "imsobs", "preview", "--serve", "--port", str(pages)]
        state = {"IMSOBS_STATE": str(live.layout.state)}
        log = folder / "pages.log"
        server = stack.enter_context(process([*command, "--root", root], log, state))
        address = f"http://127.0.0.1:{pages}"
        await_http(f"{address}/alerts", server, log)
        yield address


def _opened(browser: Browser, address: str, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Open every dashboard; return uid -> seconds of the first screen and of the whole page."""
    found: dict[str, list[tuple[float, float]]] = {}
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(address)
        links = [link.get_attribute("href") or "" for link in page.locator("nav a").all()]
        boards = [link for link in links if link.startswith("/d/")]
        for number in range(rounds):
            time.sleep(_CACHE_SECONDS)
            for board in boards if number % 2 == 0 else reversed(boards):
                began = time.monotonic()
                page.goto(address + board)
                page.wait_for_function(_DRAWN, timeout=_WAIT_MS)
                first = time.monotonic() - began
                for figure in page.locator("figure").all():
                    figure.scroll_into_view_if_needed()
                page.wait_for_function(_DRAWN, arg=1e9, timeout=_WAIT_MS)
                whole = time.monotonic() - began
                found.setdefault(board.removeprefix("/d/"), []).append((first, whole))
                say(f"  {board}: {first:.2f} s, {whole:.2f} s")
    return found


def _page(found: dict[str, list[tuple[float, float]]]) -> Page:
    table = Table(
        "Seconds to show, by dashboard (median, smallest and largest of the rounds)",
        ["dashboard", "first screen", "whole page"],
    )
    firsts: dict[str, Spread] = {}
    for uid, times in found.items():
        firsts[uid] = spread([first for first, _ in times])
        table.rows.append([uid, firsts[uid].show(2), spread([whole for _, whole in times]).show(2)])
    slowest = max(firsts, key=lambda uid: firsts[uid].median)
    return Page(
        "dashboards",
        "Benchmark: live pages",
        __doc__ or "",
        components("prometheus"),
        [table],
        [
            Goal(
                f"the first screen of every dashboard within {_GOAL_SECONDS:.0f} s",
                f"the slowest, {slowest}, in {firsts[slowest].show(2)} s",
                firsts[slowest].median <= _GOAL_SECONDS,
            )
        ],
        {uid: [{"first": f, "whole": w} for f, w in times] for uid, times in found.items()},
    )


if __name__ == "__main__":
    main()
