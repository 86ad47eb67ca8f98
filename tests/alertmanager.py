"""A real Alertmanager with the rendered configuration, whose receivers are one local inbox."""

from __future__ import annotations

import datetime
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.trial import free_ports

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def running(config: dict[str, Any], folder: Path, templates: Path) -> Iterator[httpx.Client]:
    """Start Alertmanager; yield a client of its API."""
    (folder / "templates").symlink_to(templates)
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    (port,) = free_ports(1)
    command = [str(resolve_binary("alertmanager", ROOT)), f"--config.file={file}"]
    command += [f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=base, trust_env=False, timeout=5) as client:
            wait_for(lambda: _is_ready(client), 60, "Alertmanager is ready")
            yield client
    finally:
        process.terminate()
        process.wait(timeout=60)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").is_success
    except httpx.HTTPError:
        return False


def wait_for(condition: Any, seconds: float, what: str) -> Any:
    """Wait until ``condition()`` holds, and return it; AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


def post(client: httpx.Client, alerts: list[dict[str, str]]) -> None:
    """Send firing alerts by their labels."""
    now = datetime.datetime.now(datetime.UTC)
    body = [
        {
            "labels": labels,
            "annotations": {
                "summary": f"summary of {labels['alertname']}",
                "description": "what happened",
                "runbook_url": "https://example.org/runbook",
                "dashboard_url": "https://example.org/dashboard",
            },
            "startsAt": now.isoformat(),
            "endsAt": (now + datetime.timedelta(hours=1)).isoformat(),
        }
        for labels in alerts
    ]
    assert client.post("/api/v2/alerts", json=body).is_success


def states(client: httpx.Client) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (case, alert name) -> status, as Alertmanager's API tells it."""
    # Muting belongs to a group, so only the groups tell it.
    groups = client.get("/api/v2/alerts/groups").json()
    alerts = [alert for group in groups for alert in group["alerts"]]
    return {(a["labels"].get("case", ""), a["labels"]["alertname"]): a["status"] for a in alerts}
