"""The alerts that fire, as Prometheus reports them, and what Alertmanager does with each."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from imsobs.runtime.loopback import json_of

SEVERITIES = ("critical", "warning", "info", "none")
"""The most severe first; an alert of the last serves the alerting itself and notifies nobody."""


@dataclass(frozen=True)
class FiringAlert:
    """One firing alert.

    labels: without its name and severity. since: when its condition began, RFC 3339. summary: as
    it was written for a notification. hidden: "silenced by ID", "held back by ALERT", "muted by
    NAME", empty when a receiver is notified; None when Alertmanager does not know it or answer.
    """

    name: str
    severity: str
    labels: dict[str, str]
    since: str
    summary: str
    hidden: str | None

    @property
    def calls(self) -> bool:
        """Whether it asks for somebody: not one of severity none, nor one that is silenced."""
        return self.severity != "none" and not (self.hidden or "").startswith("silenced")

    def seconds(self, now: datetime.datetime) -> int | None:
        """Return for how long it has been true; None when it is not known."""
        try:
            begin = datetime.datetime.fromisoformat(self.since)
        except ValueError:
            return None
        return max(0, int((now - begin).total_seconds()))


def _get(client: httpx.Client, url: str) -> Any:
    try:
        answer = client.get(url)
        return json_of(answer) if answer.is_success else None
    except (httpx.HTTPError, ValueError):
        return None


def _treated(client: httpx.Client, alertmanager: str) -> list[tuple[dict[str, str], str]]:
    """Return the labels of what Alertmanager knows, with the reason why nobody is notified."""
    # Muting belongs to a group, so only the groups have it.
    groups = _get(client, f"{alertmanager.rstrip('/')}/api/v2/alerts/groups") or []
    alerts = [alert for group in groups for alert in group["alerts"]]
    names = {alert["fingerprint"]: alert["labels"].get("alertname", "?") for alert in alerts}
    return [(alert["labels"], _why(alert["status"], names)) for alert in alerts]


def _why(status: Mapping[str, Any], names: Mapping[str, str]) -> str:
    for key, word in (
        ("silencedBy", "silenced"),
        ("inhibitedBy", "held back"),
        ("mutedBy", "muted"),
    ):
        by = sorted(
            names.get(one, one[:8] if key == "silencedBy" else one) for one in status.get(key) or ()
        )
        if by:
            return f"{word} by {', '.join(dict.fromkeys(by))}"
    return ""


def firing(
    client: httpx.Client, prometheus: str, alertmanager: str | None
) -> list[FiringAlert] | None:
    """Return what fires, the gravest and oldest first; None when Prometheus does not answer.

    prometheus, alertmanager: base URLs.
    """
    answered = _get(client, f"{prometheus.rstrip('/')}/api/v1/alerts")
    if answered is None:
        return None
    treated = _treated(client, alertmanager) if alertmanager else []
    found = []
    for alert in answered["data"]["alerts"]:
        if alert["state"] != "firing":
            continue
        labels = alert["labels"]
        # Alertmanager's have the external labels besides.
        hidden = next((why for known, why in treated if labels.items() <= known.items()), None)
        rest = {k: v for k, v in sorted(labels.items()) if k not in ("alertname", "severity")}
        found.append(
            FiringAlert(
                labels.get("alertname", "?"),
                labels.get("severity", "none"),
                rest,
                alert.get("activeAt", ""),
                alert.get("annotations", {}).get("summary", ""),
                hidden,
            )
        )
    order = {name: number for number, name in enumerate(SEVERITIES)}
    return sorted(found, key=lambda one: (order.get(one.severity, 0), one.since, one.name))
