"""Docker mode: the same stack through ``docker compose``, when an engine is there."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from generator import stack_secrets
from generator.errors import ImsobsError
from generator.native.paths import Layout

COMPOSE_FILE = Path("stack/compose.yaml")
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
    (layout.run / "mode").write_text(f"{mode}\n", encoding="utf-8")


def _compose(layout: Layout, *args: str) -> str:
    command = ["docker", "compose", "-f", str(layout.root / COMPOSE_FILE), *args]
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
            f"docker compose {args[0]} failed: {lines[-1] if lines else 'no output'}",
            remedy="read the log; imsobs up --mode native runs without Docker",
            log=log,
        )
    return done.stdout


def compose_up(layout: Layout) -> None:
    """Start the containers and wait for their health checks; raise ImsobsError on failure."""
    stack_secrets.prepare(layout.root)
    _compose(layout, "up", "--detach", "--wait", "--remove-orphans")
    record_mode(layout, "docker")


def compose_down(layout: Layout, *, purge: bool = False) -> None:
    """Remove the containers (and the volumes, with ``purge``)."""
    _compose(layout, "down", "--remove-orphans", *(["--volumes"] if purge else []))
    record_mode(layout, None)


def compose_signal(layout: Layout, service: str, signal_name: str) -> None:
    """Send a signal (HUP, ...) to the process of a service."""
    _compose(layout, "kill", "--signal", signal_name, service)


def compose_states(layout: Layout) -> dict[str, str]:
    """Return service -> the engine's words ("Up 3 minutes (healthy)"); empty when down."""
    try:
        text = _compose(layout, "ps", "--all", "--format", "json")
    except ImsobsError:
        return {}
    # Older plugins print one JSON list, newer ones one object per line.
    items = json.loads(text) if text.lstrip().startswith("[") else [
        json.loads(line) for line in text.splitlines() if line.strip()
    ]  # fmt: skip
    return {str(item["Service"]): str(item.get("Status", "")) for item in items}
