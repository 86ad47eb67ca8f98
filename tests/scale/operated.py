"""opentelemetry-operator beside an API server, with the webhooks that its manifests register."""

from __future__ import annotations

import base64
import copy
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import kubernetes_api
from alertmanager import wait_for
from kubernetes_server import ApiServer, scale_binary
from kubernetes_specs import objects

from bench.scale.cluster import KEEP_ALL, Cluster
from bench.scale.node import Node
from imsobs import yamlio
from imsobs.compile import read_spec, render_model
from imsobs.model import Model
from imsobs.outputs.collector.roles import CURRENT, SAMPLE
from imsobs.runtime.trial import free_ports

ROOT = Path(__file__).resolve().parents[2]
# Apart from those of other tests, which have no operator.
SPACE, SERVICE = "ims-collected", "ims"
_SPEC = [ROOT / "spec/ims.yaml", ROOT / "examples/kubernetes/overlay.yaml"]
_START_SECONDS = 120.0
# What only the webhook refuses.
_REFUSED = {"ports": [{"name": "under_score", "port": 1}]}


def model_with(folder: Path, *overlays: dict[str, Any]) -> Model:
    """Return the model of the example of a cluster, in a namespace of its own."""
    files = []
    own: dict[str, Any] = {"kubernetes": {"namespace": SPACE}, **KEEP_ALL}
    for number, overlay in enumerate((own, *overlays)):
        files.append(folder / f"overlay-{number}.yaml")
        files[-1].write_text(yamlio.dump(overlay), "utf-8")
    model = read_spec([*_SPEC, *files]).model
    assert model is not None
    return model


def rendered(model: Model) -> list[dict[str, Any]]:
    """Return the objects of a model; those of the service, which name no namespace, in its own."""
    found = list(objects(render_model(model)))
    for one in found:
        if one["kind"] in ("Instrumentation", "ConfigMap"):
            one["metadata"].setdefault("namespace", SERVICE)
    return found


@dataclass(frozen=True)
class Operated:
    """A server with the operator at work. rendered: what was applied."""

    server: ApiServer
    rendered: list[dict[str, Any]]
    model: Model

    def given(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object as it was applied."""
        found = [one for one in self.rendered if (one["kind"], one["metadata"]["name"]) ==
                 (kind, name)]  # fmt: skip
        return found[0]

    def all(self, api: str) -> dict[str, dict[str, Any]]:
        """Return name -> object of what the operator has made, ``/apis/GROUP/VERSION/KINDS``."""
        start, _, kinds = api.rpartition("/")
        ones = self.server.list(f"{start}/namespaces/{SPACE}/{kinds}")
        own = {"app.kubernetes.io/managed-by": "opentelemetry-operator"}.items()
        return {
            one["metadata"]["name"]: one
            for one in ones
            if own <= one["metadata"].get("labels", {}).items()
        }

    def made(self, api: str, name: str) -> dict[str, Any]:
        """Return an object that the operator makes, once it is there."""
        found: dict[str, Any] = wait_for(
            lambda: self.all(api).get(name), 120, f"the operator makes {name}"
        )
        return found

    def pod(self, role: str) -> dict[str, Any]:
        """Return the spec of a role's pods."""
        template = self.made("/apis/apps/v1/statefulsets", f"{role}-collector")["spec"]["template"]
        spec: dict[str, Any] = template["spec"]
        return spec

    def container(self, role: str) -> dict[str, Any]:
        """Return the one container of a role's pods."""
        (container,) = self.pod(role)["containers"]
        found: dict[str, Any] = container
        return found

    def config(self, role: str) -> str:
        """Return the configuration that a role's container reads, as its file is."""
        container, volumes = self.container(role), self.pod(role)["volumes"]
        (file,) = [word.removeprefix("--config=") for word in container["args"]]
        folder, _, name = file.rpartition("/")
        mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
        (source,) = [one["configMap"] for one in volumes if one["name"] == mounts[folder]]
        (key,) = [item["key"] for item in source["items"] if item["path"] == name]
        text: str = self.made("/api/v1/configmaps", source["name"])["data"][key]
        return text

    def node(self, cluster: Cluster, role: str) -> Node:
        """Return the container of a role's first pod as a process, which is not started.

        Names of Services are replaced by addresses of the cluster.
        """
        text = self.config(role)
        places = {
            f"sample-collector-headless.{SPACE}.svc": cluster.address(SAMPLE),
            f"current-collector.{SPACE}.svc": cluster.address(CURRENT),
            f"jaeger.{SPACE}.svc:14317": f"{cluster.address('store')}:4317",
        }
        for name, address in places.items():
            text = text.replace(name, address)
        folder = cluster.folder / f"{role}-0"
        folder.mkdir()
        (folder / "collector.yaml").write_text(text)
        container, address = self.container(role), cluster.address(role)
        env = {one["name"]: one["value"] for one in container["env"] if "value" in one}
        env |= {
            "IMSOBS_BIND_ADDRESS": address,
            "IMSOBS_STATE": str(folder / "state"),
            "POD_NAME": f"{role}-collector-0",
        }
        asked = container["readinessProbe"]["httpGet"]
        ready = f"http://{address}:{asked['port']}{asked['path']}"
        command: list[str | Path] = [cluster.binary, f"--config={folder / 'collector.yaml'}"]
        cluster.nodes[f"{role}-0"] = Node(address, command, folder, ready, env)
        return cluster.nodes[f"{role}-0"]


@contextmanager
def operating(server: ApiServer, folder: Path) -> Iterator[Operated]:
    """Run the operator on what the example renders, until the block ends."""
    binary = scale_binary("opentelemetry-operator")
    model = model_with(folder)
    found = rendered(model)
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    service = {"apiVersion": "v1", "kind": "Namespace",
               "metadata": {"name": SERVICE, "labels": level}}  # fmt: skip
    assert server.apply(service, dry_run=False).accepted
    with _running(binary, server, folder) as port, _registered(server, folder, port):
        for one in found:
            answer = server.apply(one, dry_run=False)
            assert answer.accepted, (one["kind"], one["metadata"]["name"], answer)
        yield Operated(server, found, model)


@contextmanager
def _running(binary: Path, server: ApiServer, folder: Path) -> Iterator[int]:
    """Run the operator; yield the port of its webhooks."""
    certificates = folder / "k8s-webhook-server/serving-certs"
    certificates.mkdir(parents=True)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", "/CN=webhooks",
         "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", certificates / "tls.key", "-out", certificates / "tls.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    webhooks, health = free_ports(2)
    command = [binary, f"--webhook-port={webhooks}", "--metrics-addr=0",
               f"--health-probe-addr=127.0.0.1:{health}"]  # fmt: skip
    given = {
        "KUBECONFIG": str(server.kubeconfig(folder)),
        "WATCH_NAMESPACE": f"{SPACE},{SERVICE}",
        # Certificates are looked for there.
        "TMPDIR": str(folder),
        "PATH": os.environ["PATH"],
    }
    with (folder / "operator.log").open("w") as log:
        process = subprocess.Popen(list(map(str, command)), env=given, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{health}/readyz"
            wait_for(lambda: process.poll() is None and _answers(url), 60, "the operator is ready")
            yield webhooks
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def _registered(server: ApiServer, folder: Path, port: int) -> Iterator[None]:
    """Register the webhooks; others' objects are left alone again when the block ends."""
    trusted = (folder / "k8s-webhook-server/serving-certs/tls.crt").read_bytes()
    found = copy.deepcopy(kubernetes_api.api()["webhooks"])
    for one in found:
        for hook in one["webhooks"]:
            path = hook["clientConfig"].pop("service")["path"]
            hook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}",
                                    "caBundle": base64.b64encode(trusted).decode()}  # fmt: skip
            # A fault of the webhook is one of the test.
            hook["failurePolicy"] = "Fail"
        assert server.apply(one, dry_run=False).accepted
    try:
        wait_for(lambda: _refuses(server), _START_SECONDS, "the webhooks are asked")
        yield
    finally:
        for one in found:
            server.delete(one)


def _refuses(server: ApiServer) -> bool:
    """Return whether the server refuses what the webhook does."""
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": {}}}},
        "exporters": {"nop": {}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["nop"]}}},
    }
    answer = server.apply({
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": "refused", "namespace": SERVICE},
        "spec": {**_REFUSED, "config": config},
    })  # fmt: skip
    return "denied the request" in answer.message and "port name" in answer.message
