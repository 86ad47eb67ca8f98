"""Series that a component exposes only as pods run it: remote write, and the mesh.

On one machine nothing is sent on, and the one Alertmanager has no peers.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from bench.project import await_http
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.livecheck.metrics import OF_SEVERAL
from imsobs.runtime.trial import free_ports
from release.registry.attributes import ROOT
from release.registry.exposition import asked

# Comes into being with the first sample that is dropped (droppedSamplesTotal in Prometheus'
# storage/remote/queue_manager.go).
_DROPPED = "prometheus_remote_storage_samples_dropped_total"


def found(folder: Path) -> dict[str, dict[str, Any]]:
    """Return component -> series that it exposes only with these options."""
    nowhere, http, mesh = free_ports(3)
    store = {"url": f"http://127.0.0.1:{nowhere}/api/v1/push", "name": "store"}
    prometheus = _one("prometheus", folder, {"remote_write": [store]}, http,
                      "--storage.tsdb.path=data")  # fmt: skip
    receivers = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
    alertmanager = _one("alertmanager", folder, receivers, http, "--storage.path=data",
                        f"--cluster.listen-address=127.0.0.1:{mesh}")  # fmt: skip
    sent = prometheus["prometheus_remote_storage_samples_failed_total"]
    prometheus[_DROPPED] = {**sent, "labels": sorted([*sent["labels"], "reason"])}
    return {"prometheus": prometheus, "alertmanager": alertmanager}


def _one(
    name: str, folder: Path, config: dict[str, Any], port: int, *options: str
) -> dict[str, Any]:
    place = folder / name
    place.mkdir(parents=True)
    (place / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [str(resolve_binary(name, ROOT)), "--config.file=config.yaml",
               f"--web.listen-address=127.0.0.1:{port}", *options]  # fmt: skip
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
    try:
        await_http(f"{url}/-/ready", process, place / "log")
        series = asked(f"{url}/metrics")
    finally:
        process.terminate()
        process.wait(60)
    return {one: entry for one, entry in series.items() if one.startswith(OF_SEVERAL[name])}
