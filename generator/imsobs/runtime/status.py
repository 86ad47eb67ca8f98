"""Status: what runs, whether it is healthy, and what Prometheus says about the telemetry."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from imsobs.runtime.docker import Mode, compose_states, recorded_mode
from imsobs.runtime.expected import Expected, expected
from imsobs.runtime.firing import FiringAlert, firing
from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.daemon import ProcessState, Supervisor, SupervisorGone
from imsobs.runtime.process.plan import Plan, Process
from imsobs.runtime.process.ready import tail, why_not_ready
from imsobs.runtime.process.record import Entry, read_record
from imsobs.shipped import Component
from imsobs.spec.schema.base import seconds


@dataclass(frozen=True)
class ComponentStatus:
    """One row. state: the supervisor's or engine's word, "absent" or "down" otherwise.

    version: of the running binary, None when unknown. pid: None outside native mode.
    uptime_seconds: None when it does not run. detail: why it is not healthy.
    """

    name: str
    endpoint: str
    healthy: bool
    state: str
    version: str | None
    pid: int | None
    uptime_seconds: int | None
    detail: str


@dataclass(frozen=True)
class Telemetry:
    """What Prometheus knows; a number is None when it could not be asked or has no value.

    targets_down: "job (error)" -> scrape URL; a target not yet scraped is neither up nor down, nor
    is one whose process started less than two scrapes ago.
    series: in the head block. *_received: accepted by the Collector since it started.
    alerts: those that fire; None when it could not be asked. expected: what was to be seen where
    its cause was counted.
    """

    targets_up: int | None = None
    targets_total: int | None = None
    targets_down: dict[str, str] = field(default_factory=dict)
    series: int | None = None
    spans_received: int | None = None
    logs_received: int | None = None
    metric_points_received: int | None = None
    alerts: list[FiringAlert] | None = None
    expected: list[Expected] | None = None


@dataclass(frozen=True)
class Status:
    """The whole picture. mode: "native", "docker" or None when nothing was brought up."""

    mode: Mode | None
    components: list[ComponentStatus]
    telemetry: Telemetry
    problems: list[str]

    @property
    def healthy(self) -> bool:
        """Whether everything that should run answers."""
        return not self.problems

    @property
    def calling(self) -> list[FiringAlert]:
        """The firing alerts that ask for somebody."""
        return [alert for alert in self.telemetry.alerts or () if alert.calls]

    def as_json(self) -> dict[str, Any]:
        """Return plain data, the shape of ``imsobs status --format json``."""
        return {"healthy": self.healthy, **asdict(self)}


def endpoint(process: Process) -> str:
    """Return the URL that stands for a process: its page, or the base of its readiness."""
    if process.url:
        return process.url
    base = httpx.URL(process.ready)
    return f"{base.scheme}://{base.netloc.decode()}"


def _native_row(
    client: httpx.Client, layout: Layout, name: str, process: Process, state: ProcessState
) -> ComponentStatus:
    version = read_record(layout).get(name, Entry()).version or None
    word = state.state.lower()
    if not state.up:
        last = tail(layout.log_of(name), 1)
        detail = f"last log line: {last[0][:200]}" if last else state.detail
        return ComponentStatus(name, endpoint(process), False, word, version, None, None, detail)
    reason = why_not_ready(client, layout.fill(process.ready))
    uptime = max(0, int(time.time()) - state.started)
    return ComponentStatus(
        name, endpoint(process), reason is None, word, version, state.pid, uptime, reason or ""
    )


def _row(
    client: httpx.Client, name: str, process: Process, component: Component, container: str | None
) -> ComponentStatus:
    """Return the row of a container, or of what does not run at all."""
    if container is None:
        word, detail = (
            ("absent", "optional, no part of this stack") if component.optional else ("down", "")
        )
        return ComponentStatus(name, endpoint(process), False, word, None, None, None, detail)
    # The engine knows better where there is a health check: not every port is published.
    reason = None if "(healthy)" in container else why_not_ready(client, process.ready)
    return ComponentStatus(
        name, endpoint(process), reason is None, container, component.version, None, None,
        reason or "",
    )  # fmt: skip


class PrometheusApi:
    """Prometheus' HTTP API; every method answers None when it cannot be asked."""

    def __init__(self, client: httpx.Client, base: str) -> None:
        self._client = client
        self._base = base.rstrip("/")

    def get(self, path: str, **params: str) -> Any:
        """Return the data of ``/api/v1/PATH``."""
        try:
            answer = self._client.get(f"{self._base}/api/v1/{path}", params=params)
            return json_of(answer)["data"] if answer.is_success else None
        except (httpx.HTTPError, ValueError, KeyError):
            return None

    def vector(self, query: str) -> list[dict[str, Any]] | None:
        """Return the rows that a query has now."""
        data = self.get("query", query=query)
        return data["result"] if data else None

    def number(self, query: str) -> int | None:
        """Return the one value that a query has now, as a whole number."""
        result = self.vector(query)
        if result is not None and not result:
            return 0  # a counter that has not counted yet does not exist
        value = float(result[0]["value"][1]) if result else math.nan
        return round(value) if math.isfinite(value) else None


def telemetry(client: httpx.Client, plan: Plan, started: Mapping[int, int]) -> Telemetry:
    """Ask Prometheus for targets, series, what the Collector received, and firing alerts.

    started: port -> when the process behind it started, seconds since the epoch, where known.
    """
    api = PrometheusApi(client, plan.api.prometheus)
    targets = api.get("targets", state="active")
    if targets is None:
        return Telemetry()
    active = targets["activeTargets"]
    down = {
        f"{target['labels'].get('job', '?')} ({target.get('lastError', '')})": target["scrapeUrl"]
        for target in active
        if target["health"] == "down" and _scraped_since(target, started)
    }
    head = api.get("status/tsdb")
    process = plan.processes.get("alertmanager")
    return Telemetry(
        sum(target["health"] == "up" for target in active),
        len(active),
        dict(sorted(down.items())),
        int(head["headStats"]["numSeries"]) if head else None,
        api.number(plan.queries.spans_received),
        api.number(plan.queries.logs_received),
        api.number(plan.queries.metric_points_received),
        firing(client, plan.api.prometheus, process.url if process is not None else None),
        expected(plan, api.vector),
    )


def _started(plan: Plan, states: Mapping[str, ProcessState]) -> dict[int, int]:
    """Return port -> when the process behind it started."""
    return {
        port: state.started
        for name, state in states.items()
        if state.up and name in plan.processes
        for port in plan.processes[name].ports.values()
    }


def _scraped_since(target: Mapping[str, Any], started: Mapping[int, int]) -> bool:
    """Whether a scrape must have met the process that runs there now, and not its start."""
    since = started.get(httpx.URL(target["scrapeUrl"]).port or 0)
    return since is None or time.time() - since > 2 * seconds(target["scrapeInterval"])


def collect(plan: Plan, layout: Layout, *, ask_prometheus: bool = True) -> Status:
    """Return the status of the stack; never raises because a part is down.

    ask_prometheus: False right after a start, when its last scrapes are of the time before.
    """
    mode = recorded_mode(layout)
    states: dict[str, ProcessState] = {}
    containers: dict[str, str] = {}
    if mode == "docker":
        containers = compose_states(layout)
    else:
        try:
            states = Supervisor(layout).processes()
            mode = "native"
        except SupervisorGone:
            pass
    rows = []
    with loopback_client() as client:
        for name, process in plan.processes.items():
            if name in states:
                rows.append(_native_row(client, layout, name, process, states[name]))
            else:
                component = plan.components[process.component]
                rows.append(_row(client, name, process, component, containers.get(name)))
        facts = telemetry(client, plan, _started(plan, states)) if ask_prometheus else Telemetry()
    absent = {row.name for row in rows if row.state == "absent"}
    closed = {port for name in absent for port in plan.processes[name].ports.values()}
    problems = [
        f"{row.name} is not healthy: {row.detail or row.state}"
        for row in rows
        if not row.healthy and row.name not in absent
    ]
    problems += [
        f"Prometheus cannot scrape {target}"
        for target, url in facts.targets_down.items()
        if httpx.URL(url).port not in closed
    ]
    if not states and not containers:
        problems = ["the stack is down; start it with imsobs up"]
    elif ask_prometheus and facts.targets_total is None:
        problems.append(f"Prometheus does not answer at {plan.api.prometheus}")
    return Status(mode if states or containers else None, rows, facts, problems)
