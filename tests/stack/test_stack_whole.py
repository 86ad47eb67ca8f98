"""The whole compose stack: one request of the demo gateway, found everywhere by its trace id."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docker
import httpx
import pytest
import yaml
from stack.containers import eventually, find_image
from stack.projects import Compose, project_of
from stack.signals import new_trace_id

from imsobs.runtime import secrets as stack_secrets

SERVICES = ("otelcol", "prometheus", "alertmanager", "jaeger", "loki", "promtail", "gateway")
# Short intervals, so that a test need not wait for what production has time for.
FAST = {
    "scrape": {"interval": "2s", "timeout": "2s"},
    "collector": {"probe_interval": "2s"},
    "sampling": {"slow": "1s", "decision_wait": "2s"},
}
ENVIRONMENT = {
    # Every trace is kept, and next to no traffic but the test's own.
    "TRACE_SAMPLING_RATE": "1",
    "IMSOBS_DEMO_OPTIONS": "--steady 0 --hostile 0 --rate 0.001",
}
KEPT = "ims_kept_request_duration_seconds"


@dataclass(frozen=True)
class Request:
    """A request that the gateway answered. seconds: when it was sent (Unix time)."""

    compose: Compose
    trace_id: str
    seconds: float


@pytest.fixture(scope="module")
def compose(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compose]:
    root = tmp_path_factory.mktemp("whole") / "project"
    with project_of(engine, root, SERVICES, FAST, dict(ENVIRONMENT)) as project:
        # Which port it has is known only now.
        port = project.ports["gateway"]["http"]
        project.env["IMSOBS_SERVICE_URL"] = f"http://gateway.stack:{port}"
        project.up()
        yield project


@pytest.fixture(scope="module")
def request_sent(compose: Compose) -> Request:
    trace_id = new_trace_id()
    sent = time.time()
    answer = httpx.post(
        compose.url("gateway", "http", "/v1/generate"),
        json={"prompt": "say something", "max_tokens": 16},
        headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return Request(compose, trace_id, sent)


def ask(compose: Compose, name: str, path: str, **params: str) -> Any:
    """Return the data of an answer, of Prometheus, Loki or Jaeger."""
    answer = httpx.get(compose.url(name, "http", path), params=params, timeout=10)
    return answer.json().get("data")


def test_it_is_in_jaeger(request_sent: Request) -> None:
    path = f"/api/traces/{request_sent.trace_id}"
    (trace,) = eventually(lambda: ask(request_sent.compose, "jaeger", path), 60)
    names = {span["operationName"] for span in trace["spans"]}
    assert "POST /v1/generate" in names
    assert any(name.startswith("chat ") for name in names)


def test_it_is_in_loki(request_sent: Request) -> None:
    query = f'{{service_name="ims-core"}} | trace_id="{request_sent.trace_id}"'

    def records() -> list[dict[str, str]]:
        path = "/loki/api/v1/query_range"
        data = ask(request_sent.compose, "loki", path, query=query, since="1h")
        return [stream["stream"] for stream in data["result"]]

    found = eventually(lambda: [r for r in records() if r.get("event") == "model_selected"], 60)
    assert found[0]["deployment_environment_name"] == "development"
    assert found[0]["vendor"]


def test_it_is_in_prometheus(request_sent: Request) -> None:
    """By an exemplar of its duration, and in the counters that know no ids."""
    compose = request_sent.compose
    start = str(request_sent.seconds - 60)

    def exemplar() -> bool:
        data = ask(
            compose, "prometheus", "/api/v1/query_exemplars",
            query=f"{KEPT}_bucket", start=start, end=str(time.time() + 60),
        )  # fmt: skip
        found = [x["labels"] for series in data for x in series["exemplars"]]
        return any(labels.get("trace_id") == request_sent.trace_id for labels in found)

    eventually(exemplar, 60)
    query = 'ims_requests_total{route="/v1/generate", status_class="2xx"}'
    counted = eventually(
        lambda: ask(compose, "prometheus", "/api/v1/query", query=query)["result"], 60
    )
    assert counted[0]["metric"]["service_name"] == "ims-core"


def test_every_target_is_up_and_the_service_is_probed(compose: Compose) -> None:
    def up() -> bool:
        result = ask(compose, "prometheus", "/api/v1/query", query="up")["result"]
        states = {row["metric"]["job"]: row["value"][1] for row in result}
        # Grafana is not among the services here.
        states.pop("grafana", None)
        jobs = {"ims-metrics", "ims-processes", "ims-state", "otelcol"}
        jobs |= {"prometheus", "alertmanager", "jaeger", "loki"}
        return states == dict.fromkeys(jobs, "1")

    eventually(up, 60)
    query = 'ims_health_status{component="database"}'
    rows = eventually(lambda: ask(compose, "prometheus", "/api/v1/query", query=query)["result"])
    assert rows[0]["value"][1] == "1"


def test_a_line_of_a_log_file_arrives_by_promtail(compose: Compose) -> None:
    trace_id = new_trace_id()
    line = {
        "time": datetime.now(UTC).isoformat(), "level": "INFO", "logger": "gateway.app",
        "message": "from the file", "trace_id": trace_id, "span_id": "00f067aa0ba902b7",
    }  # fmt: skip
    with (compose.root / "logs/ims-core.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    query = f'{{service_name="ims-core"}} | trace_id="{trace_id}"'
    path = "/loki/api/v1/query_range"
    (stream,) = eventually(
        lambda: ask(compose, "loki", path, query=query, since="1h")["result"], 60
    )
    assert stream["values"][0][1] == "from the file"


def test_it_is_in_grafana(request_sent: Request, engine: docker.DockerClient) -> None:
    """By its data sources: the trace from Jaeger, the records from Loki."""
    compose = request_sent.compose
    services = yaml.safe_load((compose.root / "stack/compose.yaml").read_text())["services"]
    find_image(engine, services["grafana"]["image"], "grafana")
    done = compose("up", "--detach", "--wait", "grafana")
    assert done.returncode == 0, done.stderr[-3000:]
    auth = httpx.BasicAuth("admin", os.environ[stack_secrets.PASSWORD])
    with httpx.Client(auth=auth, timeout=30, trust_env=False) as admin:
        proxy = compose.url("grafana", "http", "/api/datasources/proxy/uid")
        trace = admin.get(f"{proxy}/jaeger/api/traces/{request_sent.trace_id}").json()
        assert trace["data"][0]["traceID"] == request_sent.trace_id
        query = f'{{service_name="ims-core"}} | trace_id="{request_sent.trace_id}"'
        url = f"{proxy}/loki/loki/api/v1/query_range"
        logs = admin.get(url, params={"query": query, "since": "1h"}).json()
        assert logs["data"]["result"]
