"""Fixtures of the container tests, and the count of what ran, by component."""

from __future__ import annotations

import gc
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
import yaml
from docker.errors import DockerException
from stack.containers import Launcher, Started, interpolate, make_container, render
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from imsobs.runtime import secrets as stack_secrets


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a stack test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.stack)
            # The Docker client closes its sockets when it is collected, not before.
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
            quiet = "ignore::pytest.PytestUnraisableExceptionWarning"
            item.add_marker(pytest.mark.filterwarnings(quiet))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many tests ran and were skipped, by component."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            if match := re.search(r"stack/test_stack_(\w+)\.py", report.nodeid):
                counts[match.group(1), outcome] += 1
    if not counts:
        return
    terminalreporter.section("stack tests by component")
    for component in sorted({component for component, _ in counts}):
        ran = sum(counts[component, word] for word in ("passed", "failed", "error"))
        skipped = counts[component, "skipped"]
        terminalreporter.write_line(f"{component}: {ran} run, {skipped} skipped")


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """A Docker engine, or the tests are skipped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        client, why = _connect()
        gc.collect()
    if client is None:
        pytest.skip(f"no Docker engine: {why}")
    yield client
    client.close()


def _connect() -> tuple[docker.DockerClient | None, str]:
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        return None, str(error)
    return client, ""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole spec, rendered."""
    folder = render(tmp_path_factory.mktemp("stack") / "project")
    os.environ.setdefault(stack_secrets.PASSWORD, "correct-horse-battery")
    stack_secrets.prepare(folder)
    return folder


@pytest.fixture
def network(engine: docker.DockerClient) -> Iterator[Network]:
    """A network; named before ``launch`` in a test, so that it outlives its containers."""
    with Network() as shared:
        yield shared


@pytest.fixture
def launch(engine: docker.DockerClient, project: Path) -> Iterator[Launcher]:
    """Start one service of compose.yaml by itself, as compose would."""
    running: list[DockerContainer] = []

    def start(
        name: str,
        *,
        ports: tuple[int, ...],
        root: Path = project,
        env: dict[str, str] | None = None,
        network: Network | None = None,
        share: str | None = None,
    ) -> Started:
        service = yaml.safe_load((root / "stack/compose.yaml").read_text())["services"][name]
        container = make_container(engine, name, service, root)
        for key, value in {**service.get("environment", {}), **(env or {})}.items():
            container.with_env(key, interpolate(str(value)))
        container.with_exposed_ports(*ports)
        if network is not None:
            container.with_network(network).with_network_aliases(f"{name}.stack")
        if share is not None:
            # As compose's network_mode: service does.
            container.with_kwargs(**container._kwargs, network_mode=f"container:{share}")
        container.start()
        running.append(container)
        return Started(container)

    yield start
    for container in reversed(running):
        container.stop()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """An HTTP client for loopback."""
    with httpx.Client(timeout=10, trust_env=False) as http:
        yield http
