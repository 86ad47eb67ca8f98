"""`imsobs up` while an alert fires: whoever was told that it began is told that it ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from urllib.parse import urlsplit

import pytest
from native.conftest import eventually
from native.project import SPEC

from imsobs.compile import read_spec
from imsobs.runtime.drill import health, receiver, tree
from imsobs.runtime.drill.health import Health
from imsobs.runtime.drill.receiver import Inbox
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.plan import Plan, load_plan
from imsobs.runtime.process.stack import Outcome, RunningStack, running_stack, up
from imsobs.runtime.progress import Silent
from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.native, pytest.mark.timeout(300)]
ALERT = "ServiceDown"
CORE = ("jaeger", "otelcol", "alertmanager", "prometheus")


@dataclass(frozen=True)
class Incident:
    """A stack with the drill's short times, its service, and who is told."""

    stack: RunningStack
    service: Health
    inbox: Inbox

    def told(self) -> list[str]:
        """Return what the on-call person was told of the alert, oldest first."""
        return [n.status for n in self.inbox.notices() if n.alert == ALERT]

    def ends(self) -> None:
        """Let the service answer again."""
        self.service.states.clear()

    def begins(self, notifications: int) -> None:
        """Let the service be down, and wait until somebody was told."""
        self.service.states["service"] = "down"
        eventually(lambda: self.told().count("firing") == notifications, 60)

    def pids(self) -> dict[str, int]:
        """Return the process ids of what runs."""
        states = Supervisor(self.stack.layout).processes()
        return {name: state.pid for name, state in states.items() if state.up}

    def up(self, plan: Plan, *wanted: str, progress: Silent | None = None) -> Outcome:
        """Run ``imsobs up``."""
        return up(plan, self.stack.layout, progress or Silent(), wanted)


@pytest.fixture
def incident(tmp_path: Path) -> Iterator[Incident]:
    model = read_spec([SPEC]).model
    assert model is not None
    (port,) = free_ports(1)
    root = tmp_path / "project"
    with receiver.listening() as inbox, health.answering(port) as service:
        tree.prepare([SPEC], model, root, inbox.url, port, "production")
        # Loki is not known yet.
        with running_stack(root, tmp_path / "state", only=CORE) as stack:
            made = Incident(stack, service, inbox)
            made.begins(1)
            yield made


def whole(incident: Incident) -> Plan:
    """Return the plan with Loki in the place that it has."""
    plan = load_plan(incident.stack.layout.root)
    kept = {name: one for name, one in plan.processes.items() if name in {*CORE, "loki"}}
    return plan.model_copy(update={"processes": kept})


def loki_appears(incident: Incident, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in Loki's place that is ready and takes every record.

    Loki itself takes a quarter of an hour to build; the tests in containers send records to it.
    """
    plan = load_plan(incident.stack.layout.root)
    program = folder / "loki"
    program.write_text(
        dedent(f"""\
            #!{sys.executable}
            import sys
            from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

            class Ready(BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(204)
                    self.end_headers()

                def do_POST(self):
                    self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    self.do_GET()

            if any("version" in argument for argument in sys.argv):
                sys.exit(print("loki, version {plan.components["loki"].version}"))
            at = ("127.0.0.1", {urlsplit(plan.processes["loki"].ready).port})
            ThreadingHTTPServer(at, Ready).serve_forever()
        """),
        "utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv(plan.components["loki"].env, str(program))


def test_a_new_optional_component_loses_no_notification(
    incident: Incident, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loki_appears(incident, tmp_path, monkeypatch)
    before = incident.pids()
    outcome = incident.up(whole(incident))
    assert (outcome.spare, outcome.restarted) == (("loki",), ())
    assert incident.pids() == before
    # Asked for, it restarts the Collector alone, which sends records to it from now on.
    outcome = incident.up(whole(incident), "loki")
    assert (outcome.started, outcome.restarted) == (("loki",), ("otelcol",))
    after = incident.pids()
    assert {name: after[name] for name in ("alertmanager", "prometheus", "jaeger")} == {
        name: before[name] for name in ("alertmanager", "prometheus", "jaeger")
    }
    incident.ends()
    eventually(lambda: incident.told() == ["firing", "resolved"], 60)
    incident.begins(2)


def test_both_restarted_lose_no_notification(incident: Incident) -> None:
    """The alert ends while Alertmanager, just restarted, has not heard of it again."""
    plan = incident.stack.plan
    changed = {
        name: process.model_copy(update={"env": {**process.env, "GOGC": "90"}})
        for name, process in plan.processes.items()
        if name in ("alertmanager", "prometheus")
    }
    steps: list[str] = []

    class Ending(Silent):
        def doing(self, text: str) -> None:
            if text.startswith("waiting until Alertmanager knows") and text not in steps:
                steps.append(text)
                incident.ends()

    progress = Ending()
    new = plan.model_copy(update={"processes": {**plan.processes, **changed}})
    outcome = incident.up(new, progress=progress)
    assert outcome.restarted == ("alertmanager", "prometheus")
    assert ALERT in steps[0]
    eventually(lambda: incident.told() == ["firing", "resolved"], 90)
    incident.begins(2)
