"""One alert under drill: what was seen of it, and whether that is what should be."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.model.receivers import receivers_of
from imsobs.model.reporters import handed_over
from imsobs.model.rules import ResolvedAlert
from imsobs.runtime.drill.receiver import Notice
from imsobs.runtime.drill.tree import service_of


@dataclass
class Case:
    """State of one drill: firing -> resolving -> done, or failed with a reason.

    service: the service name that its telemetry carries. delivered: the receiver that was
    notified, or the alerts that inhibited it. fired_after: seconds from the first telemetry to
    the notification. resolved_after: seconds from the end of the condition to its resolution.
    queries: of the runbook, asked while the alert fires: title -> series that it gave, None when
    it failed.
    """

    alert: ResolvedAlert
    service: str
    state: str = "firing"
    delivered: str = ""
    reason: str = ""
    fired_after: float | None = None
    resolved_after: float | None = None
    held: bool = False
    queries: dict[str, int | None] = field(default_factory=dict)
    steps: int = 0
    since: float = field(default_factory=time.monotonic)

    def begin(self, state: str) -> float:
        """Enter a state; return the seconds spent in the one before."""
        spent = time.monotonic() - self.since
        self.state, self.since = state, time.monotonic()
        return spent

    def fail(self, reason: str) -> None:
        """End the case with a reason."""
        self.reason = reason
        self.begin("failed")

    def is_mine(self, labels: dict[str, str]) -> bool:
        """Whether an alert with these labels is the one that this case raised."""
        if labels.get("alertname") != self.alert.name:
            return False
        by_service = conventions.SERVICE_NAME in (self.alert.carried or ())
        return not by_service or labels.get(conventions.SERVICE_NAME) == self.service


def new_case(alert: ResolvedAlert, model: Model) -> Case:
    """Return a case; drills of health speak as the service that the probe asks.

    Those of an objective that is promised for one service speak as that.
    """
    probed = bool(alert.drill.health)
    slo = model.spec.slos.get(alert.labels.get("slo", ""))
    own = slo.service if slo is not None else None
    named = own or service_of(alert.name)
    return Case(alert, model.spec.service.names[0] if probed else named)


def phase(alert: ResolvedAlert) -> int:
    """Return when an alert is drilled: one that affects other alerts comes last and alone."""
    if alert.drill.corrupt_config is not None:
        return 4
    if alert.drill.stop is not None:
        return 2 if alert.drill.stop != "otelcol" else 3
    return 1 if alert.drill.health.get("service") == "down" else 0


def fault(notice: Notice, case: Case, model: Model, project: Path) -> str | None:
    """Return what is wrong with a notification, or None."""
    alert = case.alert
    of_service = {**alert.labels, conventions.SERVICE_NAME: case.service}
    for label, value in handed_over(of_service, model.spec).items():
        if label in alert.labels and notice.labels.get(label) != value:
            return f"label {label} is {notice.labels.get(label)!r}, not {value!r}"
    missing = (alert.carried or frozenset()) - set(notice.labels)
    if missing:
        return f"label {', '.join(sorted(missing))} is missing"
    for key in ("summary", "description", "runbook_url", "dashboard_url"):
        text = notice.annotations.get(key, "")
        if not text or "{{" in text or "<no value>" in text or "<error" in text:
            return f"{key} reads {text!r}"
    runbook = notice.annotations["runbook_url"].rsplit("/", 1)[-1]
    if not (project / artifacts.RUNBOOKS / runbook).is_file():
        return f"there is no runbook {runbook}"
    if not (project / "dashboards" / f"{alert.dashboard}.json").is_file():
        return f"there is no dashboard {alert.dashboard}"
    wanted = receivers_of(alert, notice.labels, model)
    if notice.receiver not in wanted:
        return f"{notice.receiver} was notified instead of {', '.join(wanted)}"
    return None
