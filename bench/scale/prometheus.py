"""A real Prometheus that scrapes a cluster, as the rendered one would."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.harness import ROOT
from bench.scale.cluster import Cluster
from bench.scale.node import Node, finding
from imsobs import yamlio
from imsobs.model import conventions
from imsobs.outputs.collector.roles import CURRENT, DERIVE, SAMPLE
from imsobs.outputs.prometheus.server import FEATURES, sections
from imsobs.runtime.build.binaries import resolve_binary

_INTERVAL = "1s"


class Refused(Exception):
    """A query that is not understood, or cannot be computed; the text says why."""


@dataclass
class Prometheus:
    """A Prometheus that scrapes the processes of a cluster, once a second.

    Which ones there are is read from files, as they come and go. rules: files with rules;
    alertmanagers: addresses that alerts go to; remote_write: sections of that name; resolv_conf:
    what it finds as /etc/resolv.conf.
    """

    cluster: Cluster
    number: int = 0
    rules: Sequence[Path] = ()
    alertmanagers: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    remote_write: Sequence[Mapping[str, Any]] = ()
    resolv_conf: Path | None = None

    def __post_init__(self) -> None:
        self.folder = self.cluster.folder / f"prometheus-{self.number}"
        self.targets = self.cluster.folder / "targets"
        self.targets.mkdir(exist_ok=True)
        self.folder.mkdir()
        address = self.cluster.address("prometheus", self.number)
        self.url = f"http://{address}:9090"
        (self.folder / "config.yaml").write_text(yamlio.dump(self._config()), "utf-8")
        command: list[str | Path] = [
            resolve_binary("prometheus", ROOT),
            f"--config.file={self.folder / 'config.yaml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={address}:9090",
            f"--enable-feature={','.join(FEATURES)}",
        ]
        command = finding(command, self.resolv_conf)
        self.node = Node(address, command, self.folder, f"{self.url}/-/ready")
        self.cluster.nodes[f"prometheus-{self.number}"] = self.node

    def _config(self) -> dict[str, Any]:
        planned = sections(self.cluster.model)
        jobs = []
        for job in planned["scrape_configs"]:
            kept = {key: value for key, value in job.items() if key != "file_sd_configs"}
            files = [{"files": [str(self.targets / f"{job['job_name']}.json")]}]
            jobs.append({**kept, "file_sd_configs": files})
        found = {
            "global": {
                **planned["global"],
                "scrape_interval": _INTERVAL,
                "scrape_timeout": _INTERVAL,
                "evaluation_interval": _INTERVAL,
                "external_labels": dict(self.labels),
            },
            "scrape_configs": jobs,
            "rule_files": [str(file) for file in self.rules],
            "remote_write": [dict(target) for target in self.remote_write],
        }
        if self.alertmanagers:
            found["alerting"] = {
                "alert_relabel_configs": [
                    {"regex": name, "action": "labeldrop"} for name in self.labels
                ],
                "alertmanagers": [{"static_configs": [{"targets": [*self.alertmanagers]}]}],
            }
        return found

    def start(self, **roles: Sequence[int]) -> Prometheus:
        """Start it with so many processes of each role to scrape; wait until it is ready."""
        self.scrape(**roles)
        self.node.start()
        return self

    def scrape(self, **roles: Sequence[int]) -> None:
        """Set which processes of each role are scraped, by their numbers."""
        ports, namespace = self.cluster.ports, self.cluster.model.spec.service.namespace
        exposed = {
            DERIVE: {"metrics": ports.metrics, "otelcol": ports.telemetry},
            SAMPLE: {"metrics": ports.metrics, "otelcol": ports.telemetry},
            CURRENT: {
                "metrics": ports.current,
                "processes": ports.processes,
                "state": ports.state,
                "otelcol": ports.telemetry,
            },
        }
        targets: dict[str, list[str]] = {}
        for role, numbers in roles.items():
            for what, port in exposed[role].items():
                job = what if what == "otelcol" else conventions.scrape_job(namespace, what)
                at = [f"{self.cluster.address(role, n)}:{port}" for n in numbers]
                targets.setdefault(job, []).extend(at)
        for job, found in targets.items():
            file = self.targets / f"{job}.json"
            new = file.with_suffix(".new")
            new.write_text(json.dumps([{"targets": found}]), "utf-8")
            new.replace(file)

    def query(self, query: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return the result of an instant query; at: Unix s, by default now."""
        return ask(self.url, query, at)

    def counted(self, selector: str) -> float:
        """Return what counters of a selector have counted since they began, restarts included."""
        return grown(self.query(f"{selector}[1h]"))

    def last_scrape(self, node: Node, port: int) -> float:
        """Return when a process was last scraped with success (Unix s)."""
        (series,) = self.query(f'up{{instance="{node.address}:{port}"}}[1h]')
        return float(max(at for at, value in series["values"] if value == "1"))


@functools.cache
def _client() -> httpx.Client:
    """Return what asks all: to make one takes longer than most answers.

    No connection is used twice, for who is at its other end may have been killed.
    """
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(trust_env=False, timeout=30, limits=limits)


def ask(
    url: str, query: str, at: float | None = None, headers: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the result of an instant query at who speaks Prometheus' API; at: Unix s."""
    data = {"query": query} if at is None else {"query": query, "time": f"{at:.3f}"}
    answer = _client().post(f"{url}/api/v1/query", data=data, headers=dict(headers or {}))
    if answer.status_code in (400, 422):
        raise Refused(answer.json()["error"])
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def grown(series: Sequence[Mapping[str, Any]]) -> float:
    """Return by how much counters grew from 0 in all, of the rows of a range."""
    return sum(_grown([float(value) for _, value in row["values"]]) for row in series)


def _grown(values: Sequence[float]) -> float:
    """Return by how much a counter grew from 0; a value below the one before is a new beginning."""
    steps = zip([0.0, *values], values, strict=False)
    return sum(after - before if after >= before else after for before, after in steps)
