"""Alertmanager in its container: accepts its file, takes and routes an alert."""

from __future__ import annotations

import httpx
from stack.containers import Launcher, eventually

PORT = 9093


def test_amtool_in_the_image_accepts_the_file(launch: Launcher) -> None:
    alertmanager = launch("alertmanager", ports=(PORT,))
    config = "/etc/imsobs/alerts/alertmanager.yaml"
    code, said = alertmanager.run("/bin/amtool", "check-config", config)
    assert code == 0, said


def test_it_takes_an_alert_and_routes_it(launch: Launcher, client: httpx.Client) -> None:
    alertmanager = launch("alertmanager", ports=(PORT,))
    alertmanager.wait_healthy()
    labels = {"alertname": "ServiceDown", "severity": "critical", "service_name": "ims-core"}
    url = alertmanager.url(PORT, "/api/v2/alerts")
    client.post(url, json=[{"labels": labels}]).raise_for_status()
    found = eventually(lambda: client.get(url).json())
    assert found[0]["labels"] == labels
    assert [receiver["name"] for receiver in found[0]["receivers"]] == ["on-call"]
    assert client.post(alertmanager.url(PORT, "/-/reload")).status_code == 200
