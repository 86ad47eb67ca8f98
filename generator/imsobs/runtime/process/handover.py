"""Alerts handed over: Prometheus is restarted only once Alertmanager knows its alerts again.

Alertmanager keeps notifications and silences on disk, alerts in memory: after a restart it knows
an alert when Prometheus has sent it again (within a minute). Were Prometheus restarted before, an
alert that ended meanwhile would be known to neither, and RESOLVED would never be sent.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import httpx

from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.progress import Progress

# Prometheus sends a firing alert again after a minute (--rules.alert.resend-delay) and one
# evaluation.
PATIENCE_SECONDS = 120.0


def _get(client: httpx.Client, url: str) -> Any:
    try:
        answer = client.get(url)
        return json_of(answer) if answer.is_success else None
    except (httpx.HTTPError, ValueError):
        return None


def missing(client: httpx.Client, prometheus: str, alertmanager: str) -> Counter[str]:
    """Return how many firing alerts of each name Alertmanager does not know; empty when none.

    Also empty when one of them does not answer: then there is nothing to wait for.
    """
    fired = _get(client, f"{prometheus.rstrip('/')}/api/v1/alerts")
    known = _get(client, f"{alertmanager.rstrip('/')}/api/v2/alerts")
    if fired is None or known is None:
        return Counter()
    firing = Counter(
        str(alert["labels"]["alertname"])
        for alert in fired["data"]["alerts"]
        if alert["state"] == "firing"
    )
    return firing - Counter(str(alert["labels"].get("alertname")) for alert in known)


def wait_for_alerts(plan: Plan, progress: Progress, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until Alertmanager knows every alert that fires in Prometheus, or patience ends."""
    process = plan.processes.get("alertmanager")
    if process is None or process.url is None:
        return
    begin = time.monotonic()
    with loopback_client() as client:
        while lacking := missing(client, plan.api.prometheus, process.url):
            listed = ", ".join(sorted(lacking))
            if time.monotonic() - begin > patience:
                progress.note(f"Alertmanager was not sent {listed} again within {patience:.0f} s")
                return
            progress.doing(f"waiting until Alertmanager knows {listed} again")
            time.sleep(0.5)
