"""imsobs preflight and verify of a cluster against a real API server, by the real kubectl."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_server
import pytest
import small_specs
from kubernetes_server import scale_binary
from kubernetes_specs import STORES, objects
from typer.testing import CliRunner
from unit import test_cluster_applied as applied
from unit import test_cluster_preflight as preflight

from imsobs.cli import app
from imsobs.compile import render_model

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300)]
RUN = CliRunner()
# A namespace of its own: other tests fill the usual one.
OWN = "kubernetes: {namespace: shop-checked}"
SPACE = "shop-checked"
PARTS = (small_specs.PARTS["spans"], small_specs.PARTS["the pack pipeline"], STORES,
         preflight.SECRETS, OWN)  # fmt: skip


@pytest.fixture
def context(
    server: kubernetes_server.ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The real kubectl on PATH, with a context of this server; a project to ask about."""
    binary, folder = scale_binary("kubectl"), tmp_path / "bin"
    folder.mkdir()
    (folder / "kubectl").symlink_to(binary)
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path)))
    monkeypatch.setenv("PATH", str(folder))
    (tmp_path / "spec").mkdir()
    return tmp_path


def _found(root: Path, *command: str) -> dict[str, list[str]]:
    """Return level -> findings."""
    done = RUN.invoke(app, [*command, "--root", str(root), "--format", "json"])
    told: dict[str, list[str]] = {}
    for one in json.loads(done.stdout)["findings"]:
        told.setdefault(one["level"], []).append(f"{one['check']}: {one['detail']}")
    return told


def _secret(space: str, name: str, keys: list[str]) -> dict[str, Any]:
    data = {key: base64.b64encode(b"x").decode() for key in keys}
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _storage_class() -> dict[str, Any]:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "none",
        "metadata": {"name": "standard", "annotations": annotations},
    }  # fmt: skip


def _applied(one: dict[str, Any], *options: str) -> None:
    command = ["kubectl", "apply", "--server-side", *options, "-f", "-"]
    subprocess.run(command, input=json.dumps(one), text=True, check=True, capture_output=True)


def test_preflight_finds_what_is_lacking_and_nothing_once_it_is_there(
    server: kubernetes_server.ApiServer, context: Path
) -> None:
    model = small_specs.model_of(context / "spec", *PARTS)
    before = _found(context, "preflight")
    names = sorted(preflight.KEYS)
    lacking = [
        "metrics API",
        "storage: no StorageClass is the default; the cluster has none",
        f"namespace: there is no namespace {SPACE}",
        "secrets: shop/otlp is missing",
        *(f"secrets: {SPACE}/{name} is missing" for name in names),
    ]
    assert len(before["fail"]) == len(lacking), before["fail"]
    for told, wanted in zip(before["fail"], lacking, strict=True):
        assert told.startswith(wanted)
    # Built here, it has no release; its number is judged.
    assert before["ok"][0].startswith("cluster: context of, Kubernetes v")
    assert (
        "definitions: monitoring.coreos.com/v1: Alertmanager, PodMonitor, Prometheus"
        in (before["ok"])
    )
    # What the guide says to make first.
    (namespace,) = [one for one in objects(render_model(model)) if one["kind"] == "Namespace"]
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    made = [namespace, shop, _secret("shop", "otlp", ["otlp_cert.pem", "otlp_token"])]
    made += [_secret(SPACE, name, keys) for name, keys in preflight.KEYS.items()]
    for one in made:
        assert server.apply(one, dry_run=False).accepted
    _applied(_storage_class())
    after = _found(context, "preflight")
    (metrics,) = after["fail"]
    assert metrics.startswith("metrics API: ")
    (nodes,) = after["warn"]
    assert nodes.startswith("nodes: 0 with 0 cores"), "no kubelet runs here"


def test_verify_finds_that_nothing_was_applied(context: Path) -> None:
    small_specs.model_of(context / "spec", *PARTS)
    told = _found(context, "verify", "--cluster")
    failed = told["fail"]
    assert "objects: there is no Prometheus main" in failed
    assert "pods: StatefulSet derive-collector is not there" in failed
    assert failed[-1].startswith("prometheus: no port is forwarded to prometheus-operated: ")


def _shape(data: Any) -> Any:
    """Return the keys of an answer, as deep as it goes; of lists, those of the first item."""
    match data:
        case dict():
            return {key: _shape(value) for key, value in data.items()}
        case [first, *_]:
            return [_shape(first)]
    return type(data).__name__


def _within(part: Any, whole: Any) -> bool:
    """Return whether a shape has nothing that another lacks."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return not part or not whole or _within(part[0], whole[0])
    return bool(part == whole)


@pytest.mark.parametrize(
    "question",
    ["get --raw /version", "get --raw /apis/monitoring.coreos.com/v1",
     "get --raw /apis/opentelemetry.io/v1alpha1", "get storageclasses --output json",
     "get nodes --output json"],
)  # fmt: skip
def test_the_kubectl_of_unit_tests_answers_as_the_real_one(question: str, context: Path) -> None:
    _applied(_storage_class())
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "none"}}
    _applied(node)
    room = {"status": {"allocatable": {"cpu": "3920m", "memory": "16Gi"}}}
    _applied({**node, **room}, "--subresource=status")
    done = subprocess.run(
        ["kubectl", *question.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    real, fake = json.loads(done.stdout), json.loads(preflight.WELL[question]["out"])
    assert _within(_shape(fake), _shape(real)), (_shape(fake), _shape(real))


@pytest.mark.parametrize(
    ("question", "refusal"),
    [
        ("get namespace none --output json", "Error from server (NotFound): "),
        ("get --raw /apis/metrics.k8s.io/v1beta1", "Error from server (NotFound): "),
        (applied.of("none"), "Error from server (NotFound): "),
    ],
)
def test_the_real_kubectl_says_that_there_is_none(
    question: str, refusal: str, context: Path
) -> None:
    done = subprocess.run(
        ["kubectl", *question.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(refusal)
