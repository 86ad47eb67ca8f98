"""Run the drill: make alerts fire, wait until they are delivered, end them, wait until that is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from imsobs import artifacts
from imsobs.model import Model
from imsobs.runtime.drill import otlp
from imsobs.runtime.drill.case import Case, fault, phase
from imsobs.runtime.drill.health import Health
from imsobs.runtime.drill.queries import answered
from imsobs.runtime.drill.receiver import Inbox
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.stack import RunningStack
from imsobs.spec.schema.drills import Send

_PAUSE = 2.0
_HEALTHY = "healthy"
_CONFIGS = {"prometheus": artifacts.PROMETHEUS, "alertmanager": artifacts.ALERTMANAGER}


@dataclass
class Drill:
    """A running drill. model: of the drill's own project, which is rendered at ``project``."""

    model: Model
    project: Path
    stack: RunningStack
    inbox: Inbox
    health: Health
    patience: float = 120.0
    # Only the time to the notification is measured, not that to the resolution.
    real_time: bool = False
    report: Callable[[str], None] = lambda text: None
    corrupted: dict[str, bytes] = field(default_factory=dict)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, trust_env=False))

    def run(self, cases: list[Case]) -> None:
        """Drill every case, those of one phase at the same time."""
        for number in sorted({phase(case.alert) for case in cases}):
            now = [case for case in cases if phase(case.alert) == number]
            names = ", ".join(case.alert.name for case in now)
            self.report(f"waiting for {names} to fire")
            for case in now:
                case.since = time.monotonic()
                self._start_condition(case)
            while any(case.state in ("firing", "resolving") for case in now):
                begun = time.monotonic()
                self._round(now)
                time.sleep(max(0.0, _PAUSE - (time.monotonic() - begun)))

    def _round(self, cases: list[Case]) -> None:
        statuses = self._statuses()
        for case in cases:
            if case.state == "firing":
                self._send(case, case.alert.drill.send)
                self._check_delivered(case, statuses)
            elif case.state == "resolving":
                self._send(case, case.alert.drill.end)
                self._check_resolved(case, statuses)
            if (
                case.state in ("firing", "resolving")
                and time.monotonic() - case.since > self.patience
            ):
                what = "not delivered" if case.state == "firing" else "not resolved"
                case.fail(f"{what} within {self.patience:g} s; {self._seen(case, statuses)}")
                self._end_condition(case)

    def _start_condition(self, case: Case) -> None:
        drill = case.alert.drill
        self.health.states.update(drill.health)
        if drill.stop is not None:
            Supervisor(self.stack.layout).stop_process(drill.stop)
        if drill.corrupt_config is not None:
            file = self.project / _CONFIGS[drill.corrupt_config]
            self.corrupted[drill.corrupt_config] = file.read_bytes()
            file.write_text("corrupted: by the drill\n", encoding="utf-8")
            self._reload(drill.corrupt_config)

    def _end_condition(self, case: Case) -> None:
        drill = case.alert.drill
        self.health.states.update(dict.fromkeys(drill.health, _HEALTHY))
        if drill.stop is not None:
            Supervisor(self.stack.layout).start_process(drill.stop)
        if drill.corrupt_config is not None:
            file = self.project / _CONFIGS[drill.corrupt_config]
            file.write_bytes(self.corrupted.pop(drill.corrupt_config))
            self._reload(drill.corrupt_config)

    def _reload(self, name: str) -> None:
        """Let a process read its configuration again; that it refuses may be the point."""
        way = self.stack.plan.processes[name].reload or ""
        if way.startswith("http"):
            self.client.post(way)
        else:
            Supervisor(self.stack.layout).signal(name, way)

    def _send(self, case: Case, sends: list[Send]) -> None:
        for send in sends:
            path, body = otlp.body(send, case.service, self.model.spec, case.steps)
            port = self.stack.port("otelcol", "otlp_http")
            try:
                answer = self.client.post(f"http://127.0.0.1:{port}{path}", json=body)
            except httpx.HTTPError as error:
                case.fail(f"the Collector does not answer ({type(error).__name__})")
                return
            if not answer.is_success:
                case.fail(f"the Collector answered {answer.status_code}: {answer.text[:120]}")
                return
        case.steps += 1

    def _check_delivered(self, case: Case, statuses: list[dict[str, Any]]) -> None:
        for notice in self.inbox.notices():
            if notice.status == "firing" and case.is_mine(notice.labels):
                wrong = fault(notice, case, self.model, self.project)
                if wrong is not None:
                    case.fail(wrong)
                    self._end_condition(case)
                    return
                case.delivered = notice.receiver
                self._end(case)
                return
        by = [
            name for status in statuses if case.is_mine(status["labels"]) for name in status["by"]
        ]
        if by:
            case.delivered, case.held = f"held back by {', '.join(sorted(set(by)))}", True
            self._end(case)

    def _end(self, case: Case) -> None:
        case.fired_after = case.begin("resolving")
        if case.alert.runbook is not None:
            base = f"http://127.0.0.1:{self.stack.port('prometheus', 'http')}"
            case.queries = answered(self.client, base, case.alert.runbook.queries)
        self._end_condition(case)
        if self.real_time or (case.alert.test is not None and case.alert.test.always):
            case.begin("done")

    def _check_resolved(self, case: Case, statuses: list[dict[str, Any]]) -> None:
        mine = [n for n in self.inbox.notices() if case.is_mine(n.labels)]
        is_delivered = any(notice.status == "resolved" for notice in mine)
        is_active = any(case.is_mine(status["labels"]) for status in statuses)
        # What was held back all the time ends in silence.
        if is_delivered or (case.held and not is_active):
            case.resolved_after = case.begin("done")

    def _statuses(self) -> list[dict[str, Any]]:
        """Return labels and inhibiting alerts' names of every alert that Alertmanager has."""
        port = self.stack.port("alertmanager", "http")
        try:
            found = self.client.get(f"http://127.0.0.1:{port}/api/v2/alerts").json()
        except (httpx.HTTPError, ValueError):
            return []
        names = {alert["fingerprint"]: alert["labels"]["alertname"] for alert in found}
        return [
            {
                "labels": alert["labels"],
                "by": [names.get(by, by) for by in alert["status"]["inhibitedBy"]],
            }
            for alert in found
        ]

    def _seen(self, case: Case, statuses: list[dict[str, Any]]) -> str:
        if any(case.is_mine(status["labels"]) for status in statuses):
            return "Alertmanager has it"
        port = self.stack.port("prometheus", "http")
        query = f'ALERTS{{alertname="{case.alert.name}"}}'
        try:
            answer = self.client.get(
                f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}
            )
            states = {row["metric"]["alertstate"] for row in answer.json()["data"]["result"]}
        except (httpx.HTTPError, ValueError, KeyError):
            states = set()
        return (
            f"in Prometheus it is {', '.join(sorted(states))}" if states else "Prometheus has none"
        )
