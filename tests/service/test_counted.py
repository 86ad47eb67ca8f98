"""What was answered is what the Collector counts, under every server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.conftest import otlp_url, value
from golden.collector import ROOT, Collector
from service.servers import SERVERS, serving

from imsobs.runtime.build.binaries import resolve_binary

pytestmark = [pytest.mark.native, pytest.mark.timeout(400)]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    """A real Collector with the rendered configuration."""
    env = {"IMSOBS_SERVICE_URL": "http://127.0.0.1:1"}
    running = Collector(resolve_binary("otelcol", ROOT), tmp_path, env=env).start()
    yield running
    running.close()


@pytest.mark.parametrize("server", SERVERS)
def test_answered_is_counted(server: str, collector: Collector, tmp_path: Path) -> None:
    with serving(server, otlp_url(collector), tmp_path / "log") as service:
        if server != "uvicorn":
            service.replace_workers()
        service.get("/work", 1000)
        service.stop()
        assert service.answered > 1000
        assert value(collector, "ims_requests_total") == service.answered
