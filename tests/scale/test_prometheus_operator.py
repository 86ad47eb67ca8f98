"""The real prometheus-operator makes of our objects what Prometheus and Alertmanager read."""

from __future__ import annotations

import base64
import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_server
import pytest
import small_specs
import yaml
from alertmanager import wait_for
from kubernetes_server import scale_binary
from kubernetes_specs import EVERYTHING, STORES, objects

from imsobs.compile import render_model
from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.scale, pytest.mark.timeout(300)]
SPACE = "shop-observability"
SECRET = """
services: {orders-api: {owner: me}}
receivers: {pager: {pagerduty: {key_file: pagerduty_key}}}
kubernetes:
  prometheus: {remote_write: {url: "http://mimir.svc/api/v1/push", tenant: shop}}
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("spec")
    return list(objects(render_model(small_specs.model_of(folder, *EVERYTHING, STORES, SECRET))))


@pytest.fixture(scope="module")
def operated(
    server: kubernetes_server.ApiServer,
    rendered: list[dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[kubernetes_server.ApiServer]:
    """The server with everything applied, and the operator at work."""
    binary, folder = scale_binary("prometheus-operator"), tmp_path_factory.mktemp("operator")
    for one in rendered:
        assert server.apply(one, dry_run=False).accepted
    (port,) = free_ports(1)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [str(binary), f"--namespaces={SPACE}", f"--web.listen-address=127.0.0.1:{port}"],
            env={"KUBECONFIG": str(server.kubeconfig(folder))}, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _made(server: kubernetes_server.ApiServer, api: str, name: str, section: str) -> Any:
    """Return a section of what the operator makes, once it is there."""
    path = api.replace("/v1/", f"/v1/namespaces/{SPACE}/")

    def found() -> Any:
        ones = [one for one in server.list(path) if one["metadata"]["name"] == name]
        return ones and ones[0].get(section)

    return wait_for(found, 120, f"the operator makes {name}")


def _stateful_set(server: kubernetes_server.ApiServer, name: str) -> Any:
    return _made(server, "/apis/apps/v1/statefulsets", name, "spec")


def _secret(server: kubernetes_server.ApiServer, name: str) -> dict[str, bytes]:
    data = _made(server, "/api/v1/secrets", name, "data")
    return {key: base64.b64decode(value) for key, value in data.items()}


def test_prometheus_reads_what_the_spec_says(
    operated: kubernetes_server.ApiServer, tmp_path: Path
) -> None:
    spec = _stateful_set(operated, "prometheus-main")
    assert spec["replicas"] == 2
    text = gzip.decompress(_secret(operated, "prometheus-main")["prometheus.yaml.gz"]).decode()
    file = tmp_path / "prometheus.yaml"
    file.write_text(text)
    judged = subprocess.run(
        [scale_binary("promtool"), "check", "config", "--syntax-only", file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout + judged.stderr
    config = yaml.safe_load(text)
    assert config["global"]["external_labels"] == {"cluster": "main", "__replica__": "$(POD_NAME)"}
    (written,) = config["remote_write"]
    assert written["headers"] == {"X-Scope-OrgID": "shop"}
    jobs = {job["job_name"].split("/")[2] for job in config["scrape_configs"]}
    assert {"shop-metrics", "shop-processes", "shop-state", "otelcol", "jaeger", "loki"} <= jobs
    names = {
        rule["replacement"]
        for job in config["scrape_configs"]
        for rule in job["relabel_configs"]
        if rule.get("target_label") == "job" and "replacement" in rule
    }
    assert "shop-metrics" in names, "rules know jobs by these names"
    assert config["alerting"]["alert_relabel_configs"], "replicas send the same alert"
    (told,) = config["alerting"]["alertmanagers"]
    (owned,) = told["alert_relabel_configs"]
    assert owned["source_labels"] == ["service_name"]
    assert (owned["regex"], owned["target_label"], owned["replacement"]) == (
        "orders-api", "team", "me",
    ), "an alert is its owner's"  # fmt: skip


def test_prometheus_reads_the_rules_that_are_mounted(
    operated: kubernetes_server.ApiServer, rendered: list[dict[str, Any]]
) -> None:
    text = gzip.decompress(_secret(operated, "prometheus-main")["prometheus.yaml.gz"]).decode()
    (pattern,) = yaml.safe_load(text)["rule_files"]
    folder, _, file = pattern.rpartition("/")
    assert file == "*.yaml"
    pod = _stateful_set(operated, "prometheus-main")["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in pod["containers"]:
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        found = volumes[mounts[folder]]["projected"]["sources"]
        names = [source["configMap"]["name"] for source in found]
        assert names == ["rules-recording", "rules-slo", "rules-alerting"], container["name"]
    maps = {one["metadata"]["name"] for one in rendered if one["kind"] == "ConfigMap"}
    assert maps >= set(names)
    (reloader,) = [c for c in pod["containers"] if c["name"] == "config-reloader"]
    assert f"--watched-dir={folder}" in reloader["args"], "a change is told to Prometheus"


def test_alertmanager_reads_the_routes_of_the_spec(
    operated: kubernetes_server.ApiServer, tmp_path: Path
) -> None:
    spec = _stateful_set(operated, "alertmanager-main")
    assert spec["replicas"] == 3
    secrets = [volume["secret"]["secretName"] for volume in spec["template"]["spec"]["volumes"]
               if "secret" in volume]  # fmt: skip
    assert "alerting" in secrets
    made = _secret(operated, "alertmanager-main-generated")
    text = gzip.decompress(made["alertmanager.yaml.gz"]).decode()
    config = yaml.safe_load(text)
    pager = next(one for one in config["receivers"] if one["name"] == "pager")
    key = pager["pagerduty_configs"][0]["routing_key_file"]
    assert key == "/etc/alertmanager/secrets/alerting/pagerduty_key"
    mounts = {
        mount["mountPath"]
        for container in spec["template"]["spec"]["containers"]
        for mount in container.get("volumeMounts", [])
    }
    assert key.rpartition("/")[0] in mounts
    assert config["templates"][0].rpartition("/")[0] in mounts
    assert "notifications.tmpl" in made


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_the_operators_pods_are_allowed_in_the_namespace(
    name: str, operated: kubernetes_server.ApiServer
) -> None:
    template = _stateful_set(operated, f"{name}-main")["template"]
    claimed = {"name": f"{name}-main-db", "emptyDir": {}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-main-0", "namespace": SPACE,
                     "labels": template["metadata"]["labels"]},
        "spec": {**template["spec"], "volumes": [*template["spec"]["volumes"], claimed]},
    }  # fmt: skip
    answer = operated.apply(pod)
    assert answer.status == 201, "the level restricted, and the quota"
    # It warns of ports that the operator names twice.
    assert not [text for text in answer.warnings if "PodSecurity" in text]
