"""Docker mode: the same stack through ``docker compose``, when an engine is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from imsobs import artifacts, private, yamlio
from imsobs.errors import ImsobsError
from imsobs.model.conventions import CONFIG_LABEL, PROFILES
from imsobs.runtime import mounts
from imsobs.runtime import secrets as stack_secrets
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.changes import Change
from imsobs.runtime.process.handover import wait_for_alerts
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.progress import Progress

COMPOSE_FILE = Path(artifacts.COMPOSE)
# Compose ignores the services of profiles that it is not given.
EVERY_PROFILE = tuple(word for name in PROFILES.values() for word in ("--profile", name))
Mode = Literal["native", "docker"]
_ASK_SECONDS = 8


@dataclass(frozen=True)
class Docker:
    """What there is of Docker. engine, compose: versions, None when absent; why: what lacks."""

    engine: str | None
    compose: str | None
    why: str

    @property
    def usable(self) -> bool:
        """Whether ``docker compose up`` can work."""
        return self.engine is not None and self.compose is not None


def _ask(*args: str) -> str | None:
    try:
        done = subprocess.run(
            ["docker", *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 and done.stdout.strip() else None


def find_docker() -> Docker:
    """Ask for a Docker engine and its compose plugin."""
    if shutil.which("docker") is None:
        return Docker(None, None, "no docker command on PATH")
    engine = _ask("version", "--format", "{{.Server.Version}}")
    compose = _ask("compose", "version", "--short")
    if engine is None:
        return Docker(None, compose, "no Docker engine answers")
    if compose is None:
        return Docker(engine, None, "docker has no compose plugin")
    return Docker(engine, compose, "")


def recorded_mode(layout: Layout) -> Mode | None:
    """Return the mode of the stack that was brought up last and not taken down."""
    try:
        text = (layout.run / "mode").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return "docker" if text == "docker" else "native"


def record_mode(layout: Layout, mode: Mode | None) -> None:
    """Remember the mode that is up; None forgets it."""
    if mode is None:
        (layout.run / "mode").unlink(missing_ok=True)
        return
    layout.make()
    private.write(layout.run / "mode", f"{mode}\n")


def _command(layout: Layout, *args: str) -> list[str]:
    # No file of settings: they are read here and handed on as the environment (settings.py).
    files = ["-f", str(layout.root / COMPOSE_FILE), "--env-file", os.devnull]
    return ["docker", "compose", *files, *args]


def _compose(layout: Layout, *args: str) -> str:
    command = _command(layout, *args)
    log = layout.log_of("compose")
    layout.make()
    with log.open("w", encoding="utf-8") as sink:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
                check=False,
                cwd=layout.root,
                env=stack_secrets.compose_environment(layout.root),
            )
        except OSError as error:
            raise ImsobsError(
                f"docker compose does not start: {error.strerror}", remedy="imsobs doctor"
            ) from None
    if done.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise ImsobsError(
            f"docker compose {_subcommand(args)} failed: {lines[-1] if lines else 'no output'}",
            remedy="read the log; imsobs up --mode native runs without Docker",
            log=log,
        )
    return done.stdout


def _subcommand(args: tuple[str, ...]) -> str:
    # Options of compose itself come in pairs before it.
    words = list(args)
    while words and words[0].startswith("--"):
        del words[:2]
    return words[0] if words else "compose"


def compose_foresee(layout: Layout) -> list[Change]:
    """Return what ``compose up`` will do to each service: start, restart (make anew) or none.

    By compose's own digests: of what is written, and of what each container was made from.
    """
    wanted = dict(
        line.split()
        for line in _compose(layout, "config", "--hash", "*").splitlines()
        if len(line.split()) == 2
    )
    running = {str(item["Service"]): str(item["ID"]) for item in _containers(layout)}
    changes = []
    for name, digest in sorted(wanted.items()):
        if name not in running:
            changes.append(Change(name, "start"))
            continue
        template = '{{index .Config.Labels "com.docker.compose.config-hash"}}'
        same = _ask("inspect", "--format", template, running[name]) == digest
        why = "" if same else "its definition or configuration changed"
        changes.append(Change(name, "none" if same else "restart", why))
    return changes


def compose_up(layout: Layout, plan: Plan, progress: Progress) -> None:
    """Start the containers and wait for their health checks; raise ImsobsError on failure.

    What is recreated is announced first, and each is ready before the next: Alertmanager and
    Prometheus are never both away.
    """
    mounts.require_inside(layout.root)
    stack_secrets.prepare(layout.root)
    # Mounted by Promtail's profile, also before the service wrote its first line.
    (layout.root / "logs").mkdir(exist_ok=True)
    anew = [change for change in compose_foresee(layout) if change.action == "restart"]
    for change in anew:
        progress.note(f"will {change.line}")
    for name in [change.name for change in anew]:
        if name == "prometheus" and "alertmanager" in [change.name for change in anew]:
            wait_for_alerts(plan, progress)
        progress.doing(f"docker compose up {name}")
        _compose(layout, "up", "--detach", "--wait", "--no-deps", name)
    progress.doing("docker compose up")
    _compose(layout, "up", "--detach", "--wait", "--remove-orphans")
    record_mode(layout, "docker")


def compose_down(layout: Layout, *, purge: bool = False) -> None:
    """Remove the containers (and the volumes, with ``purge``), those of profiles too."""
    volumes = ["--volumes"] if purge else []
    _compose(layout, *EVERY_PROFILE, "down", "--remove-orphans", *volumes)
    record_mode(layout, None)


def compose_signal(layout: Layout, service: str, signal_name: str) -> None:
    """Send a signal (HUP, ...) to the process of a service."""
    _compose(layout, "kill", "--signal", signal_name, service)


def compose_exec(layout: Layout, service: str, *command: str) -> tuple[bool, str]:
    """Run a command in a service's container; return whether it succeeded, and its words."""
    try:
        done = subprocess.run(
            _command(layout, "exec", "-T", service, *command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=layout.root,
            env=stack_secrets.compose_environment(layout.root),
        )
    except OSError as error:
        return False, f"docker compose does not start: {error.strerror}"
    return done.returncode == 0, f"{done.stderr.strip()}\n{done.stdout.strip()}".strip()


def container_environment(layout: Layout, service: str) -> dict[str, str]:
    """Return the variables that a service's container was started with; empty when it is down."""
    found = [item for item in _containers(layout) if item["Service"] == service]
    if not found:
        return {}
    said = _ask("inspect", "--format", "{{json .Config.Env}}", str(found[0]["ID"])) or "[]"
    return dict(text.partition("=")[::2] for text in json.loads(said) or ())


def compose_read(layout: Layout, service: str, path: str) -> bytes:
    """Return a file or folder of a service's container as a tar archive."""
    done = subprocess.run(
        _command(layout, "cp", f"{service}:{path}", "-"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd=layout.root,
        env=stack_secrets.compose_environment(layout.root),
    )
    if done.returncode != 0:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no output"])[-1]
        raise ImsobsError(f"{path} of {service} cannot be read: {said}", remedy="imsobs status")
    return done.stdout


def compose_configs(layout: Layout) -> dict[str, tuple[str, str]]:
    """Return running service -> digests of its configuration: as it started, as rendered.

    A digest is empty when the service reads nothing that needs a restart.
    """
    text = (layout.root / COMPOSE_FILE).read_text(encoding="utf-8")
    running = {str(item["Service"]): str(item["ID"]) for item in _containers(layout)}
    template = f'{{{{index .Config.Labels "{CONFIG_LABEL}"}}}}'
    found = {}
    for name, service in yamlio.parse(text)["services"].items():
        if name in running:
            started = _ask("inspect", "--format", template, running[name]) or ""
            found[name] = (started, service.get("labels", {}).get(CONFIG_LABEL, ""))
    return found


def _containers(layout: Layout, *options: str) -> list[dict[str, Any]]:
    """Return what compose reports of its containers: the running ones, or all with ``--all``."""
    text = _compose(layout, "ps", *options, "--format", "json")
    # Older plugins print one JSON list, newer ones one object per line.
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def compose_states(layout: Layout) -> dict[str, str]:
    """Return service -> the engine's words ("Up 3 minutes (healthy)"); empty when down."""
    try:
        items = _containers(layout, "--all")
    except ImsobsError:
        return {}
    return {str(item["Service"]): str(item.get("Status", "")) for item in items}
