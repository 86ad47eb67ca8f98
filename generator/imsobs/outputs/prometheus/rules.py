"""Prometheus rule files: recorded series, objectives and alerts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model
from imsobs.model.rules import Record, ResolvedAlert
from imsobs.pages import YamlPage

DISABLED = f"{artifacts.DISABLED_RULES}/alerting.yaml"


def plan(model: Model) -> Iterator[YamlPage]:
    """Yield alerts/rules/{recording,slo,alerting}.yaml and the alerts that are off."""
    enabled = [alert for alert in model.alerts.values() if alert.enabled]
    for file in ("recording", "slo", "alerting"):
        groups = _record_groups([r for r in model.records if r.file == file])
        groups += _alert_groups([a for a in enabled if a.file == file])
        yield YamlPage(rule_file(file), {"groups": groups})
    disabled = [alert for alert in model.alerts.values() if not alert.enabled]
    if disabled:
        yield YamlPage(DISABLED, {"groups": _alert_groups(disabled)})


def rule_file(name: str) -> str:
    """Return the path of a rule file that Prometheus loads."""
    return f"{artifacts.RULES}/{name}.yaml"


def annotations_of(alert: ResolvedAlert) -> dict[str, str]:
    """Return an alert's annotations, not yet expanded."""
    return {
        "summary": alert.summary,
        "description": alert.description + alert.facts,
        "runbook_url": alert.runbook_url,
        "dashboard_url": alert.dashboard_url,
    }


def _record_groups(records: list[Record]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for record in records:
        group = groups.setdefault(
            record.group, {"name": record.group, "interval": record.interval, "rules": []}
        )
        group["rules"].append({"record": record.name, "expr": record.expr})
    return list(groups.values())


def _alert_groups(alerts: list[ResolvedAlert]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for alert in alerts:
        group = groups.setdefault(
            alert.group, {"name": alert.group, "interval": alert.interval, "rules": []}
        )
        rule: dict[str, Any] = {"alert": alert.name, "expr": alert.expr}
        if alert.for_ is not None and alert.for_ != "0s":
            rule["for"] = alert.for_
        if alert.keep_firing_for is not None:
            rule["keep_firing_for"] = alert.keep_firing_for
        group["rules"].append(
            {**rule, "labels": alert.labels, "annotations": annotations_of(alert)}
        )
    return list(groups.values())
