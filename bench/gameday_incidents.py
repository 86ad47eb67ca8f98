"""What is broken in each incident of the game day, and what must come of it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from gateway.launch import Running
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.stack import RunningStack

_TEXT = "word "


@dataclass(frozen=True)
class Field:
    """Where an incident is played. versions: the gateways by their version."""

    stack: RunningStack
    versions: dict[str, Running]

    @property
    def gateway(self) -> Running:
        """The gateway that serves."""
        return self.versions["1.0.0"]


@dataclass(frozen=True)
class Incident:
    """One incident.

    told_as: the alert that must fire for it, once. goal: seconds to its notification. warm_up:
    seconds of ordinary traffic before. before: further traffic, from the warm-up on. route: where
    requests fail, "" when none need. has_trace: whether a failed request can be looked up.
    """

    name: str
    told_as: str
    goal: float
    begin: Callable[[Field], None]
    end: Callable[[Field], None]
    warm_up: float = 45.0
    before: tuple[Callable[[Field, int], None], ...] = ()
    during: tuple[Callable[[Field, int], None], ...] = ()
    route: str = ""
    has_trace: bool = True
    versions: tuple[str, ...] = ("1.0.0",)


def _post(url: str, body: dict[str, object]) -> None:
    httpx.post(url, json=body, timeout=30, trust_env=False)


def _vendor(field: Field, fault: str | None) -> None:
    order = {"vendor": "openai", "fault": fault, "model": "gpt-4o-mini"}
    _post(f"{field.gateway.vendors_url}/control", order)


def _component(field: Field, *names: str) -> None:
    _post(f"{field.gateway.gateway_url}/demo/faults", {"unhealthy": list(names)})


def _deploy(field: Field, share: float) -> None:
    _post(f"{field.versions['2.0.0'].gateway_url}/demo/faults", {"failing_jobs": share})


def _ask(model: str, words: int, every: float) -> Callable[[Field, int], None]:
    def ask(field: Field, number: int) -> None:
        body = {"prompt": f"Question {number} {_TEXT * words}", "model": model}
        _post(f"{field.gateway.gateway_url}/v1/generate", body)
        time.sleep(every)

    return ask


def ordinary(field: Field, number: int) -> None:
    """A question, each asked five times, by turns of the three strategies."""
    question = number // 5
    strategy = ("cost", "latency", "quality")[question % 3]
    body = {"prompt": f"Ordinary question {question}", "strategy": strategy}
    _post(f"{field.gateway.gateway_url}/v1/generate", body)
    time.sleep(0.3)


def _agent(field: Field, number: int) -> None:
    body = {"agent_type": "research", "task": f"Once more {number} {_TEXT * 1500}", "actions": []}
    _post(f"{field.gateway.gateway_url}/v1/agents", body)
    time.sleep(0.9)


def _jobs(field: Field, number: int) -> None:
    """A job, by turns to each version that serves."""
    urls = [version.gateway_url for version in field.versions.values()]
    _post(f"{urls[number % len(urls)]}/v1/jobs", {"queue": "default", "seconds": 0.01})
    time.sleep(0.25)


def _stop(process: str) -> Callable[[Field], None]:
    return lambda field: Supervisor(field.stack.layout).stop_process(process)


def _start(process: str) -> Callable[[Field], None]:
    return lambda field: Supervisor(field.stack.layout).start_process(process)


INCIDENTS = (
    Incident(
        "database-down",
        "DatabaseUnhealthy",
        120,
        begin=lambda field: _component(field, "database"),
        end=lambda field: _component(field),
        before=(_jobs,),
        route="/v1/jobs",
    ),
    Incident(
        "bad-deployment",
        "RouteErrorRate",
        120,
        begin=lambda field: _deploy(field, 0.3),
        end=lambda field: _deploy(field, 0.0),
        before=(_jobs,),
        route="/v1/jobs",
        versions=("1.0.0", "2.0.0"),
    ),
    Incident(
        "model-fails",
        "ModelSuccessRateDrop",
        300,
        begin=lambda field: _vendor(field, "server_error"),
        end=lambda field: _vendor(field, None),
    ),
    Incident(
        "collector-away",
        "TelemetryPipelineDown",
        120,
        begin=_stop("otelcol"),
        end=_start("otelcol"),
        has_trace=False,
    ),
    Incident(
        "jaeger-away",
        "TargetDown",
        300,
        begin=_stop("jaeger"),
        end=_start("jaeger"),
        has_trace=False,
    ),
    Incident(
        "agent-loops",
        "CostJump",
        300,
        begin=lambda field: None,
        end=lambda field: None,
        # The first day has just begun: the mean leaves out the last 5 minutes, and needs 5 more.
        warm_up=600,
        before=(_ask("gpt-4o", 400, 1.0),),
        during=(_agent,),
        has_trace=False,
    ),
)


@dataclass
class Traffic:
    """Threads that call again and again until stopped."""

    stopped: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self, call: Callable[[Field, int], None], field: Field) -> None:
        """Call until stopped; what fails is what is looked for."""

        def work() -> None:
            for number in itertools.count():
                if self.stopped.is_set():
                    return
                try:
                    call(field, number)
                except httpx.HTTPError:
                    time.sleep(0.2)

        self.threads.append(threading.Thread(target=work, daemon=True))
        self.threads[-1].start()


@contextmanager
def traffic(field: Field, *calls: Callable[[Field, int], None]) -> Iterator[None]:
    """Call each of ``calls`` again and again until the block ends."""
    running = Traffic()
    for call in calls:
        running.start(call, field)
    try:
        yield
    finally:
        running.stopped.set()
        for thread in running.threads:
            thread.join(timeout=40)
