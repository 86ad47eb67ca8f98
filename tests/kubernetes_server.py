"""A real API server with its store on loopback: what it says of objects."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import kubernetes_api
import pytest
from alertmanager import wait_for

from imsobs.runtime.build.binaries import locate
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.progress import Silent
from imsobs.runtime.trial import free_ports

ROOT = Path(__file__).resolve().parents[1]

_IP = "127.0.88.1"
_TOKEN = "of-this-test-alone"
_PLURALS = {"NetworkPolicy": "networkpolicies", "Prometheus": "prometheuses"}
_START_SECONDS = 120.0


def scale_binary(name: str) -> Path:
    """Return what `imsobs binaries --scale` builds; the test is skipped without it."""
    found = locate(load_plan(ROOT), ROOT, name, Silent())
    if found is None:
        pytest.skip(f"{name} is not here: imsobs binaries --scale builds it")
    return found.path


@dataclass(frozen=True)
class Answer:
    """What the server says of an object: status, message, and warnings of its own."""

    status: int
    message: str
    warnings: list[str]

    @property
    def accepted(self) -> bool:
        """Whether it is taken, without a warning."""
        return self.status in (200, 201) and not self.warnings


class ApiServer:
    """Speaks to the server as its administrator."""

    def __init__(self, url: str, verify: ssl.SSLContext) -> None:
        headers = {"Authorization": f"Bearer {_TOKEN}"}
        self.url, self.token = url, _TOKEN
        self._client = httpx.Client(base_url=url, headers=headers, verify=verify, timeout=60)

    def ready(self) -> bool:
        """Return whether it answers."""
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def apply(self, found: dict[str, Any], *, dry_run: bool = True) -> Answer:
        """Apply an object as ``kubectl apply --server-side --validate=strict`` does."""
        query = {"fieldManager": "test", "fieldValidation": "Strict", "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        # Dates of YAML are texts in JSON.
        body = json.dumps(found, default=str)
        answer = self._client.patch(
            f"{_path(found)}/{found['metadata']['name']}",
            params=query,
            content=body,
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        message = "" if answer.is_success else answer.json().get("message", answer.text)
        return Answer(answer.status_code, message, answer.headers.get_list("Warning"))

    def created(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return an object as webhooks and defaults would make it; nothing is kept."""
        query = {"fieldValidation": "Strict", "dryRun": "All"}
        answer = self._client.post(_path(found), params=query, json=found)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def scale(self, found: dict[str, Any], replicas: int) -> None:
        """Set the number of an object's replicas, as an autoscaler does."""
        answer = self._client.patch(
            f"{_path(found)}/{found['metadata']['name']}/scale",
            content=json.dumps({"spec": {"replicas": replicas}}),
            headers={"Content-Type": "application/merge-patch+json"},
        )
        answer.raise_for_status()

    def delete(self, found: dict[str, Any]) -> None:
        """Take an object away."""
        self._client.delete(f"{_path(found)}/{found['metadata']['name']}").raise_for_status()

    def kubeconfig(self, folder: Path) -> Path:
        """Write the file by which a client finds this server."""
        cluster = {"server": self.url, "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "of",
            "clusters": [{"name": "of", "cluster": cluster}],
            "users": [{"name": "of", "user": {"token": self.token}}],
            "contexts": [{"name": "of", "context": {"cluster": "of", "user": "of"}}],
        }
        file = folder / "kubeconfig"
        file.write_text(json.dumps(config), "utf-8")
        return file

    def list(self, path: str) -> list[dict[str, Any]]:
        """Return the objects of a path such as ``/api/v1/namespaces/NAME/secrets``."""
        answer = self._client.get(path)
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def get(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return an object as the server keeps it."""
        answer = self._client.get(f"{_path(found)}/{found['metadata']['name']}")
        answer.raise_for_status()
        kept: dict[str, Any] = answer.json()
        return kept


def _path(found: dict[str, Any]) -> str:
    version, kind = found["apiVersion"], found["kind"]
    start = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    space = found["metadata"].get("namespace")
    within = f"/namespaces/{space}" if space else ""
    return f"{start}{within}/{_PLURALS.get(kind, f'{kind.lower()}s')}"


@contextmanager
def running(apiserver: Path, etcd: Path, folder: Path) -> Iterator[ApiServer]:
    """Run the server, with the operators' definitions, until the block ends."""
    store, peer, port = free_ports(3)
    (folder / "tokens.csv").write_text(f'{_TOKEN},admin,1,"system:masters"\n')
    key = folder / "account.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    client, mates = f"http://{_IP}:{store}", f"http://{_IP}:{peer}"
    commands = {
        "etcd": [
            etcd, f"--data-dir={folder}/etcd", "--unsafe-no-fsync",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={mates}", f"--initial-advertise-peer-urls={mates}",
            f"--initial-cluster=default={mates}",
        ],
        "kube-apiserver": [
            apiserver, f"--etcd-servers={client}", f"--bind-address={_IP}",
            # Another than loopback is asked for; nobody connects to it.
            "--advertise-address=10.255.0.1", f"--secure-port={port}",
            f"--cert-dir={folder}/certs", f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC", f"--service-account-issuer=https://{_IP}",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true",
            # Nothing makes the accounts that it would ask for.
            "--disable-admission-plugins=ServiceAccount",
        ],
    }  # fmt: skip
    with ExitStack() as stack:
        for name, command in commands.items():
            log = stack.enter_context((folder / f"{name}.log").open("w"))
            process = subprocess.Popen(
                [str(word) for word in command], stdout=log, stderr=log, cwd=folder
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        server = _started(f"https://{_IP}:{port}", folder)
        stack.callback(server.close)
        _define(server)
        yield server


def _started(url: str, folder: Path) -> ApiServer:
    certificate = folder / "certs/apiserver.crt"
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if certificate.exists():
            trusted = ssl.create_default_context(cafile=str(certificate))
            server = ApiServer(url, trusted)
            if server.ready():
                return server
            server.close()
        time.sleep(0.5)
    log = (folder / "kube-apiserver.log").read_text()[-2000:]
    raise AssertionError(f"the API server is not ready after {_START_SECONDS:.0f} s:\n{log}")


def _define(server: ApiServer) -> None:
    """Make the operators' kinds known, and wait until the server knows them."""
    for crd in kubernetes_api.api()["crds"]:
        answer = server.apply(crd, dry_run=False)
        assert answer.accepted, answer
    for crd in kubernetes_api.api()["crds"]:
        name = crd["metadata"]["name"]
        wait_for(lambda crd=crd: _is_known(server, crd), _START_SECONDS, f"{name} is known")


def _is_known(server: ApiServer, crd: dict[str, Any]) -> bool:
    conditions = server.get(crd).get("status", {}).get("conditions", [])
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
