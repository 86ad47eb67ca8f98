"""A real API server takes every object that is rendered, and refuses those that are not."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_server
import pytest
import small_specs
import yaml
from kubernetes_server import scale_binary
from kubernetes_specs import EVERYTHING, FULLEST, STORES, VARIANTS, objects

from imsobs.compile import read_spec, render_model

pytestmark = pytest.mark.scale
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/kubernetes/overlay.yaml"
_OF_GRAFANA = "kubernetes: {grafana: {by: operator}}"


def _of(folder: Path, *texts: str) -> list[dict[str, Any]]:
    model = small_specs.model_of(folder, *texts)
    return [_placed(one) for one in objects(render_model(model))]


def _placed(one: dict[str, Any]) -> dict[str, Any]:
    """Return an object in a namespace: those of the service name none."""
    if one["kind"] in ("Instrumentation", "ConfigMap"):
        one["metadata"].setdefault("namespace", "default")
    return one


def _apply(server: kubernetes_server.ApiServer, found: list[dict[str, Any]]) -> list[str]:
    """Apply objects; return what was refused or warned of. A namespace must be there really."""
    answers = [(one, server.apply(one, dry_run=one["kind"] != "Namespace")) for one in found]
    return [f"{one['kind']} {one['metadata']['name']}: {answer}" for one, answer in answers
            if not answer.accepted]  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_every_object_is_accepted(
    name: str, server: kubernetes_server.ApiServer, tmp_path: Path
) -> None:
    assert _apply(server, _of(tmp_path, *EVERYTHING, *VARIANTS[name])) == []


@pytest.mark.product
def test_every_object_of_the_example_is_accepted_and_applied_twice(
    server: kubernetes_server.ApiServer,
) -> None:
    model = read_spec([ROOT / "spec/ims.yaml", EXAMPLE]).model
    assert model is not None
    found = [_placed(one) for one in objects(render_model(model))]
    assert len(found) > 60
    for _ in range(2):
        told = {one["metadata"]["name"]: server.apply(one, dry_run=False) for one in found}
        assert {name: answer for name, answer in told.items() if not answer.accepted} == {}
    kept = server.get(next(one for one in found if one["kind"] == "Prometheus"))
    assert kept["metadata"]["generation"] == 1, "what is applied again changes nothing"


@pytest.mark.parametrize(
    ("kind", "place", "value", "told"),
    [
        ("OpenTelemetryCollector", "mode", "cluster", "Unsupported value"),
        ("OpenTelemetryCollector", "replica", 3, "field not declared in schema"),
        ("Prometheus", "scrapeInterval", "15 seconds", "should match"),
        ("PodMonitor", "podMetricsEndpoints", "derived", "expected list"),
        ("StatefulSet", "podManagementPolicy", "Ordered", "must be"),
        ("NetworkPolicy", "podselector", {}, "field not declared in schema"),
        ("PodDisruptionBudget", "minAvailable", 1, "cannot be both set"),
        ("GrafanaDashboard", "resyncPeriod", "10 minutes", "should match"),
        ("GrafanaDatasource", "datasource", None, "spec.datasource: Invalid value"),
    ],
)
def test_what_is_wrong_is_refused(
    kind: str,
    place: str,
    value: Any,
    told: str,
    server: kubernetes_server.ApiServer,
    tmp_path: Path,
) -> None:
    found = _of(tmp_path, *EVERYTHING, STORES, _OF_GRAFANA)
    assert server.apply(found[0], dry_run=False).accepted, "the namespace"
    one = copy.deepcopy(next(one for one in found if one["kind"] == kind))
    one["spec"][place] = value
    answer = server.apply(one)
    assert not answer.accepted
    assert told in answer.message, answer


@pytest.mark.parametrize("of", ["base", "regions/us"])
def test_kustomize_lays_the_manifests_together(of: str, tmp_path: Path) -> None:
    kubectl = scale_binary("kubectl")
    model = small_specs.rendered(tmp_path, *EVERYTHING, *VARIANTS[FULLEST])
    folder = tmp_path / "stack/kubernetes"
    found = _kustomized(kubectl, folder / of)
    (prometheus,) = [one for one in found if one["kind"] == "Prometheus"]
    us = {"cluster": "main-us", "region": "us"}
    assert prometheus["spec"]["externalLabels"] == (us if "us" in of else {"cluster": "main"})
    files = {path: text for path, text in render_model(model).items() if "/base/" in path}
    assert len(found) == len(list(objects(files))), "nothing is left out, nothing doubled"


def test_the_deployment_of_the_service_is_patched(tmp_path: Path) -> None:
    kubectl = scale_binary("kubectl")
    small_specs.rendered(tmp_path, *EVERYTHING, *VARIANTS[FULLEST])
    container = {"name": "app", "image": "registry/orders:1"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "orders-api"},
        "spec": {
            "selector": {"matchLabels": {"app": "orders"}},
            "template": {"metadata": {"labels": {"app": "orders"}},
                         "spec": {"containers": [container]}},
        },
    }  # fmt: skip
    own = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "shop",
        "resources": ["deployment.yaml"],
        "components": ["../stack/kubernetes/service"],
    }
    folder = tmp_path / "own"
    folder.mkdir()
    for file, data in (("deployment.yaml", deployment), ("kustomization.yaml", own)):
        (folder / file).write_text(yaml.safe_dump(data))
    found = {one["kind"]: one for one in _kustomized(kubectl, folder)}
    assert set(found) == {"ConfigMap", "Deployment", "Instrumentation"}
    assert {one["metadata"]["namespace"] for one in found.values()} == {"shop"}
    template = found["Deployment"]["spec"]["template"]
    inject = "instrumentation.opentelemetry.io/inject-python"
    assert template["metadata"]["annotations"][inject] == "shop"
    (patched,) = template["spec"]["containers"]
    assert patched["image"] == "registry/orders:1"
    assert patched["volumeMounts"][0]["mountPath"] == "/etc/imsobs/app"


def _kustomized(kubectl: Path, folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [str(kubectl), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@pytest.mark.parametrize("name", ["jaeger", "loki"])
def test_the_namespace_takes_these_pods_and_no_privileged_one(
    name: str, server: kubernetes_server.ApiServer, tmp_path: Path
) -> None:
    found = _of(tmp_path, *EVERYTHING, STORES)
    assert server.apply(found[0], dry_run=False).accepted, "the namespace"
    one = next(one for one in found if one["kind"] == "StatefulSet" and
               one["metadata"]["name"] == name)  # fmt: skip
    template = one["spec"]["template"]
    volumes = [{"name": "data", "emptyDir": {}}]
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": f"{name}-0",
                     "namespace": one["metadata"]["namespace"]},
        "spec": {**template["spec"], "volumes": [*template["spec"]["volumes"], *volumes]},
    }  # fmt: skip
    assert server.apply(pod).accepted
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    refused = server.apply(pod)
    assert refused.status == 403
    assert "violates PodSecurity" in refused.message
