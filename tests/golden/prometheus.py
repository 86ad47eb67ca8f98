"""A real Prometheus that scrapes test Collectors, set up as the rendered one is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml
from golden.collector import Collector

from imsobs.model import conventions, processes
from imsobs.outputs.prometheus import rules
from imsobs.outputs.prometheus.server import FEATURES, sections
from imsobs.pages import render
from imsobs.runtime.trial import free_ports

# Job -> ports of the Collector.
EXPOSED = {"metrics": ("metrics", "current"), "processes": ("processes",), "state": ("state",)}


@dataclass
class Prometheus:
    """One Prometheus process that scrapes every second.

    scraped: the ports of each Collector. folding: whether it evaluates the rules that fold
    what each process reports; recording: all rules that record. others: further scrape jobs.
    alertmanagers: addresses that alerts go to.
    """

    binary: Path
    folder: Path
    collectors: list[Collector]
    scraped: tuple[str, ...] = ("metrics",)
    folding: bool = False
    recording: bool = False
    others: list[dict[str, Any]] = field(default_factory=list)
    alertmanagers: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> Prometheus:
        """Start it and wait until it is ready."""
        planned = sections(self.collectors[0].model)
        config = {
            # A clock that suits a test.
            "global": {
                **planned["global"],
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "500ms",
            },
            "scrape_configs": [*self._jobs(planned["scrape_configs"]), *self.others],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [*self.alertmanagers]}]}]
            },
            "rule_files": [str(self._rules())] if self.folding or self.recording else [],
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

    def _jobs(self, planned: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the rendered jobs of the service, with the test's targets."""
        namespace = self.collectors[0].model.spec.service.namespace
        for what, exposed in EXPOSED.items():
            name = conventions.scrape_job(namespace, what)
            ports = [port for port in exposed if port in self.scraped]
            targets = [f"127.0.0.1:{c.ports[port]}" for c in self.collectors for port in ports]
            for job in planned:
                if job["job_name"] == name and targets:
                    kept = {k: v for k, v in job.items() if k != "file_sd_configs"}
                    yield {**kept, "static_configs": [{"targets": targets}]}

    def _rules(self) -> Path:
        """Write the rendered rules that fold or record, evaluated twice a second."""
        pages = render(rules.plan(self.collectors[0].model))
        groups = yaml.safe_load(pages[rules.rule_file("recording")])["groups"]
        own = [
            {**group, "interval": "500ms"}
            for group in groups
            if self.recording or group["name"] == processes.GROUP
        ]
        file = self.folder / "rules.yaml"
        file.write_text(yaml.safe_dump({"groups": own}))
        return file

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

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return the series of an instant query, of now or of a Unix time."""
        asked = {"query": expression, **({} if at is None else {"time": f"{at:.3f}"})}
        answer = self.client.get("/api/v1/query", params=asked).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expression: str) -> float | None:
        """Return the value of a query with one series, None without."""
        rows = self.query(expression)
        assert len(rows) <= 1, rows
        return float(rows[0]["value"][1]) if rows else None

    def evaluated(self) -> float:
        """Return since when (Unix time) every group of rules was evaluated."""
        groups = self.client.get("/api/v1/rules").json()["data"]["groups"]
        return min(datetime.fromisoformat(g["lastEvaluation"]).timestamp() for g in groups)

    def exemplars(self, expression: str) -> list[dict[str, Any]]:
        """Return the exemplars of the last minute."""
        now = time.time()
        asked = {"query": expression, "start": now - 60, "end": now + 1}
        answer = self.client.get("/api/v1/query_exemplars", params=asked).json()
        return [entry for row in answer["data"] for entry in row["exemplars"]]
