"""The running stack, the demo service beside it, and the reference traffic."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from native.project import rendered_project
from playwright.sync_api import Browser, sync_playwright

from gateway.launch import Launch, Running, running
from gateway.traffic import Order, Report, send
from imsobs.runtime.process.stack import RunningStack, running_stack
from imsobs.runtime.trial import free_ports

# Short intervals, so that a test need not wait for what production has time for.
FAST: dict[str, Any] = {
    "scrape": {"interval": "2s", "timeout": "2s"},
    "collector": {"probe_interval": "2s"},
    "sampling": {"slow": "1s", "decision_wait": "2s"},
    "alerting": {"fast": "2s", "slow": "10s"},
    "alerts": {"CriticalErrorRate": {"for": "5s"}},
}
T = TypeVar("T")
REFERENCE = Order(mode="steady", count=150, seed=19, traced=True)


@dataclass(frozen=True)
class Live:
    """A running stack with a service that reports to it, after the reference traffic."""

    stack: RunningStack
    service: Running
    report: Report
    prometheus: str
    alertmanager: str
    jaeger: str
    logs: Path

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        return list(answer["data"]["result"])

    def value(self, expression: str) -> float:
        """Return the one value of an instant query, 0 when there is no series."""
        result = self.query(expression)
        assert len(result) <= 1, f"{expression} gave {len(result)} series"
        return float(result[0]["value"][1]) if result else 0.0

    def drive(self, order: Order) -> Report:
        """Send traffic to the service."""
        return send(self.service.gateway_url, order)


def eventually(probe: Callable[[], T], seconds: float = 30.0) -> T:
    """Return the first true result of ``probe``; the last assertion or result otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = probe()
            if found or time.monotonic() > deadline:
                assert found, f"nothing after {seconds:g} s"
                return found
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Start the whole native stack and the demo service, send the reference traffic."""
    folder = tmp_path_factory.mktemp("live")
    (port,) = free_ports(1)
    url = {"service": {"url": f"http://127.0.0.1:{port}"}}
    root = rendered_project(folder / "project", FAST, url)
    with running_stack(root, folder / "state") as live:
        endpoint = f"http://127.0.0.1:{live.port('otelcol', 'otlp_http')}"
        launch = Launch(
            root=root,
            logs=folder / "service",
            port=port,
            endpoint=endpoint,
            env={"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BLRP_SCHEDULE_DELAY": "200"},
        )
        with running(launch) as service:
            report = send(service.gateway_url, REFERENCE)
            yield Live(
                stack=live,
                service=service,
                report=report,
                prometheus=f"http://127.0.0.1:{live.port('prometheus', 'http')}",
                alertmanager=f"http://127.0.0.1:{live.port('alertmanager', 'http')}",
                jaeger=f"http://127.0.0.1:{live.port('jaeger', 'http')}",
                logs=live.layout.state / "logs" / "store.jsonl",
            )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser, headless."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("pages are not tried in a browser: no chromium on this machine")
    with sync_playwright() as tool:
        # A browser's own sandbox is refused to root.
        found = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()
