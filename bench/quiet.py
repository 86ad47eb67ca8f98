"""Ordinary traffic with the rules as they are, and nothing broken: nobody may be told of anything.

The stack has the intervals, durations and thresholds of the spec, the demo gateway its stub
vendors. `python -m bench.gameday quiet` plays half an hour of it; a test plays some minutes.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.project import rendered
from gateway.launch import Launch, running
from gateway.traffic import Order, send
from imsobs import artifacts, yamlio
from imsobs.runtime.drill.compress_time import NEVER, local_routes
from imsobs.runtime.drill.receiver import listening
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.trial import free_ports

# The demo's own, in scenarios per second; each is at least one request.
RATE = 8.0
_EVALUATIONS_PER_MINUTE = 4


@dataclass
class Quiet:
    """What ordinary traffic raised. fired: alerts that fired, but for those that always do.

    pending: alerts that were pending for more than half of the time. always: alerts that fire at
    the end. load: the machine's load average before.
    """

    minutes: float
    requests: int
    fired: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    always: list[str] = field(default_factory=list)
    date: str = ""
    load: float = 0.0

    @property
    def met(self) -> bool:
        """Whether nothing but the Watchdog fired."""
        return not self.fired and self.always == ["Watchdog"]


def watch(minutes: float) -> Quiet:
    """Send ordinary traffic for so long; return what it raised."""
    date, load = time.strftime("%Y-%m-%d", time.gmtime()), os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (port,) = free_ports(1)
        root = rendered(folder / "project", {"service": {"url": f"http://127.0.0.1:{port}"}})
        otlp = load_plan(root).processes["otelcol"].ports["otlp_http"]
        launch = Launch(
            root=root,
            logs=folder / "service",
            port=port,
            endpoint=f"http://127.0.0.1:{otlp}",
        )
        # Without secrets Alertmanager would say that nobody can be told.
        inbox = stack.enter_context(listening())
        file = root / artifacts.ALERTMANAGER
        routes = local_routes(yamlio.parse(file.read_text("utf-8")), inbox.url, mutes=NEVER)
        file.write_text(yamlio.dump(routes), "utf-8")
        # The service first, for one that does not answer yet is down.
        service = stack.enter_context(running(launch))
        live = stack.enter_context(running_stack(root, folder / "state"))
        base = f"http://127.0.0.1:{live.port('prometheus', 'http')}"
        order = Order("steady", duration=minutes * 60, rate=RATE, seed=3)
        requests = sum(send(service.gateway_url, order).requests.values())
        window = f"{int(minutes) + 2}m"
        others = 'alertstate="firing", alertname!="Watchdog"'
        held = f'count_over_time(ALERTS{{alertstate="pending"}}[{window}:15s])'
        return Quiet(
            minutes,
            requests,
            fired=_names(base, f"last_over_time(ALERTS{{{others}}}[{window}])"),
            pending=_names(base, f"{held} > {minutes * _EVALUATIONS_PER_MINUTE / 2}"),
            always=_names(base, 'ALERTS{alertstate="firing"}'),
            date=date,
            load=load,
        )


def _names(base: str, expression: str) -> list[str]:
    """Return the names of the alerts that an instant query finds."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.get(f"{base}/api/v1/query", params={"query": expression}).json()
    if answer["status"] != "success":
        raise SystemExit(f"Prometheus refuses {expression}: {answer}")
    return sorted({one["metric"]["alertname"] for one in answer["data"]["result"]})
