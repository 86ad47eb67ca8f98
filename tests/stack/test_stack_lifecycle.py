"""imsobs on containers: reload without a restart, down that keeps, destroy that asks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
import yaml
from stack.containers import eventually, render
from stack.projects import Compose, project_of

from imsobs.runtime.docker import record_mode
from imsobs.runtime.paths import layout_for
from imsobs.runtime.verify.compose import COMPOSE_ENV

CORE = ("otelcol", "prometheus", "alertmanager", "jaeger")
Imsobs = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def compose(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compose]:
    if shutil.which("docker") is None:
        pytest.skip("operations: no docker command on PATH")
    root = tmp_path_factory.mktemp("operations") / "project"
    with project_of(engine, root, CORE, {}, {"IMSOBS_LOG_EXPORTER": "file"}) as project:
        yield project


@pytest.fixture
def imsobs(compose: Compose, tmp_path: Path) -> Imsobs:
    """The command line on the running project, brought up as far as images are here."""
    compose.up()
    record_mode(layout_for(compose.root, compose.root / ".imsobs"), "docker")
    settings = {**os.environ, **compose.env, "COMPOSE_PROJECT_NAME": compose.name}
    settings["IMSOBS_STATE"] = str(compose.root / ".imsobs")
    if named := os.environ.get(COMPOSE_ENV):
        # imsobs calls the plugin.
        plugins = tmp_path / "docker/cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(named)
        settings["DOCKER_CONFIG"] = str(tmp_path / "docker")

    def run(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "imsobs", *words, "--root", str(compose.root)],
            env=settings, text=True, capture_output=True, check=False, input=said,
        )  # fmt: skip

    return run


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Return component -> outcome and detail of ``imsobs reload``."""
    assert done.stdout, done.stderr
    rows = json.loads(done.stdout)
    return {row["component"]: (row["outcome"], row["detail"]) for row in rows}


def rule(compose: Compose) -> str:
    """Return the expression of an alert as Prometheus runs it."""
    found = httpx.get(compose.url("prometheus", "http", "/api/v1/rules")).json()["data"]
    rules = [rule for group in found["groups"] for rule in group["rules"]]
    return str(next(r["query"] for r in rules if r["name"] == "CriticalErrorRate"))


def edit(compose: Compose, settings: dict[str, Any]) -> None:
    """Change the spec and render it."""
    render(compose.root, compose.overlay(settings))


def test_a_changed_threshold_is_live_without_a_restart(
    compose: Compose, engine: docker.DockerClient, imsobs: Imsobs
) -> None:
    before = {name: compose.container(engine, name).attrs for name in CORE}
    assert "> 0.2" in eventually(lambda: rule(compose))
    edit(compose, {"alerts": {"CriticalErrorRate": {"threshold": 0.35}}})
    done = imsobs("reload", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert outcomes(done) == {
        **dict.fromkeys(CORE, ("unchanged", "")),
        "prometheus": ("reloaded", ""),
    }
    assert "> 0.35" in rule(compose)
    after = {name: compose.container(engine, name).attrs for name in CORE}
    for name in CORE:
        assert after[name]["Id"] == before[name]["Id"], name
        assert after[name]["State"]["StartedAt"] == before[name]["State"]["StartedAt"], name
    again = outcomes(imsobs("reload", "--format", "json"))
    assert again["prometheus"] == ("unchanged", "")


def test_a_broken_file_is_rejected_and_the_old_one_goes_on(
    compose: Compose, imsobs: Imsobs
) -> None:
    running = rule(compose)
    broken = compose.root / "alerts/rules/alerting.yaml"
    broken.write_text(broken.read_text().replace("expr: vector(1)", "expr: vector(1"))
    routes = compose.root / "alerts/alertmanager.yaml"
    whole = routes.read_text()
    routes.write_text(whole.replace("receiver: on-call", "receiver: nobody-knows", 1))
    done = imsobs("reload", "--format", "json")
    assert done.returncode == 1
    found = outcomes(done)
    assert found["prometheus"][0] == "rejected"
    assert "unclosed left parenthesis" in found["prometheus"][1]
    assert found["alertmanager"][0] == "rejected"
    assert "nobody-knows" in found["alertmanager"][1]
    assert rule(compose) == running
    # Repaired, it is taken.
    edit(compose, {})
    repaired = outcomes(imsobs("reload", "--format", "json"))
    assert repaired["prometheus"][0] == "reloaded"
    assert repaired["alertmanager"][0] == "reloaded"


def test_what_cannot_be_reloaded_asks_for_a_restart(compose: Compose, imsobs: Imsobs) -> None:
    # Prometheus' own file is mounted alone, so the running container never sees another.
    edit(compose, {"scrape": {"interval": "12s"}, "retention": {"traces": "1d"}})
    found = outcomes(imsobs("reload", "--format", "json"))
    assert found["prometheus"] == ("restart", "it cannot reload; run imsobs up")
    assert found["jaeger"][0] == "restart"
    assert found["alertmanager"][0] == "unchanged"
    compose.up()
    found = outcomes(imsobs("reload", "--format", "json"))
    assert found["prometheus"][0] == found["jaeger"][0] == "unchanged"
    config = httpx.get(compose.url("prometheus", "http", "/api/v1/status/config")).json()
    assert yaml.safe_load(config["data"]["yaml"])["global"]["scrape_interval"] == "12s"


def test_down_keeps_the_volumes_and_destroy_asks(
    compose: Compose, engine: docker.DockerClient, imsobs: Imsobs
) -> None:
    def volumes() -> set[str]:
        found = engine.volumes.list(filters={"name": f"{compose.name}_"})
        return {volume.name.removeprefix(f"{compose.name}_") for volume in found}

    here = volumes()
    assert set(CORE) <= here
    refused = imsobs("destroy", said="n\n")
    assert refused.returncode != 0
    assert "Delete all stored telemetry" in refused.stderr
    assert compose("ps", "--quiet").stdout.strip()
    assert imsobs("down").returncode == 0
    assert not compose("ps", "--all", "--quiet").stdout.strip()
    assert volumes() == here
    compose.up()
    record_mode(layout_for(compose.root, compose.root / ".imsobs"), "docker")
    done = imsobs("destroy", said="y\n")
    assert done.returncode == 0, done.stderr
    assert volumes() == set()
