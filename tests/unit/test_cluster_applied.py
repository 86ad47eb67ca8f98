"""imsobs verify --cluster: what runs of the rendered files, by kubectl and by Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import small_specs
import yaml
from click.testing import Result
from fake_kubectl import FakeKubectl, no, said
from kubernetes_specs import STORES, objects
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.compile import render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.cluster import applied
from imsobs.runtime.cluster import kubectl as kubectls
from imsobs.runtime.doctor import Finding
from imsobs.runtime.drill.server import serving

RUN = CliRunner()
Pages = dict[str, bytes]
SPACE = "shop-observability"
PARTS = (small_specs.PARTS["spans"], small_specs.PARTS["the pack pipeline"], STORES)
SETS = {
    "derive-collector": 2, "sample-collector": 2, "prometheus-main": 2,
    "alertmanager-main": 3, "jaeger": 2, "loki": 3,
}  # fmt: skip
JOBS = ("shop-metrics", "otelcol", "prometheus", "alertmanager", "jaeger", "loki")


def stateful_set(replicas: int, ready: int, updated: int | None = None) -> dict[str, Any]:
    """Return a StatefulSet as the API server has it."""
    status = {"replicas": replicas, "updatedReplicas": ready if updated is None else updated}
    # Of none, the server says nothing.
    ready_pods = {"readyReplicas": ready} if ready else {}
    return said({"spec": {"replicas": replicas}, "status": {**status, **ready_pods}})


def operated(status: str = "True", seen: int = 3, message: str = "") -> dict[str, Any]:
    """Return an object of prometheus-operator that has changed twice."""
    conditions = [
        {"type": "Available", "status": "True", "observedGeneration": seen},
        {"type": "Reconciled", "status": status, "observedGeneration": seen, "message": message},
    ]
    return said({"metadata": {"generation": 3}, "status": {"conditions": conditions}})


def of(name: str) -> str:
    return f"get statefulset.apps {name} --namespace {SPACE} --output json"


PROMETHEUS = f"get prometheus.monitoring.coreos.com main --namespace {SPACE} --output json"
ALERTMANAGER = f"get alertmanager.monitoring.coreos.com main --namespace {SPACE} --output json"
FORWARD = f"port-forward --namespace {SPACE} --address 127.0.0.1 service/prometheus-operated :9090"
WELL: dict[str, Any] = {
    "config current-context": said("shop-eu\n"),
    "get --raw /version": said({"major": "1", "minor": "36", "gitVersion": "v1.36.3"}),
    PROMETHEUS: operated(),
    ALERTMANAGER: operated(),
    **{of(name): stateful_set(count, count) for name, count in SETS.items()},
}


class Heard:
    """What Prometheus says. down: job -> its error; rules: those that are loaded."""

    def __init__(self, pages: Pages) -> None:
        self.jobs: dict[str, str] = dict.fromkeys(JOBS, "")
        self.rules = [
            rule
            for one in objects(pages)
            if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("rules-")
            for text in one["data"].values()
            for group in yaml.safe_load(text)["groups"]
            for rule in group["rules"]
        ]
        self.alertmanagers, self.received, self.ill = 3, "250", ""

    def answer(self, path: str, query: str) -> Any:
        """Return the data of an answer."""
        match path.removeprefix("/api/v1/"):
            case "targets":
                return {"activeTargets": [self._target(*job) for job in self.jobs.items()]}
            case "rules":
                return {"groups": [{"name": "all", "rules": [self._rule(r) for r in self.rules]}]}
            case "alertmanagers":
                return {"activeAlertmanagers": [{"url": "x"}] * self.alertmanagers}
            case "alerts":
                fires = [rule for rule in self.rules if rule.get("alert") == "Watchdog"]
                named = {"alertname": "Watchdog"}
                return {"alerts": [{"labels": named, "state": "firing"} for _ in fires]}
            case "query" if query.startswith("sum(otelcol_receiver_accepted_"):
                row = {"metric": {}, "value": [1, self.received]}
                return {"resultType": "vector", "result": [row] if self.received else []}
        raise AssertionError(f"nobody should ask {path} {query}")

    def _target(self, job: str, error: str) -> dict[str, Any]:
        health = "down" if error else "up"
        return {"labels": {"job": job}, "health": health, "lastError": error, "scrapeUrl": "x"}

    def _rule(self, rule: dict[str, Any]) -> dict[str, Any]:
        alert = "alert" in rule
        found = {"name": rule.get("alert") or rule["record"], "query": rule["expr"]}
        ill = {"lastError": self.ill} if self.ill and not alert else {}
        return {**found, "type": "alerting" if alert else "recording", **ill}


@contextmanager
def answering(heard: Heard) -> Iterator[int]:
    """Serve what Prometheus says; yield its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = parse_qs(asked.query).get("query", [""])[0]
            body = {"status": "success", "data": heard.answer(asked.path, query)}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None: ...

    with serving(Handler) as server:
        yield server.server_port


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "spec").mkdir()
    return root


@pytest.fixture(scope="module")
def pages(project: Path) -> Pages:
    return render_model(small_specs.model_of(project / "spec", *PARTS))


@pytest.fixture
def heard(pages: Pages) -> Heard:
    return Heard(pages)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKubectl:
    folder = tmp_path / "bin"
    folder.mkdir()
    return FakeKubectl(folder, monkeypatch, WELL)


Findings = tuple[list[str], list[Finding]]


def found(pages: Pages, port: int | None = None) -> Findings:
    """Return what is well, and what failed. port: of Prometheus; None: kubectl forwards one."""
    url = None if port is None else f"http://127.0.0.1:{port}"
    told = applied.examine(pages, kubectls.found(None), url)
    failed = [one for one in told if one.level == "fail"]
    assert all(one.remedy for one in failed)
    return [f"{one.check}: {one.detail}" for one in told if one.level == "ok"], failed


def one_failure(pages: Pages, heard: Heard) -> tuple[str, str]:
    """Return the one thing that is wrong, and its remedy."""
    with answering(heard) as port:
        _, (one,) = found(pages, port)
    return f"{one.check}: {one.detail}", one.remedy


def test_a_cluster_that_does_what_the_files_say(
    pages: Pages, heard: Heard, kubectl: FakeKubectl
) -> None:
    with answering(heard) as port:
        said_by = f"Forwarding from 127.0.0.1:{port} -> 9090\n"
        kubectl.answer({FORWARD: said(said_by)})
        well, failed = found(pages)
    assert failed == []
    assert well == [
        "cluster: context shop-eu, Kubernetes v1.36.3",
        "objects: Prometheus main is reconciled",
        "objects: Alertmanager main is reconciled",
        *(f"pods: {name}: {SETS[name]} of {SETS[name]} ready" for name in (
            "jaeger", "loki", "derive-collector", "sample-collector", "prometheus-main",
            "alertmanager-main",
        )),
        *(f"targets: {job}: 1 up" for job in JOBS),
        f"rules: {len(heard.rules)} are loaded and evaluated",
        "alerting: Prometheus sends to 3 of 3 Alertmanagers",
        "alerting: Watchdog fires, as it always must",
        "series: received: 250 spans, 250 log records, 250 metric points",
    ]  # fmt: skip
    assert kubectl.asked()[-1] == FORWARD


@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        (PROMETHEUS, no("NotFound", "none"), "objects: there is no Prometheus main"),
        (PROMETHEUS, operated(seen=2),
         "objects: Prometheus main: prometheus-operator has not looked at it since it changed"),
        (ALERTMANAGER, said({"metadata": {"generation": 1}}),
         "objects: Alertmanager main: prometheus-operator has not looked at it since it changed"),
        (ALERTMANAGER, operated("False", message="no Secret alerting"),
         "objects: Alertmanager main: no Secret alerting"),
        (of("sample-collector"), no("NotFound", "none"),
         "pods: StatefulSet sample-collector is not there"),
        (of("loki"), no("Forbidden", "not you"),
         "pods: StatefulSet loki cannot be looked at: Error from server (Forbidden): not you"),
        (of("prometheus-main"), stateful_set(2, 1), "pods: prometheus-main: 1 of 2 ready, 1 not"
         " replaced yet"),
        (of("jaeger"), stateful_set(2, 0, 2), "pods: jaeger: 0 of 2 ready"),
        (of("derive-collector"), stateful_set(1, 1),
         "pods: derive-collector has 1 pods, 2 are rendered"),
    ],
)  # fmt: skip
def test_what_kubectl_shows_to_be_wrong(
    question: str,
    answer: dict[str, Any],
    told: str,
    pages: Pages,
    heard: Heard,
    kubectl: FakeKubectl,
) -> None:
    kubectl.answer({question: answer})
    assert one_failure(pages, heard)[0] == told
    kubectl.asked()


def test_more_pods_than_the_least_are_the_autoscalers(
    pages: Pages, heard: Heard, kubectl: FakeKubectl
) -> None:
    kubectl.answer({of("derive-collector"): stateful_set(5, 5)})
    with answering(heard) as port:
        well, failed = found(pages, port)
    assert failed == []
    assert "pods: derive-collector: 5 of 5 ready" in well


@pytest.mark.usefixtures("kubectl")
def test_what_prometheus_shows_to_be_wrong(pages: Pages, heard: Heard) -> None:
    heard.jobs["loki"] = "connection refused"
    told, remedy = one_failure(pages, heard)
    assert told == "targets: loki: 1 of 1 are not up (connection refused)"
    assert "NetworkPolicies" in remedy
    del heard.jobs["loki"]
    assert one_failure(pages, heard)[0] == "targets: loki has none"
    heard.jobs["loki"] = ""
    heard.alertmanagers = 2
    assert one_failure(pages, heard)[0] == "alerting: Prometheus sends to 2 of 3 Alertmanagers"
    heard.alertmanagers, heard.received = 3, ""
    assert one_failure(pages, heard)[0] == "series: no service has sent anything"
    heard.received = "1"
    alerts = [rule for rule in heard.rules if rule.get("alert") == "TargetDown"]
    heard.rules = [rule for rule in heard.rules if rule not in alerts]
    assert one_failure(pages, heard)[0] == "rules: 1 are not loaded: TargetDown"


@pytest.mark.usefixtures("kubectl")
def test_no_rule_is_loaded_or_all_of_them_fail(pages: Pages, heard: Heard) -> None:
    heard.ill = "many-to-many matching"
    with answering(heard) as port:
        _, failed = found(pages, port)
    assert {one.check for one in failed} == {"rules"}
    assert all(one.detail.endswith(": many-to-many matching") for one in failed)
    number, heard.rules = len(heard.rules), []
    with answering(heard) as port:
        _, failed = found(pages, port)
    rules, watchdog = failed
    assert rules.detail.startswith(f"{number} are not loaded: ")
    assert rules.detail.endswith(f" and {number - 5} more")
    assert watchdog.detail == "Watchdog does not fire: rules are not evaluated"


def test_a_kubectl_that_forwards_nothing_and_says_nothing(
    pages: Pages, kubectl: FakeKubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubectls, "_FORWARD_SECONDS", 0.5)
    kubectl.answer({FORWARD: said()})
    _, (one,) = found(pages)
    assert one.detail == "no port is forwarded to prometheus-operated: kubectl says nothing"


def test_a_port_that_cannot_be_forwarded(pages: Pages, kubectl: FakeKubectl) -> None:
    refused = 'Error from server (NotFound): services "prometheus-operated" not found\n'
    kubectl.answer({FORWARD: said(refused, code=1)})
    _, (one,) = found(pages)
    assert one.detail == f"no port is forwarded to prometheus-operated: {refused.strip()}"
    assert one.remedy == "name its address with --prometheus"


@pytest.mark.usefixtures("kubectl")
def test_a_prometheus_that_does_not_answer(pages: Pages) -> None:
    _, (one,) = found(pages, 9)
    assert one.detail == "it does not answer at http://127.0.0.1:9"


def test_without_kubectl_prometheus_is_still_asked(
    pages: Pages, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with answering(heard) as port:
        well, failed = found(pages, port)
    assert [one.detail for one in failed] == ["not on PATH"]
    assert well[-1].startswith("series: ")
    well, failed = found(pages)
    assert (well, len(failed)) == ([], 1)


def _run(root: Path, *options: str) -> Result:
    return RUN.invoke(app, ["verify", "--root", str(root), *options])


@pytest.mark.usefixtures("pages")
def test_the_command_prints_findings_and_fails_on_them(
    project: Path, heard: Heard, kubectl: FakeKubectl
) -> None:
    with answering(heard) as port:
        kubectl.answer({FORWARD: said(f"Forwarding from 127.0.0.1:{port} -> 9090\n")})
        done = _run(project, "--cluster", "--format", "json")
        assert done.exit_code == ExitCode.OK
        assert json.loads(done.stdout)["ok"] is True
        kubectl.answer({of("jaeger"): stateful_set(2, 1)})
        options = ("--context", "shop-us", "--prometheus", f"http://127.0.0.1:{port}")
        done = _run(project, "--cluster", "--format", "json", *options)
    assert done.exit_code == ExitCode.FINDINGS
    assert json.loads(done.stdout)["ok"] is False
    asked = kubectl.asked()
    assert asked[-1].startswith("--context shop-us ")
    assert sum("port-forward" in line for line in asked) == 1


@pytest.mark.usefixtures("pages")
def test_what_a_cluster_is_asked_for_is_refused_of_a_machine(project: Path, tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    small_specs.model_of(tmp_path / "spec", small_specs.PARTS["spans"])
    done = _run(tmp_path, "--cluster")
    assert isinstance(done.exception, ImsobsError)
    assert done.exception.message == "the spec has no section kubernetes"
    done = _run(project, "--context", "x")
    assert isinstance(done.exception, ImsobsError)
    assert done.exception.remedy == "add --cluster"
