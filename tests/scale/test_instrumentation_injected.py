"""What opentelemetry-operator puts into a pod of the service, and what that sends.

The steps of examples/kubernetes/instrumentation/Dockerfile are taken here without an image.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from alertmanager import wait_for
from kubernetes_specs import manifests
from scale import operated
from scale.operated import ROOT, SERVICE, SPACE, Operated

from bench.project import await_http
from bench.scale.cluster import Cluster, free_block
from bench.scale.node import Node
from imsobs.compile import render_model
from imsobs.outputs.collector.roles import DERIVE
from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]
EXAMPLE = ROOT / "examples/kubernetes/instrumentation"
_VOLUME = "/otel-auto-instrumentation-python"
_FILES = "/etc/imsobs/app"
_REQUESTS = 200


def _pod(collected: Operated) -> dict[str, Any]:
    """Return a pod of the service's Deployment, with the rendered patch over it."""
    file = manifests(render_model(collected.model))["service/deployment-ims-core.yaml"]
    template = yaml.safe_load(file)["spec"]["template"]
    (patched,) = template["spec"]["containers"]
    secured = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"image": "registry.example.com/ims/core:1", "securityContext": secured, **patched}
    other = {"name": "proxy", "image": "registry.example.com/proxy:1", "securityContext": secured}
    user = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "ims-core-0", "namespace": SERVICE},
        "spec": {**template["spec"], "containers": [container, other], "securityContext": user},
    }


@pytest.fixture(scope="module")
def injected(collected: Operated) -> dict[str, Any]:
    """The pod as the API server takes it: a namespace of the level ``restricted``."""
    return collected.server.created(_pod(collected))


def _container(pod: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in pod["spec"]["containers"] if one["name"] == name)


def test_the_annotated_container_gets_the_instrumentation(
    injected: dict[str, Any], collected: Operated
) -> None:
    given = collected.given("Instrumentation", SERVICE)["spec"]
    (init,) = injected["spec"]["initContainers"]
    assert init["image"] == given["python"]["image"]
    # The Dockerfile copies to where it is copied from.
    assert init["command"] == ["cp", "-r", "/autoinstrumentation/.", _VOLUME]
    assert (
        "COPY --from=build /packages /autoinstrumentation\n" in (EXAMPLE / "Dockerfile").read_text()
    )
    container = _container(injected, "app")
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    assert mounts[_VOLUME] == init["volumeMounts"][0]["name"]
    assert mounts[_FILES] == "imsobs"
    env = {one["name"]: one for one in container["env"]}
    assert [one for one in given["python"]["env"] if env[one["name"]] != one] == []
    assert env["OTEL_SERVICE_NAME"]["value"] == "ims-core"
    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"]["value"] == given["exporter"]["endpoint"]
    assert [one for one in container["env"] if "secretKeyRef" in one.get("valueFrom", {})] == []
    # It names one instance for all processes of a pod, by a variable that ours does not read.
    assert "service.instance.id=" in env["OTEL_RESOURCE_ATTRIBUTES"]["value"]
    sdk = collected.given("ConfigMap", f"{SERVICE}-instrumentation")["data"]["otel-sdk.yaml"]
    named = set(re.findall(r"\$\{(\w+)", sdk))
    assert "OTEL_RESOURCE_ATTRIBUTES" not in named
    assert {name for name in named if name.startswith("OTEL_RESOURCE_ATTRIBUTES_")} <= env.keys()


def test_other_containers_are_left_as_they_are(injected: dict[str, Any]) -> None:
    other = _container(injected, "proxy")
    assert "env" not in other
    assert "volumeMounts" not in other


def test_a_token_comes_from_its_secret(collected: Operated, tmp_path: Path) -> None:
    overlay = {"stack": {"ingest": {"auth": "bearer", "tls": True}}}
    found = operated.rendered(operated.model_with(tmp_path, overlay))
    (one,) = [each for each in found if each["kind"] == "Instrumentation"]
    one["metadata"]["name"] = "protected"
    answer = collected.server.apply(one, dry_run=False)
    # It mounts no certificate itself: the Deployment's patch does, which the SDK's settings name.
    told = ['299 - "exporter is using https:// but exporter.tls is unset"']
    assert (answer.message, answer.warnings) == ("", told)
    pod = _pod(collected)
    pod["metadata"]["annotations"]["instrumentation.opentelemetry.io/inject-python"] = "protected"

    def made() -> dict[str, Any]:
        container = _container(collected.server.created(pod), "app")
        return {each["name"]: each for each in container["env"]}

    wait_for(lambda: "IMSOBS_OTLP_TOKEN" in made(), 30, "the operator knows the object")
    token = made()["IMSOBS_OTLP_TOKEN"]
    assert token["valueFrom"]["secretKeyRef"] == {"name": "otlp", "key": "otlp_token"}
    assert "value" not in token
    assert made()["OTEL_EXPORTER_OTLP_ENDPOINT"]["value"].startswith("https://")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the Dockerfile's first stage makes."""
    folder = tmp_path_factory.mktemp("image")
    shutil.copy(EXAMPLE / "requirements.txt", folder)
    sources = []
    for name in ("instrumentation", "exporter"):
        sources.append(f"./{name}")
        # Building leaves a folder beside the sources.
        shutil.copytree(ROOT / name, folder / name)
    guide = (ROOT / "docs/guide/kubernetes.md").read_text()
    (wheel,) = re.findall(r"^pip (wheel .+)$", guide, re.MULTILINE)
    assert wheel.endswith(" ".join(sources))
    (install,) = re.findall(r"^RUN pip (install .+)$", (EXAMPLE / "Dockerfile").read_text(), re.M)
    to = {
        str(EXAMPLE.relative_to(ROOT) / "wheels"): "wheels",
        "/packages": str(folder / "packages"),
    }
    for command in (wheel, install):
        _pip(folder, _replaced(command, to))
    return folder / "packages"


def _replaced(text: str, places: dict[str, str]) -> str:
    for old, new in places.items():
        text = text.replace(old, new)
    return text


def _pip(folder: Path, command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m pip --disable-pip-version-check {command}"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a service's image: its own packages, and no SDK of telemetry."""
    folder = tmp_path_factory.mktemp("service")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    named = [f"{name}=={importlib.metadata.version(name)}" for name in ("fastapi", "uvicorn")]
    found = folder / "venv/bin/python"
    _pip(folder, f"--python {found} install {' '.join(named)}")
    return found


def _environment(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, str]:
    """Return what the kubelet makes of a container's variables."""
    fields = {
        "metadata.name": pod["metadata"]["name"],
        "spec.nodeName": "node-1",
        "status.podIP": "10.0.0.1",
        "status.hostIP": "10.0.0.2",
    }
    found: dict[str, str] = {}
    for one in container["env"]:
        if "valueFrom" in one:
            value = fields[one["valueFrom"]["fieldRef"]["fieldPath"]]
        else:
            value = one.get("value", "")
        found[one["name"]] = re.sub(r"\$\((\w+)\)", lambda match: found[match[1]], value)
    return found


@pytest.fixture
def derive(collected: Operated, roles_binary: Path, tmp_path: Path) -> Iterator[Node]:
    """A process of `derive`, of the operator's ConfigMap."""
    cluster = Cluster(tmp_path / "cluster", collected.model, free_block())
    try:
        yield collected.node(cluster, DERIVE).start()
    finally:
        cluster.stop()


def test_the_image_fits_into_the_pods_volume(injected: dict[str, Any], packages: Path) -> None:
    (init,) = injected["spec"]["initContainers"]
    (name,) = [one["name"] for one in init["volumeMounts"] if one["mountPath"] == _VOLUME]
    (volume,) = [one["emptyDir"] for one in injected["spec"]["volumes"] if one["name"] == name]
    largest = int(volume["sizeLimit"].removesuffix("Mi")) * 2**20
    assert sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) < largest


def test_of_two_packages_of_one_name_that_of_the_image_is_imported(
    injected: dict[str, Any], packages: Path, python: Path
) -> None:
    path = _environment(injected, _container(injected, "app"))["PYTHONPATH"]
    asked = "import typing_extensions; print(typing_extensions.__file__)"
    done = subprocess.run(
        [python, "-c", asked], env={"PYTHONPATH": _replaced(path, {_VOLUME: str(packages)})},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    own = python.parents[1] / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    assert (own / "typing_extensions.py").exists()
    assert done.stdout.strip() == str(packages / "typing_extensions.py")


def test_what_it_sends_is_counted(
    injected: dict[str, Any],
    collected: Operated,
    packages: Path,
    python: Path,
    derive: Node,
    tmp_path: Path,
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name, text in collected.given("ConfigMap", f"{SERVICE}-instrumentation")["data"].items():
        (files / name).write_text(text)
    places = {_VOLUME: str(packages), _FILES: str(files),
              f"derive-collector.{SPACE}.svc": derive.address}  # fmt: skip
    env = {
        name: _replaced(value, places)
        for name, value in _environment(injected, _container(injected, "app")).items()
    }
    env["PATH"] = os.environ["PATH"]
    (port,) = free_ports(1)
    command: list[str | Path] = [python, "-m", "uvicorn", "--port", str(port), "service.app:app"]
    written = tmp_path / "service.log"
    with written.open("w") as log:
        process = subprocess.Popen(command, env=env, cwd=ROOT / "tests", stdout=log, stderr=log)
    try:
        await_http(f"http://127.0.0.1:{port}/pid", process, written)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for _ in range(_REQUESTS):
                assert client.get("/work").is_success
    finally:
        process.terminate()
        process.wait(60)
    (exposed,) = [one["containerPort"] for one in collected.container(DERIVE)["ports"]
                  if one["name"] == "derived"]  # fmt: skip
    counted = ("ims_requests_total{", 'service_name="ims-core"')
    wait_for(
        lambda: derive.total(exposed, *counted) >= _REQUESTS + 1, 30, "all requests are counted"
    )
    assert derive.total(exposed, *counted) == _REQUESTS + 1, (
        "and the first, which was asked whether"
    )
