"""Requests arrive and the calls that they cause do not: status and an alert say so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from golden import otlp
from native.conftest import FAST, eventually
from native.project import rendered_project

from imsobs.runtime.process.stack import RunningStack, running_stack

pytestmark = pytest.mark.native
QUICK = {"alerts": {"InstrumentationMissing": {"for": "4s"}}}
REQUEST = {
    "kind": "server",
    "attributes": {
        "http.request.method": "POST",
        "http.route": "/v1/generate",
        "http.response.status_code": 200,
    },
}
CALL = {
    "kind": "client",
    "scope": "opentelemetry.instrumentation.genai.openai",
    "attributes": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
    },
}
HIT = {"event": "cache_lookup", "cache": "response", "result": "hit", "duration_seconds": 0.001}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A Collector, Prometheus and Alertmanager, with the spec's own expectations."""
    folder = tmp_path_factory.mktemp("seen")
    project = rendered_project(folder / "project", FAST, QUICK)
    names = ("otelcol", "prometheus", "alertmanager")
    with running_stack(project, folder / "state", only=names) as stack:
        yield stack


def send(live: RunningStack, kind: str, body: dict[str, Any]) -> None:
    url = f"http://127.0.0.1:{live.port('otelcol', 'otlp_http')}/v1/{kind}"
    httpx.post(url, json=body).raise_for_status()


def served(live: RunningStack, environment: str, requests: int, calls: int, hits: int = 0) -> None:
    """Have a service answer requests, of which a cache and a model answer some."""
    whose = {"deployment.environment.name": environment}
    spans = [
        {**span, "count": count, "resource": whose}
        for span, count in ((REQUEST, requests), (CALL, calls))
        if count
    ]
    send(live, "traces", otlp.traces("ims-core", spans))
    if hits:
        records = [{"attributes": HIT, "count": hits, "resource": whose}]
        send(live, "logs", otlp.logs("ims-core", records))


def asked(live: RunningStack, *options: str) -> str:
    """Return what `imsobs status` prints."""
    command = [sys.executable, "-m", "imsobs", "status", "--root", str(live.layout.root), *options]
    environment = {**os.environ, "IMSOBS_STATE": str(live.layout.state), "COLUMNS": "400"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    ).stdout


def counted(live: RunningStack) -> dict[tuple[str, str], tuple[int, int]]:
    """Return environment and metric -> how many were expected and seen, as status tells."""
    rows = json.loads(asked(live, "--format", "json"))["telemetry"]["expected"]
    return {(r["environment"], r["metric"]): (r["causes"], r["seen"]) for r in rows}


def firing(live: RunningStack) -> set[tuple[str, str]]:
    """Return environment and metric of the alerts that Alertmanager has."""
    url = f"http://127.0.0.1:{live.port('alertmanager', 'http')}/api/v2/alerts"
    wanted = {"filter": 'alertname="InstrumentationMissing"', "active": "true"}
    labels = [alert["labels"] for alert in httpx.get(url, params=wanted).json()]
    return {(one["deployment_environment_name"], one["metric"]) for one in labels}


def becomes(got: Callable[[], Any], wanted: Any) -> None:
    def same() -> bool:
        assert got() == wanted
        return True

    eventually(same, 45)


def test_what_never_came_is_told_in_whole_numbers(live: RunningStack) -> None:
    assert "expected sources" in asked(live)
    served(live, "production", requests=57, calls=0)
    served(live, "staging", requests=30, calls=20, hits=10)
    served(live, "development", requests=25, calls=0, hits=25)
    calls, selections = "ims_model_calls_total", "ims_model_selections_total"
    commands = "ims_cache_command_duration_seconds"
    becomes(
        lambda: counted(live),
        {
            ("production", calls): (57, 0),
            ("staging", calls): (20, 20),
            ("development", calls): (0, 0),
            ("staging", selections): (20, 0),
            ("staging", commands): (10, 0),
            ("development", commands): (25, 0),
        },
    )
    line = (
        "0 of ims_model_calls_total from ims-core in production, beside 57 of"
        ' ims_requests_total{method="POST", route="/v1/generate", status_class="2xx"}'
    )
    told = [row for row in asked(live).splitlines() if row.startswith("never seen")]
    assert sum(line in row for row in told) == 1
    assert len(told) == 4
    becomes(
        lambda: firing(live),
        {
            ("production", calls),
            ("staging", selections),
            ("staging", commands),
            ("development", commands),
        },
    )


def test_one_call_that_is_seen_ends_it(live: RunningStack) -> None:
    served(live, "production", requests=0, calls=1)
    becomes(lambda: ("production", "ims_model_calls_total") in firing(live), False)
    assert counted(live)["production", "ims_model_calls_total"] == (57, 1)
