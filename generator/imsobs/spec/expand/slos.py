"""Objectives: names, severities and windows of their alerts."""

from __future__ import annotations

from typing import Any

from imsobs.burn_windows import DEFAULT, Window, burn_windows
from imsobs.spec.expand.shape import Entry, each

# Severity of an objective -> that of its slowest alert.
_LESSER = {"critical": "warning", "warning": "info"}
_SEVERITY = "critical"
_BREACH_FOR = "5m"


def alerts(data: Entry) -> Entry:
    """An objective has the burn-rate alerts of a catalogue, and one on missing it."""
    return each(data, "slos", _with_alerts)


def alert_names(name: str) -> set[str]:
    """Return the names of the alerts that an objective has from any of the catalogue's windows."""
    words = {word for windows in burn_windows().values() for word in windows.alerts}
    return {f"{_prefix(name)}Burn{word}" for word in words}


def _with_alerts(name: str, slo: Entry) -> Entry:
    severity = slo.get("severity", _SEVERITY)
    prefix = _prefix(name)
    given = slo.get("burn", DEFAULT)
    known = burn_windows().get(given) if isinstance(given, str) else None
    burn: Any = given
    if known is not None:
        burn = [
            _burn(f"{prefix}Burn{word}", window, severity) for word, window in known.alerts.items()
        ]
    breach = slo.get("breach", {})
    if isinstance(breach, dict):
        breach = {"name": f"{prefix}Breach", "severity": severity, "for": _BREACH_FOR, **breach}
    return {**slo, "burn": burn, "breach": breach}


def _burn(name: str, window: Window, severity: Any) -> Entry:
    # A severity that does not exist is a fault of the objective, not of each alert as well.
    own = severity if severity in ("critical", "warning", "info") else _SEVERITY
    return {
        "name": name,
        "factor": window.factor,
        "long": window.long,
        "short": window.short,
        "for": window.for_,
        "severity": _LESSER.get(own, own) if window.lesser else own,
    }


def _prefix(name: str) -> str:
    return "SLO" + "".join(word[:1].upper() + word[1:] for word in name.split("_"))
