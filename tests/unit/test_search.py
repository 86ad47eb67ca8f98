"""Traces and records: what is asked for, how answers are read, and what is said when none comes."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from alertmanager import ROOT
from native_fakes import executable, path_with
from typer.testing import CliRunner

from imsobs.cli.app import app
from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime import record_store, trace_search
from imsobs.runtime.docker import record_mode
from imsobs.runtime.paths import layout_for
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.records import Record, Wanted, from_lines, from_loki

HOSTILE = "\x1b]0;owned\x07[red]x[/]\u2028"
TRACE = "ab" * 16


def line(body: str, when: int = 5, **more: Any) -> str:
    record = {
        "timeUnixNano": str(when),
        "severityNumber": 17,
        "severityText": "ERROR",
        "traceId": TRACE,
        "body": {"stringValue": body},
        "attributes": [{"key": "event", "value": {"stringValue": "job_finished"}},
                       {"key": "job.id", "value": {"intValue": "7"}},
                       {"key": "late", "value": {"boolValue": True}}],
        **more,
    }  # fmt: skip
    resource = [{"key": "service.name", "value": {"stringValue": "ims-core"}}]
    scope = {"scope": {"name": "queue"}, "logRecords": [record]}
    whole = {"resource": {"attributes": resource}, "scopeLogs": [scope]}
    return json.dumps({"resourceLogs": [whole]})


LOKI = {
    "data": {
        "result": [
            {
                "stream": {
                    "service_name": "ims-core", "event": "job_finished", "job_id": "7",
                    "late": "true", "severity_text": "ERROR", "severity_number": "17",
                    "trace_id": TRACE, "scope_name": "queue", "detected_level": "error",
                },
                "values": [["5", "it failed"]],
            }
        ]
    }
}  # fmt: skip
SAME = Record(
    5, "ERROR", 17, "ims-core", "?", "job_finished", TRACE, None, "it failed",
    {"job_id": "7", "late": "true", "scope_name": "queue"},
)  # fmt: skip


def test_a_record_is_the_same_from_the_file_and_from_loki() -> None:
    assert list(from_lines([line("it failed")])) == [SAME]
    assert list(from_loki(LOKI)) == [SAME]


def test_lines_that_are_not_whole_are_passed_over() -> None:
    lines = ["", "{", '{"resourceLogs": 7}', "[" * 100_000, line("it failed"), line("x")[:40]]
    assert [record.body for record in from_lines(lines)] == ["it failed"]


@pytest.mark.parametrize(
    ("wanted", "bodies", "logql"),
    [
        ({}, ["b", "c", "d"], '{service_name=~".+"}'),
        ({"limit": 1}, ["d"], '{service_name=~".+"}'),
        ({"trace": TRACE}, ["b", "d"], f'{{service_name=~".+"}} | trace_id="{TRACE}"'),
        ({"level": "error"}, ["b", "c"], '{service_name=~".+"} | severity_number >= 17'),
        ({"event": "job_finished"}, ["b", "c"], '{service_name=~".+"} | event="job_finished"'),
    ],
)
def test_what_is_wanted_is_found(wanted: dict[str, Any], bodies: list[str], logql: str) -> None:
    lines = [
        line("d", 9, severityNumber=9, attributes=[]),
        line("b", 5),
        line("c", 6, traceId="cd" * 16),
        line("a", 4),
        line("e", 11),
    ]
    made = Wanted(**{"start": 5, "end": 10, "limit": 9, **wanted})
    assert [record.body for record in made.newest(from_lines(lines))] == bodies
    assert made.logql() == logql


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMSOBS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*words, "--root", str(ROOT)])
    if isinstance(done.exception, ImsobsError):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def write(project: Path, name: str, *lines: str) -> None:
    folder = project / "state" / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    for made in (folder.parent, folder):
        made.chmod(0o700)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_records_of_rotated_files_are_found_and_shown_without_being_obeyed(project: Path) -> None:
    now = time.time_ns()
    write(project, "store-2026.jsonl", line(f"old {HOSTILE}", now - 10**9))
    write(project, "store.jsonl", line("new", now))
    write(project, "otelcol.log", line("no record", now))
    code, out, _ = run("records", "--trace", TRACE)
    assert code == 0
    first, second = out.splitlines()
    assert "old \\x1b]0;owned\\x07[red]x[/]\\u2028" in first
    assert "job_id=7" in second
    assert "\x1b" not in out
    data = json.loads(run("records", "--format", "json")[1])
    assert [row["body"] for row in data["records"]] == [f"old {HOSTILE}", "new"]
    # A file that was last written before is not read.
    os.utime(project / "state/logs/store-2026.jsonl", ns=(now - 10**13, now - 10**13))
    assert len(json.loads(run("records", "--format", "json")[1])["records"]) == 1
    assert "no such record in" in run("records", "--event", "model_fallback")[2]


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (["records"], "no record was written to", ExitCode.OUTSIDE),
        (["records", "--trace", "xyz"], '"xyz" is not a trace id', ExitCode.INPUT),
        (["records", "--level", "eror"], 'there is no level "eror"', ExitCode.INPUT),
        (["records", "--event", "job_finish"], 'there is no event "job_finish"', ExitCode.INPUT),
        (["records", "--since", "ever"], '--since: "ever" is no duration', ExitCode.INPUT),
        (["traces", "--since", "0m"], '--since: "0m" is no duration', ExitCode.INPUT),
    ],
)
def test_what_cannot_be_found_is_told(
    project: Path, words: list[str], says: str, code: ExitCode
) -> None:
    with pytest.raises(ImsobsError) as caught:
        run(*words)
    assert says in str(caught.value)
    assert caught.value.exit_code is code


DOCKER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/docker.log"
here="$(dirname "$0")"
case "$*" in
  *" ps "*) cat "$here/ps.json" ;;
  inspect*) echo "[\\"IMSOBS_LOG_EXPORTER=$(cat "$here/exporter")\\"]" ;;
  *" cp "*) cat "$here/logs.tar" ;;
  *wget*) cat "$here/loki.json" ;;
esac
"""


def test_containers_are_asked_for_what_they_hold(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = project / "bin"
    executable(here / "docker", DOCKER)
    monkeypatch.setenv("PATH", path_with(here, Path(sys.executable).parent))
    monkeypatch.setenv("GRAFANA_ADMIN_PASSWORD", "for-tests")
    layout = layout_for(ROOT)
    record_mode(layout, "docker")
    plan = load_plan(ROOT)
    wanted = Wanted(0, 10, 5, trace=TRACE)
    (here / "ps.json").write_text("[]")
    with pytest.raises(ImsobsError, match="the stack is down"):
        record_store.find(plan, layout, wanted)
    rows = [{"Service": name, "ID": name, "Status": "Up 1 minute"} for name in ("otelcol", "loki")]
    (here / "ps.json").write_text(json.dumps(rows))
    (here / "exporter").write_text("otlp_http/logs")
    (here / "loki.json").write_text(json.dumps(LOKI))
    assert record_store.find(plan, layout, wanted) == ([SAME], "Loki")
    asked = (here / "docker.log").read_text()
    assert "exec -T prometheus wget -q -O - http://loki.stack:3100/loki/api/v1/query_range" in asked
    (here / "loki.json").write_text("wget: bad address")
    with pytest.raises(ImsobsError, match="from the container of Prometheus: wget: bad"):
        record_store.find(plan, layout, wanted)
    (here / "exporter").write_text("file")
    with tarfile.open(here / "logs.tar", "w") as tar:
        data = line("it failed").encode()
        member = tarfile.TarInfo("logs/store.jsonl")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    assert record_store.find(plan, layout, wanted) == ([SAME], "the Collector's file")
    (here / "ps.json").write_text(json.dumps([{**row, "Status": "Exited (1)"} for row in rows]))
    (here / "exporter").write_text("otlp_http/logs")
    with pytest.raises(ImsobsError, match="Loki does not run"):
        record_store.find(plan, layout, wanted)


def span(name: str, start: int, error: bool = False, **tags: str) -> dict[str, Any]:
    known = [
        {"key": key.replace("_", ".").replace("s.code", "s_code"), "value": value}
        for key, value in tags.items()
    ]
    known += [{"key": "error", "value": True}] if error else []
    fields = [{"key": "event", "value": "exception"},
              {"key": "exception.message", "value": f"too {HOSTILE}"}]  # fmt: skip
    return {
        "spanID": name, "operationName": name, "startTime": start, "duration": 2000,
        "processID": "p", "references": [], "tags": known,
        "logs": [{"timestamp": start, "fields": fields}] if error else [],
    }  # fmt: skip


def trace(name: str, *spans: dict[str, Any]) -> dict[str, Any]:
    return {"traceID": name, "processes": {"p": {"serviceName": "s"}}, "spans": list(spans)}


TRACES = [
    trace("1" * 32, span("GET /a", 10, http_route="/a"), span("chat", 11, True, error_type="E")),
    trace("2" * 32, span("GET /a", 30, http_route="/a")),
    trace("3" * 32, span("GET /b", 20, True, http_route="/b", http_response_status_code="500")),
]


@pytest.fixture
def jaeger(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """A Jaeger that finds by tags of one span, and what it was asked."""
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/services":
            return httpx.Response(200, json={"data": ["s"]})
        params = dict(request.url.params)
        asked.append(params)
        wanted = json.loads(params.get("tags", "{}")).items()
        found = [
            one
            for one in TRACES
            if any(
                wanted <= {t["key"]: str(t["value"]).lower() for t in s["tags"]}.items()
                for s in one["spans"]
            )
        ]
        return httpx.Response(200, json={"data": found})

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(
        trace_search, "loopback_client", lambda _: httpx.Client(transport=transport)
    )
    return asked


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], "231"),
        (["--error"], "31"),
        (["--route", "/a"], "21"),
        # The request did not fail, a call within it did.
        (["--error", "--route", "/a"], "1"),
        (["--limit", "1"], "2"),
    ],
)
def test_traces_are_found_newest_first(
    jaeger: list[dict[str, str]], words: list[str], found: str
) -> None:
    rows = json.loads(run("traces", *words, "--format", "json")[1])["traces"]
    assert [row["trace_id"][0] for row in rows] == list(found)
    assert all(int(asked["end"]) - int(asked["start"]) == 3600 * 10**6 for asked in jaeger)


def test_a_line_says_what_failed_and_obeys_nothing(jaeger: list[dict[str, str]]) -> None:
    _, out, _ = run("traces", "--error", "--route", "/b")
    first, second = out.splitlines()
    assert first.endswith("s GET /b 500 2.0 ms, 1 spans")
    assert second == "    s GET /b:  too \\x1b]0;owned\\x07[red]x[/]"
    assert "\x1b" not in run("traces", "--tree")[1]


def test_a_jaeger_that_is_away_or_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def to(answer: httpx.Response) -> None:
        transport = httpx.MockTransport(lambda _: answer)
        monkeypatch.setattr(
            trace_search, "loopback_client", lambda _: httpx.Client(transport=transport)
        )

    to(httpx.Response(400, text="no\nservice"))
    with pytest.raises(ImsobsError, match="Jaeger answered HTTP 400: no service"):
        run("traces")
    to(httpx.Response(200, text="<html>"))
    with pytest.raises(ImsobsError, match="Jaeger does not answer at"):
        run("traces")
