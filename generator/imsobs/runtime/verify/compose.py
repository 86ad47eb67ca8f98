"""Compose on compose.yaml: accepted with a password, refused without one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from imsobs import artifacts
from imsobs.runtime.environment import DOCKER, HOME, chosen
from imsobs.runtime.secrets import PASSWORD, is_wanted
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.validators import ask

_FILE = artifacts.COMPOSE
COMPOSE_ENV = "IMSOBS_COMPOSE_BIN"


def compose_command() -> list[str] | None:
    """Return how compose v2 is called here, or None: the plugin, or the binary named."""
    if explicit := os.environ.get(COMPOSE_ENV):
        return [explicit]
    if shutil.which("docker") is None:
        return None
    plugin = ["docker", "compose"]
    done = subprocess.run([*plugin, "version"], capture_output=True, check=False)
    return plugin if done.returncode == 0 else None


def verify(root: Path) -> Iterator[Verdict]:
    """Yield compose's verdict with every profile, and that it refuses to go without."""
    command = compose_command()
    if command is None:
        why = f"no docker compose here, and {COMPOSE_ENV} is not set"
        yield Verdict("compose", _FILE, True, why, skipped=True)
        return
    profiles = ["--profile", "promtail", "--profile", "demo"]
    # The docker command finds its plugin and its engine from these.
    docker = chosen(HOME, DOCKER)
    call = [*command, "-f", _FILE, "--env-file", os.devnull, *profiles, "config", "--quiet"]
    yield ask("compose", _FILE, call, root, {**docker, PASSWORD: "any"})
    if not is_wanted(root):
        return
    refusal = ask("compose", _FILE, call, root, {**docker, PASSWORD: ""})
    said_so = not refusal.ok and PASSWORD in refusal.detail
    detail = "" if said_so else f"it does not refuse to start without {PASSWORD}"
    yield Verdict("compose", f"{_FILE} without a password", said_so, detail)
