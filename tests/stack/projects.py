"""Compose projects of the tests' own: rendered for free ports, brought up, taken away."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from stack.containers import find_image, render

from imsobs.runtime import secrets as stack_secrets
from imsobs.runtime.docker import EVERY_PROFILE
from imsobs.runtime.trial import free_ports
from imsobs.runtime.verify.compose import COMPOSE_ENV, compose_command
from imsobs.spec.schema.stack import OtelcolPorts

_PASSWORD = "correct-horse-battery"
_NUMBERS = itertools.count()
_PORTS = {
    "otelcol": tuple(OtelcolPorts.model_fields),
    "prometheus": ("http",),
    "alertmanager": ("http",),
    "jaeger": ("http", "query_grpc", "otlp_grpc", "health", "telemetry"),
    "loki": ("http", "grpc"),
    "promtail": ("http",),
    "grafana": ("http",),
    "gateway": ("http",),
}


class Compose:
    """A compose project of its own, on free ports. env: settings of every call."""

    def __init__(
        self,
        root: Path,
        ports: dict[str, dict[str, int]],
        services: tuple[str, ...],
        env: dict[str, str],
    ) -> None:
        command = compose_command()
        if command is None:
            pytest.skip(f"compose: no docker compose here, and {COMPOSE_ENV} is not set")
        self.root, self.ports, self.services, self.env = root, ports, services, env
        self.name = f"imsobs-test-{os.getpid()}-{next(_NUMBERS)}"
        self._command = [*command, "-p", self.name, "-f", "stack/compose.yaml"]

    def __call__(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run compose; the settings of the caller's environment apply."""
        settings = {**os.environ, stack_secrets.PASSWORD: _PASSWORD, **self.env, **env}
        return subprocess.run(
            [*self._command, *words],
            cwd=self.root, env=settings, text=True, capture_output=True, check=False,
        )  # fmt: skip

    def up(self) -> None:
        """Start the services and wait until every health check passes."""
        done = self("up", "--detach", "--wait", *self.services)
        assert done.returncode == 0, f"{done.stderr[-3000:]}{self('logs', '--tail=30').stdout}"

    def overlay(self, settings: dict[str, Any]) -> str:
        """Return an overlay of the spec with the project's ports."""
        ports = {name: {"ports": ports} for name, ports in self.ports.items()}
        return yaml.safe_dump({**settings, "stack": ports})

    def url(self, name: str, port: str, path: str = "") -> str:
        """Return the URL of a port: published on loopback, Loki's on the internal network."""
        host = self._address(name) if name == "loki" else "127.0.0.1"
        return f"http://{host}:{self.ports[name][port]}{path}"

    def _address(self, name: str) -> str:
        """Return the address of a service's container on the network between components."""
        client = docker.from_env()
        try:
            networks = self.container(client, name).attrs["NetworkSettings"]["Networks"]
        finally:
            client.close()
        return str(networks[f"{self.name}_stack"]["IPAddress"])

    def container(self, client: docker.DockerClient, name: str) -> Any:
        """Return the container of a service."""
        identity = self("ps", "--quiet", name).stdout.strip()
        return client.containers.get(identity)


@contextmanager
def project_of(
    engine: docker.DockerClient,
    root: Path,
    services: tuple[str, ...],
    settings: dict[str, Any],
    env: dict[str, str],
) -> Iterator[Compose]:
    """Give a project of these services, or skip the test by the name of a missing image.

    settings: laid over the spec.
    """
    free = iter(free_ports(sum(map(len, _PORTS.values()))))
    ports = {name: {port: next(free) for port in wanted} for name, wanted in _PORTS.items()}
    project = Compose(root, ports, services, env)
    render(root, project.overlay(settings))
    definitions = yaml.safe_load((root / "stack/compose.yaml").read_text())["services"]
    for name in services:
        find_image(engine, definitions[name]["image"], name)
    os.environ.setdefault(stack_secrets.PASSWORD, _PASSWORD)
    stack_secrets.prepare(root)
    try:
        yield project
    finally:
        project(*EVERY_PROFILE, "down", "--volumes", "--remove-orphans")
