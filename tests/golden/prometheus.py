"""A real Prometheus that scrapes test Collectors, set up as the rendered one is."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from golden.collector import Collector
from imsobs.outputs.prometheus.server import FEATURES, sections
from imsobs.runtime.trial import free_ports


@dataclass
class Prometheus:
    """One Prometheus process that scrapes twice a second.

    scraped: the ports of each Collector; the exporter of both is the same.
    """

    binary: Path
    folder: Path
    collectors: list[Collector]
    scraped: tuple[str, ...] = ("metrics",)
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> Prometheus:
        """Start it and wait until it is ready."""
        planned = sections(self.collectors[0].model)
        targets = [f"127.0.0.1:{c.ports[port]}" for c in self.collectors for port in self.scraped]
        own = [job for job in planned["scrape_configs"] if job["job_name"] == "ims-metrics"]
        # The rendered job, with the test's targets and a clock that suits a test.
        job = {k: v for k, v in own[0].items() if k != "file_sd_configs"}
        config = {
            "global": {**planned["global"], "scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [{**job, "static_configs": [{"targets": targets}]}],
        }
        file = self.folder / "prometheus.yaml"
        file.write_text(yaml.safe_dump(config))
        (port,) = free_ports(1)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        with (self.folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    self.binary,
                    f"--config.file={file}",
                    f"--storage.tsdb.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    f"--enable-feature={','.join(FEATURES)}",
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while not self._ready():
            assert time.monotonic() < deadline, (self.folder / "prometheus.log").read_text()
            time.sleep(0.1)
        return self

    def _ready(self) -> bool:
        try:
            return self.client.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """End it."""
        self.client.close()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query."""
        answer = self.client.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expression: str) -> float | None:
        """Return the value of a query with one series, None without."""
        rows = self.query(expression)
        assert len(rows) <= 1, rows
        return float(rows[0]["value"][1]) if rows else None

    def exemplars(self, expression: str) -> list[dict[str, Any]]:
        """Return the exemplars of the last minute."""
        now = time.time()
        asked = {"query": expression, "start": now - 60, "end": now + 1}
        answer = self.client.get("/api/v1/query_exemplars", params=asked).json()
        return [entry for row in answer["data"] for entry in row["exemplars"]]
