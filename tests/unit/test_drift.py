"""Drift: what counts as a difference, how it is told, and how the command ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from alertmanager import ROOT
from native_fakes import executable, path_with
from typer.testing import CliRunner

from imsobs.cli.app import app
from imsobs.errors import ImsobsError
from imsobs.model import Model
from imsobs.runtime.drift import processes, prometheus, run
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
