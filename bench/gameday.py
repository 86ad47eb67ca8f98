"""Game day: incidents played on a stack of its own, and what the person on call gets of each.

Each incident has a stack with the intervals, durations and waits of the spec, the demo gateway
with its stub vendors, and ordinary traffic. Then something is broken. Counted are the seconds to
the first notification, the notifications by severity until two minutes after the first and a
minute after the end, the queries of the alert's runbook that answer while it fires, and whether
the runbook's last step finds a trace of a failed request and a record of it. Some incidents fail
no request.

The page is written after each incident; what was found before stays until it is played again.
`quiet` sends half an hour of ordinary traffic, with nothing broken.

    python -m bench.gameday
    python -m bench.gameday database-down bad-deployment
    python -m bench.gameday quiet
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.gameday_incidents import INCIDENTS, Field, Incident, ordinary, traffic
from bench.gameday_page import Played, known, page
from bench.harness import measured, say
from bench.project import SPEC, rendered
from bench.quiet import watch
from bench.report import write
from gateway.launch import Launch, running
from imsobs import artifacts, yamlio
from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.runtime.drill.compress_time import NEVER, local_routes
from imsobs.runtime.drill.queries import answered
from imsobs.runtime.drill.receiver import Inbox, listening
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.trial import free_ports

# Not an incident: ordinary traffic, of which nobody may be told.
_QUIET = "quiet"
_WATCH, _AFTER = 120.0, 60.0


def main() -> None:
    """Play the incidents that are named, or all, and write the page after each."""
    parser = argparse.ArgumentParser(prog="python -m bench.gameday", description=__doc__)
    names = [incident.name for incident in INCIDENTS]
    known_names = ", ".join([*names, _QUIET])
    parser.add_argument("incidents", nargs="*", metavar="INCIDENT", help=known_names)
    parser.add_argument("--minutes", type=float, default=30, help=f"of {_QUIET}, default 30")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    if unknown := set(given.incidents) - {*names, _QUIET}:
        parser.error(f"no incident {', '.join(sorted(unknown))}; available: {known_names}")
    model = read_spec([SPEC]).model
    if model is None:
        raise SystemExit("the spec has problems: imsobs validate")
    results = known(given.out)
    for name in given.incidents or names:
        with measured() as run:
            if name == _QUIET:
                say(f"{_QUIET}: {given.minutes:g} minutes of ordinary traffic ...")
                results.quiet = watch(given.minutes)
                say(f"  {results.quiet}")
            else:
                incident = next(entry for entry in INCIDENTS if entry.name == name)
                results.played[name] = play(incident, model)
                say(f"  {results.played[name]}")
        write(page(results, names, __doc__ or ""), run, given.out)


def play(incident: Incident, model: Model, watch: float = _WATCH, after: float = _AFTER) -> Played:
    """Play an incident; return what came of it. watch, after: seconds to wait for more pages."""
    say(f"{incident.name}: a stack of its own, {incident.warm_up:.0f} s of ordinary traffic ...")
    played = Played(incident.name, incident.goal, incident.told_as)
    played.date, played.load = time.strftime("%Y-%m-%d", time.gmtime()), os.getloadavg()[0]
    with field_of(incident) as (field_, inbox, root):
        with traffic(field_, *incident.before):
            time.sleep(incident.warm_up)
            before = set(_told(inbox))
            with traffic(field_, *incident.during):
                started = time.monotonic()
                incident.begin(field_)
                _await(inbox, before, played, started, 2 * incident.goal)
                if played.first is not None:
                    _look(incident, field_, model, root, played)
                _until(started + (played.first or 0) + watch)
                incident.end(field_)
            time.sleep(after)
        told = _told(inbox)
        played.told = {name: told[name].labels["severity"] for name in told if name not in before}
    return played


@contextmanager
def field_of(incident: Incident) -> Iterator[tuple[Field, Inbox, Path]]:
    """Start stack, gateways and ordinary traffic of an incident."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        inbox = stack.enter_context(listening())
        (port,) = free_ports(1)
        root = rendered(folder / "project", *_overlays(port))
        file = root / artifacts.ALERTMANAGER
        routes = yamlio.parse(file.read_text("utf-8"))
        local = local_routes(routes, inbox.url, mutes=NEVER, real_time=True)
        file.write_text(yamlio.dump(local), "utf-8")
        endpoint = f"http://127.0.0.1:{load_plan(root).processes['otelcol'].ports['otlp_http']}"
        versions = {}
        # First, for a service that does not answer yet is down.
        for number, version in enumerate(incident.versions):
            env = {"IMSOBS_VERSION": version, "IMSOBS_ENVIRONMENT": "production"}
            launch = Launch(
                root=root,
                logs=folder / version,
                port=port if number == 0 else 0,
                endpoint=endpoint,
                env=env,
            )
            versions[version] = stack.enter_context(running(launch))
        live = stack.enter_context(running_stack(root, root / ".imsobs"))
        field_ = Field(live, versions)
        stack.enter_context(traffic(field_, ordinary))
        yield field_, inbox, root


def _overlays(port: int) -> Iterator[dict[str, Any]]:
    yield {
        "service": {
            "url": f"http://127.0.0.1:{port}",
            # The first is what the Collector's probe reports.
            "environments": ["production", "staging", "development"],
        },
        # What breaks the gateway is a route of it.
        "labels": {"route": {"values": {"/demo/faults": []}}},
        "collector": {"max_series": 400_000},
    }


def _told(inbox: Inbox) -> dict[str, Any]:
    """Return alert -> its first notification; one message about several counts once."""
    found: dict[str, Any] = {}
    for notice in inbox.notices():
        if notice.status == "firing" and notice.labels.get("severity") != "none":
            found.setdefault(notice.alert, notice)
    return found


def _await(inbox: Inbox, before: set[str], played: Played, started: float, patience: float) -> None:
    while time.monotonic() - started < patience:
        new = {name: notice for name, notice in _told(inbox).items() if name not in before}
        if new:
            played.first = round(time.monotonic() - started, 1)
            played.text = next(iter(new.values())).annotations["description"]
            return
        time.sleep(0.5)


def _until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _look(incident: Incident, field_: Field, model: Model, root: Path, played: Played) -> None:
    """Do what the runbook says: its queries, then a failed request's trace and records."""
    base = f"http://127.0.0.1:{field_.stack.port('prometheus', 'http')}"
    runbook = model.alerts[incident.told_as].runbook
    with httpx.Client(trust_env=False, timeout=10) as client:
        played.queries = answered(client, base, runbook.queries if runbook else {})
    if not incident.has_trace:
        return
    route = ["--route", incident.route] if incident.route else []
    found = _imsobs(root, "traces", "--error", *route, "--since", "10m").get("traces", [])
    played.trace = bool(found)
    played.record = any(
        _imsobs(root, "records", "--trace", trace["trace_id"]).get("records", [])
        for trace in found[:5]
    )


def _imsobs(root: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "imsobs", *words, "--root", str(root), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        say(done.stderr)
        return {}


if __name__ == "__main__":
    main()
