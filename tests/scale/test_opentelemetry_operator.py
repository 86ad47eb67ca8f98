"""The real opentelemetry-operator makes of our objects Collectors that run and count."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from alertmanager import wait_for
from scale import operated
from scale.operated import SPACE, Operated

from bench.scale.cluster import Cluster, free_block
from bench.scale.known import Crowd
from imsobs.outputs.collector.roles import CURRENT, DERIVE, SAMPLE

pytestmark = [pytest.mark.scale, pytest.mark.timeout(400)]
ROLES = [DERIVE, SAMPLE, CURRENT]
_SETS, _SERVICES = "/apis/apps/v1/statefulsets", "/api/v1/services"
_SCALERS = "/apis/autoscaling/v2/horizontalpodautoscalers"
_BUDGETS = "/apis/policy/v1/poddisruptionbudgets"


def _named(ones: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["name"]: one for one in ones}


def _amounts(resources: dict[str, dict[str, str]]) -> dict[tuple[str, str], float]:
    """Return (requests or limits, what) -> how much: there are several spellings of one amount."""
    units = {"m": 0.001, "Mi": 2**20, "Gi": 2**30}
    found = {}
    for bound, amounts in resources.items():
        for what, text in amounts.items():
            number = text.rstrip("mMGi")
            found[bound, what] = float(number) * units.get(text[len(number) :], 1)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_role_becomes_pods_as_the_spec_says(role: str, collected: Operated) -> None:
    given = collected.given("OpenTelemetryCollector", role)["spec"]
    made = collected.made(_SETS, f"{role}-collector")["spec"]
    least = given["autoscaler"]["minReplicas"] if "autoscaler" in given else given["replicas"]
    assert made["replicas"] == least
    assert made["serviceName"] == f"{role}-collector-headless"
    pod, container = collected.pod(role), collected.container(role)
    assert pod["serviceAccountName"] == role
    assert pod["terminationGracePeriodSeconds"] == given["terminationGracePeriodSeconds"]
    assert pod["securityContext"] == given["podSecurityContext"]
    assert pod["topologySpreadConstraints"] == given["topologySpreadConstraints"]
    for key in ("image", "securityContext", "lifecycle"):
        assert container[key] == given[key], key
    assert _amounts(container["resources"]) == _amounts(given["resources"])
    assert container["args"] == ["--config=/conf/collector.yaml"], "no feature gate is set"
    claims = [one["metadata"]["name"] for one in made.get("volumeClaimTemplates", [])]
    assert claims == [one["metadata"]["name"] for one in given.get("volumeClaimTemplates", [])]
    mounts = [one for one in container["volumeMounts"] if one["mountPath"] != "/conf"]
    assert mounts == given.get("volumeMounts", [])
    if claims:
        kept = made["persistentVolumeClaimRetentionPolicy"]
        assert kept == given["persistentVolumeClaimRetentionPolicy"]
        size = made["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
        assert size == given["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]


@pytest.mark.parametrize("role", ROLES)
def test_the_operator_adds_only_what_is_known(role: str, collected: Operated) -> None:
    given = collected.given("OpenTelemetryCollector", role)["spec"]
    container = collected.container(role)
    env = _named(container["env"])
    assert [one for one in given["env"] if env[one["name"]] != one] == [], "ours come first"
    # Go's limits are ours where we set them: the operator sets none over them.
    assert env.keys() - _named(given["env"]).keys() == {"POD_NAME", "GOMAXPROCS"}
    ports = {(one["name"], one["containerPort"]) for one in container["ports"]}
    asked = {("health-check", 13133)}
    assert ports == {(one["name"], one["port"]) for one in given["ports"]} | asked
    for probe in ("livenessProbe", "readinessProbe"):
        assert {"path": "/", "port": 13133}.items() <= container[probe]["httpGet"].items()
    config = yaml.safe_load(collected.config(role))
    assert config["extensions"]["health_check"].pop("path") == "/", "Collector's own default"
    assert config == given["config"], "it changes nothing else"


@pytest.mark.parametrize("role", ROLES)
def test_every_port_of_a_role_is_reached_by_name(role: str, collected: Operated) -> None:
    given = collected.given("OpenTelemetryCollector", role)["spec"]
    wanted = {one["name"]: one["port"] for one in given["ports"]}
    labels = collected.made(_SETS, f"{role}-collector")["spec"]["template"]["metadata"]["labels"]
    for name in (f"{role}-collector", f"{role}-collector-headless"):
        service = collected.made(_SERVICES, name)["spec"]
        assert wanted.items() <= {one["name"]: one["port"] for one in service["ports"]}.items()
        assert service["selector"].items() <= labels.items()
    assert collected.made(_SERVICES, f"{role}-collector-headless")["spec"]["clusterIP"] == "None"
    policy = collected.given("NetworkPolicy", role)["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= labels.items()
    (spread, _) = given["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"].items() <= labels.items()


def test_roles_find_each_other_by_services_that_are_made(collected: Operated) -> None:
    exporters = yaml.safe_load(collected.config(DERIVE))["exporters"]
    resolver = exporters["load_balancing/traces"]["resolver"]["dns"]
    reached = [
        f"{resolver['hostname']}:{resolver['port']}",
        exporters["otlp_grpc/current"]["endpoint"],
    ]
    assert [_service(collected, one) for one in reached] == [
        "sample-collector-headless", "current-collector",
    ]  # fmt: skip
    sent = collected.given("Instrumentation", "ims")["spec"]["exporter"]["endpoint"]
    assert _service(collected, sent.removeprefix("http://")) == "derive-collector"


def _service(collected: Operated, address: str) -> str:
    """Return the Service that is meant by ``NAME.NAMESPACE.svc:PORT``, which has that port."""
    host, _, port = address.partition(":")
    name, space, _ = host.split(".")
    assert space == SPACE
    assert int(port) in [one["port"] for one in collected.made(_SERVICES, name)["spec"]["ports"]], (
        name
    )
    return name


def test_what_prometheus_scrapes_are_ports_of_the_pods(collected: Operated) -> None:
    monitors = [one["spec"] for one in collected.rendered if one["kind"] == "PodMonitor"]
    found: dict[str, set[str]] = {}
    for role in ROLES:
        made = collected.made(_SETS, f"{role}-collector")["spec"]["template"]
        ports = _named(collected.container(role)["ports"])
        for monitor in monitors:
            if monitor["selector"]["matchLabels"].items() <= made["metadata"]["labels"].items():
                wanted = {one["port"] for one in monitor["podMetricsEndpoints"]}
                found.setdefault(role, set()).update(wanted & ports.keys())
    assert found == {
        DERIVE: {"derived", "telemetry"},
        SAMPLE: {"derived", "telemetry"},
        CURRENT: {"current", "processes", "state", "telemetry"},
    }


def test_autoscalers_and_budgets_are_those_of_the_spec(collected: Operated) -> None:
    for role in (DERIVE, SAMPLE):
        given = collected.given("OpenTelemetryCollector", role)["spec"]["autoscaler"]
        made = collected.made(_SCALERS, f"{role}-collector")["spec"]
        assert (made["minReplicas"], made["maxReplicas"]) == (
            given["minReplicas"], given["maxReplicas"],
        )  # fmt: skip
        # What is scaled is the object, and by it the StatefulSet.
        assert made["scaleTargetRef"]["name"] == role
        (metric,) = made["metrics"]
        assert metric["resource"]["name"] == "cpu"
        assert metric["resource"]["target"]["averageUtilization"] == given["targetCPUUtilization"]
        for way, rules in given["behavior"].items():
            assert rules.items() <= made["behavior"][way].items()
    assert set(collected.all(_SCALERS)) == {"derive-collector", "sample-collector"}
    for role in ROLES:
        budget = collected.made(_BUDGETS, f"{role}-collector")["spec"]
        assert budget["maxUnavailable"] == 1
        labels = collected.made(_SETS, f"{role}-collector")["spec"]["template"]["metadata"]
        assert budget["selector"]["matchLabels"].items() <= labels["labels"].items()


@pytest.mark.parametrize("role", ROLES)
def test_the_pods_are_allowed_in_the_namespace(role: str, collected: Operated) -> None:
    made = collected.made(_SETS, f"{role}-collector")["spec"]
    claimed = [{"name": one["metadata"]["name"], "emptyDir": {}}
               for one in made.get("volumeClaimTemplates", [])]  # fmt: skip
    spec = {**made["template"]["spec"]}
    spec["volumes"] = [*spec["volumes"], *claimed]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{role}-collector-0", "namespace": SPACE,
                     "labels": made["template"]["metadata"]["labels"]},
        "spec": spec,
    }  # fmt: skip
    answer = collected.server.apply(pod)
    assert answer.accepted, answer
    spec["containers"][0]["securityContext"] = {"privileged": True}
    assert collected.server.apply(pod).status == 403, "the level restricted is enforced"


@pytest.fixture
def natively(collected: Operated, roles_binary: Path, tmp_path: Path) -> Iterator[Cluster]:
    """The containers of the operator's pods, one of each role, as processes of this machine."""
    cluster = Cluster(tmp_path / "cluster", collected.model, free_block())
    try:
        cluster.store().start()
        for role in (CURRENT, SAMPLE, DERIVE):
            node = collected.node(cluster, role)
            judged = subprocess.run(
                [roles_binary, "validate", *node.command[1:]],
                env={**os.environ, **node.env}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert judged.returncode == 0, judged.stderr
            node.start()
        yield cluster
    finally:
        cluster.stop()


def test_collectors_of_its_config_maps_run_and_count(
    collected: Operated, natively: Cluster
) -> None:
    crowd = Crowd([natively.address(DERIVE)], 300).start().wait()
    derived = _named(collected.container(DERIVE)["ports"])["derived"]["containerPort"]
    node = natively.nodes[f"{DERIVE}-0"]
    for name, truth in (("requests", 300), ("model_calls", 300), ("log_records", 900)):
        series = f"ims_{name}_total{{"
        wait_for(lambda s=series, t=truth: node.total(derived, s) == t, 30, f"{truth} {name}")

    def whole() -> int:
        stored = natively.stored_spans()
        return sum(len(stored.get(trace, {})) == 4 for trace in crowd.traces())

    wait_for(lambda: whole() == 300, 60, "every trace is stored whole")
    owned = _named(collected.container(CURRENT)["ports"])["current"]["containerPort"]
    assert natively.nodes[f"{CURRENT}-0"].scrape(owned), "it exposes what it owns"


def test_what_is_applied_again_leaves_the_number_to_the_autoscaler(collected: Operated) -> None:
    given = collected.given("OpenTelemetryCollector", DERIVE)

    def replicas() -> int:
        number: int = collected.made(_SETS, "derive-collector")["spec"]["replicas"]
        return number

    least = given["spec"]["autoscaler"]["minReplicas"]
    try:
        collected.server.scale(given, least + 2)
        wait_for(lambda: replicas() == least + 2, 60, "it is scaled")
        assert collected.server.apply(given, dry_run=False).accepted
        time.sleep(5)
        assert replicas() == least + 2
    finally:
        collected.server.scale(given, least)
    wait_for(lambda: replicas() == least, 60, "it is scaled back")


def test_a_change_of_the_spec_is_rolled_out_and_nothing_else(
    collected: Operated, tmp_path: Path
) -> None:
    before = {role: collected.made(_SETS, f"{role}-collector") for role in ROLES}
    config = collected.config(SAMPLE)
    overlay = {"sampling": {"decision_wait": "7s"}}
    changed = operated.rendered(operated.model_with(tmp_path, overlay))
    for one in changed:
        if one["kind"] == "OpenTelemetryCollector":
            assert collected.server.apply(one, dry_run=False).accepted
    try:
        wait_for(lambda: collected.config(SAMPLE) != config, 60, "sample is rolled out")
        time.sleep(2)
        (given,) = [one["spec"]["config"] for one in changed if one["kind"] ==
                    "OpenTelemetryCollector" and one["metadata"]["name"] == SAMPLE]  # fmt: skip
        made = yaml.safe_load(collected.config(SAMPLE))
        assert made["processors"] == given["processors"]
        generations = {
            role: collected.made(_SETS, f"{role}-collector")["metadata"]["generation"]
            - before[role]["metadata"]["generation"]
            for role in ROLES
        }
        assert generations == {DERIVE: 0, SAMPLE: 1, CURRENT: 0}
    finally:
        for one in collected.rendered:
            if one["kind"] == "OpenTelemetryCollector":
                assert collected.server.apply(one, dry_run=False).accepted
