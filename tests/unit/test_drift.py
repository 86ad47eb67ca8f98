"""Drift: what counts as a difference, how it is told, and how the command ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import mistakes
import pytest
import yaml
from alertmanager import ROOT
from native_fakes import executable, path_with
from typer.testing import CliRunner

from imsobs.cli.app import app
from imsobs.compile import read_spec
from imsobs.errors import ImsobsError
from imsobs.model import Model
from imsobs.runtime.drift import processes, prometheus, report, run
from imsobs.runtime.drift.compare import Difference, differences, shown, unfit
from imsobs.runtime.paths import layout_for
from imsobs.runtime.process.plan import load_plan

HOSTILE = "\x1b]0;owned\x07[red]x[/]\u2028"


@pytest.mark.parametrize(
    ("rendered", "running", "found"),
    [
        # Defaults that a program fills in, other spellings, other folders: no difference.
        ({"a": 1}, {"a": 1, "timeout": "10s", "http_config": {"x": True}}, []),
        ({"a": "30d"}, {"a": "720h"}, []),
        ({"a": "1m"}, {"a": "60s"}, []),
        (
            {"rule_files": ["../alerts/rules/*.yaml"]},
            {"rule_files": ["/x/alerts/rules/*.yaml"]},
            [],
        ),
        ({"matchers": ["b", "a"]}, {"matchers": ["a", "b"]}, []),
        ({"a": None, "b": False, "c": ""}, {}, []),
        ({"a": 1}, {"a": "1"}, []),
        # Differences.
        ({"a": "30d"}, {"a": "15d"}, [("a",)]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a", "b")]),
        ({"a": {"b": 1}}, {}, [("a",)]),
        ({"a": 1}, {"a": 1, "remote_write": [{"url": "x"}]}, [("remote_write",)]),
        ({"order": ["b", "a"]}, {"order": ["a", "b"]}, [("order", 0), ("order", 1)]),
        ({"l": [1]}, {"l": [1, 2]}, [("l", 1)]),
        ({"l": [1, 2]}, {"l": [1]}, [("l", 1)]),
        (
            {"jobs": [{"job_name": "a", "x": 1}, {"job_name": "b"}]},
            {"jobs": [{"job_name": "c"}, {"job_name": "a", "x": 2}]},
            [("jobs", "a", "x"), ("jobs", "b"), ("jobs", "c")],
        ),
    ],
)
def test_a_difference_is_what_was_rendered_and_is_not_there_or_a_section_besides(
    rendered: Any, running: Any, found: list[tuple[str | int, ...]]
) -> None:
    assert [path for path, _, _ in differences(rendered, running)] == found


@pytest.mark.parametrize(
    ("wanted", "running", "is_unfit"),
    [
        ("3.16.0", "3.16.0", False),
        ("3.16.0", "3.17.1", False),
        ("3.16.0", "3.15.9", True),
        ("3.16.0", "4.0.0", True),
    ],
)
def test_versions_fit_as_they_do_for_up(wanted: str, running: str, is_unfit: bool) -> None:
    assert unfit(wanted, running) is is_unfit


def test_a_difference_is_told_from_both_sides() -> None:
    assert Difference("x", "flag", "1", "2").line == "x: flag: 1 is rendered, 2 runs"
    assert Difference("x", "job", "one", "").line == "x: job: one is rendered, and does not run"
    assert Difference("x", "job", "", "one").line == "x: job: one runs, and is not rendered"
    assert len(shown({str(n): "v" * 50 for n in range(9)})) == 80


def test_rules_of_a_stack_that_runs_them_are_the_rendered_ones(model: Model) -> None:
    """Only the failing one is told; and every rule knows its place in the spec."""
    rules = prometheus.rendered_rules(ROOT)
    assert {rule.name for rule in rules if rule.alert} >= {"CriticalErrorRate", "Watchdog"}
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        groups.setdefault(rule.group, []).append(
            {
                "name": rule.name, "type": "alerting" if rule.alert else "recording",
                "query": rule.expr, "duration": rule.held, "keepFiringFor": rule.kept,
                "labels": dict(rule.labels), "annotations": dict(rule.annotations),
                "lastError": "many-to-many" if rule.name == "CriticalErrorRate" else "",
            }
        )  # fmt: skip
    answers = {
        "/api/v1/rules": {"groups": [{"name": n, "rules": r} for n, r in groups.items()]},
        "/api/v1/status/config": {"yaml": (ROOT / "stack/prometheus.yaml").read_text()},
        "/api/v1/status/flags": {"storage.tsdb.retention.time": "30d"},
        "/api/v1/status/buildinfo": {"version": "3.16.0"},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/format_query":
            return httpx.Response(200, json={"data": request.url.params["query"]})
        return httpx.Response(200, json={"data": answers[request.url.path]})

    args = ["--storage.tsdb.retention.time=720h", "--web.cors.origin=none"]
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        found = list(prometheus.drift(client, "http://p/", ROOT, model, args, "3.16.0"))
    assert [(one.subject, one.spec) for one in found] == [
        ("rule CriticalErrorRate fails: many-to-many", ("alerts", "CriticalErrorRate"))
    ]
    assert prometheus.path_of(model, "nothing") == ()


def test_a_component_that_does_not_answer_is_told(model: Model) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(503))) as client:
        (one,) = prometheus.drift(client, "http://p", ROOT, model, [], "3.16.0")
        (two,) = processes.loki(client, "http://l", ROOT)
    assert one.line == "prometheus: API: an answer is rendered, none runs"
    assert two.component == "loki"


FOUND = [
    Difference("prometheus", f"alert X: {HOSTILE}", "", "", ("alerts", "CriticalErrorRate")),
    Difference("files", "a.yaml", "one", ""),
]


def invoke(*words: str) -> tuple[int, str, str]:
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["drift", *words, "--root", str(ROOT)])
    return done.exit_code, done.stdout, done.stderr


def test_drift_ends_with_1_and_names_the_line_of_the_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMSOBS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(run, "collect", lambda *_: FOUND)
    code, out, err = invoke()
    assert code == 1
    first, second = out.splitlines()
    assert "spec/ims.yaml:" in first
    assert first.endswith("alerts.CriticalErrorRate")
    assert "\x1b" not in out
    assert "[red]x[/]" in first
    assert second == "files: a.yaml: one is rendered, and does not run"
    assert err.startswith("2 differences")
    code, out, _ = invoke("--format", "json")
    data = json.loads(out)
    assert (code, data["drift"]) == (1, True)
    assert data["differences"][0]["spec"] == ["alerts", "CriticalErrorRate"]
    assert data["differences"][0]["line"] > 1
    monkeypatch.setattr(run, "collect", lambda *_: [])
    assert invoke()[0] == 0
    assert invoke("--quiet") == (0, "", "")


DOCKER = """#!/bin/sh
case "$*" in
  *"config --hash"*) printf 'jaeger new\\nloki new\\notelcol same\\n' ;;
  *" ps "*) echo '[{"Service": "jaeger", "ID": "j"}, {"Service": "otelcol", "ID": "o"}]' ;;
  inspect*) echo same ;;
esac
"""


def test_containers_are_compared_by_what_they_were_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Model
) -> None:
    monkeypatch.setenv("IMSOBS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("GRAFANA_ADMIN_PASSWORD", "for-tests")
    layout = layout_for(ROOT)
    with pytest.raises(ImsobsError, match="the stack is down"):
        run.collect(load_plan(ROOT), layout, model)
    executable(tmp_path / "bin/docker", DOCKER)
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    found = list(processes.containers(layout))
    assert [(one.component, one.rendered) for one in found] == [
        ("jaeger", "another definition, image or configuration"),
        ("loki", "one"),
    ]


@pytest.fixture
def reporting(tmp_path: Path) -> Model:
    """A spec that uses the pack drift."""
    spec = yaml.safe_load(mistakes.SPEC.read_text())
    spec["use"] = ["drift"]
    spec["alerting"]["groups"]["drift"] = {"team": "web"}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    compiled = read_spec([tmp_path / "spec.yaml"])
    assert compiled.model is not None, compiled.lines()
    return compiled.model


def _collector(monkeypatch: pytest.MonkeyPatch, code: int) -> list[httpx.Request]:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(code, json={})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    monkeypatch.setattr(report, "loopback_client", lambda _: client)
    return asked


@pytest.mark.parametrize("environment", [None, "production"])
def test_a_report_is_an_event_with_the_number_and_the_lines(
    reporting: Model, monkeypatch: pytest.MonkeyPatch, environment: str | None
) -> None:
    monkeypatch.delenv("IMSOBS_ENVIRONMENT", raising=False)
    if environment:
        monkeypatch.setenv("IMSOBS_ENVIRONMENT", environment)
    asked = _collector(monkeypatch, 200)
    report.report([Difference("prometheus", "flag x", "30d", "2d")], reporting)
    (request,) = asked
    port = reporting.spec.stack.otelcol.ports.otlp_http
    assert str(request.url) == f"http://127.0.0.1:{port}/v1/logs"
    (resource,) = json.loads(request.content)["resourceLogs"]
    told = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
    assert told == {
        "service.name": "orders",
        "deployment.environment.name": environment or "staging",
    }
    (record,) = resource["scopeLogs"][0]["logRecords"]
    values = {a["key"]: a["value"] for a in record["attributes"]}
    assert values == {
        "event": {"stringValue": "configuration_compared"},
        "differences": {"intValue": "1"},
    }
    text = "prometheus: flag x: 30d is rendered, 2d runs"
    assert record["body"] == {"stringValue": text}


def test_a_run_without_differences_reports_too(
    reporting: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _collector(monkeypatch, 200)
    report.report([], reporting)
    assert b'"intValue":"0"' in asked[0].content.replace(b" ", b"")


def test_a_report_that_is_not_taken_fails(
    reporting: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _collector(monkeypatch, 503)
    with pytest.raises(ImsobsError, match="does not take the report") as refused:
        report.report([], reporting)
    assert refused.value.exit_code == 3
    (tmp_path / "plain.yaml").write_text(mistakes.SPEC.read_text())
    plain = read_spec([tmp_path / "plain.yaml"]).model
    assert plain is not None
    with pytest.raises(ImsobsError, match="no event configuration_compared") as unknown:
        report.report([], plain)
    assert (unknown.value.remedy, unknown.value.exit_code) == ("add drift to use", 2)
