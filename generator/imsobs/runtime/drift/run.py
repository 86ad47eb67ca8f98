"""The whole of a stack's drift, component by component."""

from __future__ import annotations

from pathlib import Path

import httpx

from imsobs import artifacts, write, yamlio
from imsobs.compile import render_model
from imsobs.errors import ImsobsError
from imsobs.model import Model
from imsobs.runtime.docker import compose_states, recorded_mode
from imsobs.runtime.drift import alertmanager, grafana, processes, prometheus
from imsobs.runtime.drift.compare import Difference
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.daemon import Supervisor, SupervisorGone
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.process.record import read_record

_SECONDS = 20.0


def collect(plan: Plan, layout: Layout, model: Model) -> list[Difference]:
    """Return every difference between what runs and what the spec says; ImsobsError if down."""
    found = _files(layout.root, model)
    native = recorded_mode(layout) != "docker"
    if native:
        try:
            states = Supervisor(layout).processes()
        except SupervisorGone:
            raise ImsobsError("the stack is down", remedy="imsobs up") from None
        found += processes.native(plan, layout, read_record(layout), states)
        running = {name for name, state in states.items() if state.up}
    else:
        running = set(compose_states(layout))
        if not running:
            raise ImsobsError("the stack is down", remedy="imsobs up")
        found += processes.containers(layout)
    with loopback_client(_SECONDS) as client:
        if "prometheus" in running:
            version = plan.components["prometheus"].version
            # In containers paths and addresses are others; the container's digest covers them.
            args = [layout.fill(arg) for arg in plan.processes["prometheus"].args]
            args = args if native else [arg for arg in args if "retention" in arg]
            found += prometheus.drift(
                client, plan.api.prometheus, layout.root, model, args, version
            )  # fmt: skip
        base = plan.processes["alertmanager"].url if "alertmanager" in plan.processes else None
        if base is not None and "alertmanager" in running:
            version = plan.components["alertmanager"].version
            found += alertmanager.drift(client, base, layout.root, model, version)
        if "grafana" in running and (process := plan.processes.get("grafana")) is not None:
            variables = process.env if native else _container_variables(layout.root, "grafana")
            version = plan.components["grafana"].version
            found += grafana.drift(
                client, process.url or "", layout.root, variables, version
            )  # fmt: skip
        if native and "loki" in running:
            ready = str(httpx.URL(layout.fill(plan.processes["loki"].ready)))
            found += processes.loki(client, ready.removesuffix("/ready"), layout.root)
    return found


def _container_variables(root: Path, service: str) -> dict[str, str]:
    """Return the variables that compose gives a service."""
    compose = yamlio.parse((root / artifacts.COMPOSE).read_text(encoding="utf-8"))
    given = compose["services"].get(service, {}).get("environment", {})
    return {name: str(value) for name, value in given.items()}


def _files(root: Path, model: Model) -> list[Difference]:
    """Return rendered files on the disk that are not what the spec renders."""
    return [
        Difference("files", str(change.path), "another content", "the one on the disk")
        for change in write.changes(root, render_model(model))
    ]
