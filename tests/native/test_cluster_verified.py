"""imsobs verify --cluster understands a real Prometheus, with the rules that pods would read."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import small_specs
import yaml
from alertmanager import ROOT, wait_for
from kubernetes_specs import STORES, objects

from bench.project import await_http
from imsobs.compile import render_model
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.cluster import applied
from imsobs.runtime.trial import free_ports

pytestmark = pytest.mark.native
PARTS = (small_specs.PARTS["spans"], small_specs.PARTS["the pack pipeline"], STORES)
JOBS = ("shop-metrics", "otelcol", "prometheus", "alertmanager", "jaeger", "loki")
# What Collectors would count of themselves.
_RECEIVED = {
    "record": "otelcol_receiver_accepted_spans_total",
    "expr": "vector(5)",
    "labels": {"job": "otelcol"},
}
# The alerts wait no longer than this for their first evaluation.
_SECONDS = 60.0


Pages = dict[str, bytes]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return render_model(small_specs.model_of(tmp_path_factory.mktemp("spec"), *PARTS))


@pytest.fixture
def project(pages: Pages, tmp_path: Path) -> Path:
    rules = tmp_path / "rules"
    rules.mkdir()
    for one in objects(pages):
        if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("rules-"):
            for file, text in one["data"].items():
                (rules / file).write_text(text)
    received = {"groups": [{"name": "received", "rules": [_RECEIVED]}]}
    (rules / "received.yaml").write_text(yaml.safe_dump(received))
    return tmp_path


@contextmanager
def running(project: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run Prometheus with every job, which is itself; yield its URL and its process."""
    own, *alertmanagers = free_ports(4)
    itself = {"static_configs": [{"targets": [f"127.0.0.1:{own}"]}]}
    known = [f"127.0.0.1:{port}" for port in alertmanagers]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "rule_files": ["rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": known}]}]},
        "scrape_configs": [{"job_name": job, **itself} for job in JOBS],
    }
    (project / "prometheus.yaml").write_text(yaml.safe_dump(config))
    url, log = f"http://127.0.0.1:{own}", project / "log"
    command = [str(resolve_binary("prometheus", ROOT)), "--config.file=prometheus.yaml",
               "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{own}"]  # fmt: skip
    with (
        log.open("w") as said,
        subprocess.Popen(command, cwd=project, stdout=said, stderr=said) as process,
    ):
        try:
            await_http(f"{url}/-/ready", process, log)
            yield url, process
        finally:
            process.terminate()


def _found(pages: Pages, url: str) -> dict[str, list[str]]:
    """Return level -> findings, but for that there is no kubectl."""
    told: dict[str, list[str]] = {"fail": []}
    for one in applied.examine(pages, None, url):
        if one.check != "kubectl":
            told.setdefault(one.level, []).append(f"{one.check}: {one.detail}")
    return told


def test_a_real_prometheus_is_understood(pages: Pages, project: Path) -> None:
    with running(project) as (url, process):
        wait_for(lambda: not _found(pages, url)["fail"], _SECONDS, "everything is well")
        well = _found(pages, url)["ok"]
        assert well[: len(JOBS)] == [f"targets: {job}: 1 up" for job in JOBS]
        assert "alerting: Watchdog fires, as it always must" in well
        assert well[-1] == "series: received: 5 spans, 0 log records, 0 metric points"
        loaded = int(well[len(JOBS)].removeprefix("rules: ").split()[0])
        # As many as Prometheus itself says, but for the one of this test.
        assert loaded == _rules(url) - 1

        (project / "rules/alerting.yaml").rename(project / "alerting.yaml")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(_found(pages, url)["fail"]) == 2, _SECONDS, "rules are missed")
        lacking = _found(pages, url)["fail"]
        assert lacking[0].startswith("rules: ")
        assert " are not loaded: " in lacking[0]
        assert lacking[1] == "alerting: Watchdog does not fire: rules are not evaluated"


def _rules(url: str) -> int:
    with httpx.Client(trust_env=False) as client:
        groups: list[Any] = client.get(f"{url}/api/v1/rules").json()["data"]["groups"]
    return sum(len(group["rules"]) for group in groups)
