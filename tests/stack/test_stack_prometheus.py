"""Prometheus in its container: rules loaded, targets known, reload by signal."""

from __future__ import annotations

from pathlib import Path

import httpx
import yaml
from stack.containers import Launcher, eventually

PORT = 9090


def test_it_loads_every_rule_and_target(
    launch: Launcher, client: httpx.Client, project: Path
) -> None:
    prometheus = launch("prometheus", ports=(PORT,))
    prometheus.wait_healthy()
    groups = client.get(prometheus.url(PORT, "/api/v1/rules")).json()["data"]["groups"]
    files = sorted((project / "alerts/rules").glob("*.yaml"))
    rendered = [g for file in files for g in yaml.safe_load(file.read_text())["groups"]]
    assert len(groups) == len(rendered)
    assert sum(len(g["rules"]) for g in groups) == sum(len(g["rules"]) for g in rendered)
    assert {rule["health"] for g in groups for rule in g["rules"]} <= {"ok", "unknown"}
    targets = eventually(
        lambda: client.get(prometheus.url(PORT, "/api/v1/targets")).json()["data"]["activeTargets"]
    )
    jobs = {target["labels"]["job"] for target in targets}
    own = {"ims-metrics", "ims-processes", "ims-state", "otelcol"}
    assert own | {"prometheus", "alertmanager", "jaeger", "loki"} <= jobs


def test_promtool_in_the_image_accepts_the_files(launch: Launcher) -> None:
    prometheus = launch("prometheus", ports=(PORT,))
    code, said = prometheus.run(
        "/bin/promtool", "check", "config", "/etc/imsobs/stack/prometheus.yaml"
    )
    assert code == 0, said


def test_retention_and_features_are_what_the_spec_says(
    launch: Launcher, client: httpx.Client
) -> None:
    prometheus = launch("prometheus", ports=(PORT,))
    prometheus.wait_healthy()
    flags = client.get(prometheus.url(PORT, "/api/v1/status/flags")).json()["data"]
    assert flags["storage.tsdb.retention.time"] == "30d"
    assert flags["enable-feature"] == "created-timestamp-zero-ingestion,exemplar-storage"
    # Nobody who can reach the port may stop it.
    assert client.post(prometheus.url(PORT, "/-/quit")).status_code == 403
