"""imsobs preflight of a cluster: each thing that is lacking is one line with its remedy."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import small_specs
from click.testing import Result
from fake_kubectl import FakeKubectl, no, said
from kubernetes_specs import STORES
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.compile import render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.runtime.cluster import kubectl as kubectls
from imsobs.runtime.cluster import preflight
from imsobs.runtime.cluster.room import quantity
from imsobs.runtime.doctor import Finding

RUN = CliRunner()
SPACE = "shop-observability"
PARTS = (small_specs.PARTS["spans"], STORES)
# A receiver that needs a Secret, tokens for what is sent, and a header of the probe.
SECRETS = """
receivers: {pager: {pagerduty: {key_file: pagerduty_key}}}
routing: {receiver: pager}
stack: {ingest: {auth: bearer, tls: true}}
kubernetes:
  prometheus:
    remote_write: {url: "http://mimir.svc/api/v1/push", bearer: {name: mimir}}
    thanos: {version: 0.42.5, secret: thanos}
  instrumentation: {image: "registry/shop:1", deployments: {orders-api: app}}
"""
KEYS = {
    "alerting": ["pagerduty_key", "unused"],
    "cassandra": ["password", "username"],
    "loki-bucket": ["access_key_id", "secret_access_key"],
    "mimir": ["token"],
    "otlp": ["otlp_cert.pem", "otlp_key.pem", "otlp_token"],
    "thanos": ["objstore.yml"],
}
_TEMPLATE = '{{range $key, $_ := .data}}{{$key}}{{"\\n"}}{{end}}'


def keys_of(name: str, space: str = SPACE) -> str:
    """Return how the keys of a Secret are asked for."""
    return f"get secret {name} --namespace {space} --output go-template={_TEMPLATE}"


def served(version: str, *kinds: str) -> dict[str, Any]:
    """Return what an API server says of the kinds of a group."""
    resources = [{"name": f"{kind.lower()}s", "kind": kind} for kind in kinds]
    return said({"kind": "APIResourceList", "groupVersion": version, "resources": resources})


def items(*found: dict[str, Any]) -> dict[str, Any]:
    """Return a list as kubectl writes it."""
    return said({"apiVersion": "v1", "kind": "List", "items": list(found)})


def node(cpu: str, memory: str) -> dict[str, Any]:
    """Return a node by what it has."""
    return {"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": cpu, "memory": memory}}}


def quota(name: str, **hard: str) -> dict[str, Any]:
    """Return a quota of the namespace."""
    return {"metadata": {"name": name}, "spec": {"hard": hard}}


def storage_class(name: str, default: str) -> dict[str, Any]:
    """Return a StorageClass."""
    annotations = {"storageclass.kubernetes.io/is-default-class": default}
    return {"metadata": {"name": name, "annotations": annotations}}


VERSION = {"major": "1", "minor": "30+", "gitVersion": "v1.30.4-eks"}
MONITORING = ("Alertmanager", "PodMonitor", "Prometheus", "PrometheusRule")
WELL: dict[str, Any] = {
    "config current-context": said("shop-eu\n"),
    "get --raw /version": said(VERSION),
    "get --raw /apis/monitoring.coreos.com/v1": served("monitoring.coreos.com/v1", *MONITORING),
    "get --raw /apis/opentelemetry.io/v1beta1": served(
        "opentelemetry.io/v1beta1", "OpenTelemetryCollector"
    ),
    "get --raw /apis/opentelemetry.io/v1alpha1": served(
        "opentelemetry.io/v1alpha1", "Instrumentation", "OpenTelemetryCollector"
    ),
    "get --raw /apis/metrics.k8s.io/v1beta1": served("metrics.k8s.io/v1beta1", "PodMetrics"),
    "get storageclasses --output json": items(
        storage_class("slow", "false"), storage_class("fast", "true")
    ),
    f"get namespace {SPACE} --output json": said({"metadata": {"name": SPACE}}),
    f"get resourcequotas --namespace {SPACE} --output json": items(quota("stack", pods="1")),
    "get nodes --output json": items(node("64", "256Gi"), node("500m", "1Ki")),
    **{keys_of(name): said("\n".join(keys) + "\n") for name, keys in KEYS.items()},
    keys_of("otlp", "shop"): said("otlp_cert.pem\notlp_token\n"),
}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKubectl:
    folder = tmp_path / "bin"
    folder.mkdir()
    return FakeKubectl(folder, monkeypatch, WELL)


_RENDERED: dict[tuple[str, ...], tuple[Model, dict[str, bytes]]] = {}
_MILLION = 1_000_000.0


def found(
    folder: Path, *texts: str, context: str | None = None, rate: float = _MILLION
) -> list[Finding]:
    """Return the findings of a small spec; the same spec is rendered once."""
    if texts not in _RENDERED:
        model = small_specs.model_of(folder, *PARTS, *texts)
        _RENDERED[texts] = model, render_model(model)
    findings = preflight.examine(*_RENDERED[texts], kubectls.found(context), rate)
    failed = [one for one in findings if one.level == "fail"]
    assert all(one.remedy and "\n" not in one.detail for one in failed)
    return findings


def lines(findings: list[Finding], level: str) -> list[str]:
    return [f"{one.check}: {one.detail}" for one in findings if one.level == level]


def test_a_cluster_that_has_everything(tmp_path: Path, kubectl: FakeKubectl) -> None:
    findings = found(tmp_path, SECRETS)
    assert lines(findings, "fail") == []
    assert lines(findings, "warn") == []
    told = lines(findings, "ok")
    assert told[0] == "cluster: context shop-eu, Kubernetes v1.30.4-eks"
    assert "definitions: monitoring.coreos.com/v1: Alertmanager, PodMonitor, Prometheus" in told
    assert "storage: fast, the default" in told
    # Each with the keys that are read, and only these.
    assert [line for line in told if line.startswith("secrets: ")] == [
        "secrets: shop/otlp has otlp_cert.pem, otlp_token",
        f"secrets: {SPACE}/alerting has pagerduty_key",
        f"secrets: {SPACE}/cassandra has password, username",
        f"secrets: {SPACE}/loki-bucket has access_key_id, secret_access_key",
        f"secrets: {SPACE}/mimir has token",
        f"secrets: {SPACE}/otlp has otlp_cert.pem, otlp_key.pem, otlp_token",
        f"secrets: {SPACE}/thanos has objstore.yml",
    ]
    asked = kubectl.asked()
    assert sorted({line for line in asked if "secret" in line}) == sorted(
        [*(keys_of(name) for name in KEYS), keys_of("otlp", "shop")]
    ), "values of Secrets are never asked for"


def test_every_question_is_asked_of_the_context_that_is_named(
    tmp_path: Path, kubectl: FakeKubectl
) -> None:
    findings = found(tmp_path, context="shop-us")
    assert lines(findings, "ok")[0] == "cluster: context shop-us, Kubernetes v1.30.4-eks"
    assert all(line.startswith("--context shop-us ") for line in kubectl.asked())


def _at(text: str) -> str:
    return f"get --raw /apis/{text}"


QUOTAS = f"get resourcequotas --namespace {SPACE} --output json"
HERE = f"get namespace {SPACE} --output json"


@pytest.mark.parametrize(
    ("question", "answer", "told", "remedy"),
    [
        (_at("opentelemetry.io/v1beta1"), no("NotFound", "the server could not find the resource"),
         "definitions: opentelemetry.io/v1beta1 is not served", "install opentelemetry-operator"),
        (_at("monitoring.coreos.com/v1"), served("monitoring.coreos.com/v1", "PodMonitor"),
         "definitions: monitoring.coreos.com/v1 lacks Alertmanager, Prometheus",
         "install prometheus-operator"),
        (_at("metrics.k8s.io/v1beta1"),
         no("ServiceUnavailable", "the server is currently unable to handle the request"),
         "metrics API: no autoscaler works: /apis/metrics.k8s.io/v1beta1 does not answer (Error"
         " from server (ServiceUnavailable): the server is currently unable to handle the request)",
         "install metrics-server"),
        ("get storageclasses --output json", items(storage_class("slow", "false")),
         "storage: no StorageClass is the default; the cluster has slow", "storage_class"),
        (keys_of("mimir"), no("NotFound", 'secrets "mimir" not found'),
         f"secrets: {SPACE}/mimir is missing",
         f"kubectl -n {SPACE} create secret generic mimir --from-file=token"),
        (keys_of("alerting"), said("other\n"), f"secrets: {SPACE}/alerting lacks pagerduty_key",
         "add to it: pagerduty_key"),
        (keys_of("otlp", "shop"), said("otlp_cert.pem\n"), "secrets: shop/otlp lacks otlp_token",
         "kubectl -n shop edit secret"),
        (QUOTAS, items(quota("teams", **{"requests.memory": "8Gi"})),
         "quota: teams allows requests.memory 8Gi, and ", "raise it"),
        (QUOTAS, items(quota("teams", cpu="1")), "quota: teams allows cpu 1, and ", "raise it"),
        (QUOTAS, items(quota("teams", **{"limits.cpu": "100"})),
         "quota: teams requires limits.cpu of every pod, and pods here set none", "LimitRange"),
    ],
)  # fmt: skip
def test_what_a_cluster_lacks(
    question: str,
    answer: dict[str, Any],
    told: str,
    remedy: str,
    tmp_path: Path,
    kubectl: FakeKubectl,
) -> None:
    kubectl.answer({question: answer})
    findings = found(tmp_path, SECRETS)
    (line,) = lines(findings, "fail")
    assert line.startswith(told)
    (failed,) = [one for one in findings if one.level == "fail"]
    assert remedy in failed.remedy


def test_a_storage_class_that_is_named_must_be_there(tmp_path: Path, kubectl: FakeKubectl) -> None:
    named = "kubernetes: {prometheus: {storage_class: fast}, derive: {storage_class: quick}}"
    assert lines(found(tmp_path, named), "fail") == [
        "storage: there is no StorageClass quick; the cluster has fast, slow"
    ]


def test_without_the_namespace_its_secrets_are_to_be_made(
    tmp_path: Path, kubectl: FakeKubectl
) -> None:
    kubectl.answer({HERE: no("NotFound", f'namespaces "{SPACE}" not found')})
    findings = found(tmp_path, SECRETS)
    told = lines(findings, "fail")
    assert told[0] == f"namespace: there is no namespace {SPACE}"
    assert told[1:] == [f"secrets: {SPACE}/{name} is missing" for name in sorted(KEYS)]
    # Nothing is asked of what cannot be there.
    assert not [line for line in kubectl.asked() if f"--namespace {SPACE}" in line]


def test_who_may_not_see_the_namespace_is_told_of_what_is_in_it(
    tmp_path: Path, kubectl: FakeKubectl
) -> None:
    kubectl.answer(
        {
            HERE: no("Forbidden", f'namespaces "{SPACE}" is forbidden'),
            keys_of("mimir"): no("NotFound", 'secrets "mimir" not found'),
            QUOTAS: items(quota("teams", cpu="1")),
        }
    )
    findings = found(tmp_path, SECRETS)
    (unseen,) = lines(findings, "warn")
    assert unseen.startswith(f"namespace: cannot look at the namespace {SPACE}: ")
    missing, tight = lines(findings, "fail")
    assert missing == f"secrets: {SPACE}/mimir is missing"
    assert tight.startswith("quota: teams allows cpu 1, and ")


def test_no_metrics_are_needed_where_nothing_scales(tmp_path: Path, kubectl: FakeKubectl) -> None:
    kubectl.answer({_at("metrics.k8s.io/v1beta1"): no("NotFound", "none")})
    fixed = "kubernetes: {derive: {replicas: 2, most: 2}, sample: {replicas: 2, most: 2}}"
    assert lines(found(tmp_path, fixed), "fail") == []


def test_what_may_not_be_looked_at_is_no_fault(tmp_path: Path, kubectl: FakeKubectl) -> None:
    forbidden = no("Forbidden", 'nodes is forbidden: User "me" cannot list resource')
    questions = ("get storageclasses --output json", QUOTAS, keys_of("cassandra"),
                 "get nodes --output json")  # fmt: skip
    kubectl.answer(dict.fromkeys(questions, forbidden))
    findings = found(tmp_path)
    assert lines(findings, "fail") == []
    assert [line.partition(":")[0] for line in lines(findings, "warn")] == [
        "storage", "secrets", "quota", "nodes",
    ]  # fmt: skip
    assert all("(Forbidden)" in line for line in lines(findings, "warn"))


def test_few_nodes_are_a_warning(tmp_path: Path, kubectl: FakeKubectl) -> None:
    kubectl.answer({"get nodes --output json": items(node("3920m", "16Gi"))})
    (line,) = lines(found(tmp_path), "warn")
    assert line.startswith("nodes: 1 with 4 cores and 16 GiB; ")


def test_a_load_that_the_section_is_too_small_for(tmp_path: Path, kubectl: FakeKubectl) -> None:
    findings = found(tmp_path, rate=3e9)
    told = lines(findings, "fail")
    assert any(line.startswith("capacity: kubernetes.derive.most: ") for line in told)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (said("", "E1127 memcache.go:265] not this\n\nThe connection was refused\n", 1),
         "cluster: context shop-eu: The connection was refused"),
        (said("", "", 1), "cluster: context shop-eu: exit code 1"),
        (said({"major": "1", "minor": "29", "gitVersion": "v1.29.9"}),
         "cluster: context shop-eu, Kubernetes v1.29.9: 1.30 is the oldest that knows preStop with"
         " sleep"),
        (said("v1.10"),
         "cluster: context shop-eu: kubectl does not answer with JSON"),
    ],
)  # fmt: skip
def test_a_cluster_that_cannot_be_used(
    answer: dict[str, Any], told: str, tmp_path: Path, kubectl: FakeKubectl
) -> None:
    kubectl.answer({"get --raw /version": answer})
    findings = found(tmp_path)
    assert lines(findings, "fail") == [told]
    # What needs no cluster is said all the same.
    assert {"images", "capacity"} <= {one.check for one in findings}
    assert len(kubectl.asked()) == 2, "nothing more is asked"


def test_without_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lines(found(tmp_path), "fail") == ["kubectl: not on PATH"]


def _run(root: Path, *options: str) -> Result:
    (root / "spec").mkdir(exist_ok=True)
    small_specs.model_of(root / "spec", *PARTS)
    return RUN.invoke(app, ["preflight", "--root", str(root), *options])


def test_the_command_prints_findings_and_fails_on_them(
    tmp_path: Path, kubectl: FakeKubectl
) -> None:
    done = _run(tmp_path, "--format", "json", "--context", "shop-us")
    assert done.exit_code == ExitCode.OK, done.output
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["findings"][0] == {
        "check": "cluster", "level": "ok", "detail": "context shop-us, Kubernetes v1.30.4-eks",
        "remedy": "",
    }  # fmt: skip
    kubectl.answer({keys_of("cassandra"): no("NotFound", "none")})
    done = _run(tmp_path)
    assert done.exit_code == ExitCode.FINDINGS
    assert f"{SPACE}/cassandra is missing" in done.stdout
    assert "create secret generic cassandra --from-file=password" in " ".join(done.stdout.split())


@pytest.mark.usefixtures("kubectl")
def test_options_that_would_do_nothing_are_refused(tmp_path: Path) -> None:
    done = _run(tmp_path, "--test-alert")
    assert isinstance(done.exception, ImsobsError)
    assert done.exception.exit_code is ExitCode.INPUT
    assert "checks a cluster" in done.exception.message
    done = _run(tmp_path, "--machine", "--context", "x")
    assert isinstance(done.exception, ImsobsError)
    assert "checks a machine" in done.exception.message


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", "0.5"), ("1Gi", "1073741824"), ("2k", "2000"), ("3", "3"), ("1.5e3", "1500"),
     ("12E", "12000000000000000000"), ("-1", "-1")],
)  # fmt: skip
def test_quantities_are_read_as_kubernetes_reads_them(text: str, number: str) -> None:
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "1 Gi", "1KI", "Gi"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(text)
