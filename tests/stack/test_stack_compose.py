"""The real compose on the rendered file.

It is accepted, refused without a password, started, hardened as promised, and its volumes
outlive it.
"""

from __future__ import annotations

from collections.abc import Iterator

import docker
import httpx
import pytest
from stack.containers import eventually, render
from stack.projects import Compose, project_of
from stack.signals import failed_request, new_trace_id

from imsobs.runtime import secrets as stack_secrets

# The components that are always there.
CORE = ("otelcol", "prometheus", "alertmanager", "jaeger")


@pytest.fixture(scope="module")
def compose(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compose]:
    root = tmp_path_factory.mktemp("compose") / "project"
    with project_of(engine, root, CORE, {}, {"IMSOBS_LOG_EXPORTER": "file"}) as project:
        yield project


def test_compose_accepts_every_profile(compose: Compose) -> None:
    done = compose("--profile", "promtail", "--profile", "demo", "config", "--quiet")
    assert done.returncode == 0, done.stderr


def test_without_a_password_nothing_starts(compose: Compose) -> None:
    done = compose("up", "--detach", **{stack_secrets.PASSWORD: ""})
    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert stack_secrets.PASSWORD in line
    assert "no default password" in line


def test_the_running_stack_is_hardened(compose: Compose, engine: docker.DockerClient) -> None:
    compose.up()
    for name in CORE:
        attrs = compose.container(engine, name).attrs
        host = attrs["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert not host["Privileged"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert attrs["Config"]["User"].split(":")[0] not in ("", "0", "root"), name
        assert any(entry.startswith("GOMEMLIMIT=") for entry in attrs["Config"]["Env"]), name
        bound = [b for bindings in host["PortBindings"].values() for b in bindings]
        assert {binding["HostIp"] for binding in bound} == {"127.0.0.1"}, name
        mounts = [m for m in attrs["Mounts"] if m["Type"] == "bind"]
        assert not any(m["RW"] for m in mounts), name
        assert not any("correct-horse" in entry for entry in attrs["Config"]["Env"]), name


def test_components_find_each_other(compose: Compose) -> None:
    compose.up()

    def up() -> dict[str, str]:
        found = httpx.get(compose.url("prometheus", "http", "/api/v1/targets")).json()
        targets = found["data"]["activeTargets"]
        health = {t["labels"]["job"]: t["health"] for t in targets}
        jobs = (
            "ims-metrics",
            "ims-processes",
            "ims-state",
            "otelcol",
            "prometheus",
            "alertmanager",
            "jaeger",
        )
        return health if all(health.get(job) == "up" for job in jobs) else {}

    eventually(up, 60)
    managers = httpx.get(compose.url("prometheus", "http", "/api/v1/alertmanagers")).json()
    assert len(managers["data"]["activeAlertmanagers"]) == 1


def test_only_alertmanager_has_a_way_out(compose: Compose, engine: docker.DockerClient) -> None:
    compose.up()
    for name in CORE:
        networks = compose.container(engine, name).attrs["NetworkSettings"]["Networks"]
        outbound = [network for network in networks if network.endswith("outbound")]
        assert bool(outbound) == (name == "alertmanager"), name
    closed = next(network for network in networks if network.endswith("_local"))
    options = engine.networks.get(closed).attrs["Options"]
    assert options["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert options["com.docker.network.bridge.enable_icc"] == "false"


def test_what_is_stored_outlives_down_and_up(compose: Compose) -> None:
    compose.up()
    trace_id = new_trace_id()
    url = compose.url("otelcol", "otlp_http", "/v1/traces")
    httpx.post(url, json=failed_request(trace_id)).raise_for_status()

    def stored() -> object:
        answer = httpx.get(compose.url("jaeger", "http", f"/api/traces/{trace_id}")).json()
        return answer.get("data")

    def counted() -> object:
        query = {"query": "last_over_time(ims_requests_total[1h])"}
        answer = httpx.get(compose.url("prometheus", "http", "/api/v1/query"), params=query).json()
        return answer["data"]["result"]

    eventually(stored, 60)
    eventually(counted, 60)
    assert compose("down").returncode == 0
    compose.up()
    assert eventually(stored, 30)
    assert eventually(counted, 30)


def test_a_changed_configuration_restarts_its_container_only(
    compose: Compose, engine: docker.DockerClient
) -> None:
    compose.up()
    before = {name: compose.container(engine, name).id for name in CORE}
    render(compose.root, compose.overlay({"retention": {"traces": "1d"}}))
    compose.up()
    after = {name: compose.container(engine, name).id for name in CORE}
    assert {name for name in CORE if before[name] != after[name]} == {"jaeger"}
