"""imsobs traces and records on a running stack: from an alert to the request that failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from native.conftest import Live, eventually
from native.project import SPEC, rendered_project
from stack.signals import log_record, new_trace_id
from typer.testing import CliRunner

from imsobs.cli.app import app
from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import locate
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.progress import Silent

pytestmark = pytest.mark.native


def run(root: Path, state: Path, *words: str) -> tuple[str, str]:
    """Return standard output and standard error of a command on a stack."""
    environment = {"IMSOBS_STATE": str(state), "COLUMNS": "400"}
    done = CliRunner(env=environment).invoke(app, [*words, "--root", str(root)])
    if isinstance(done.exception, ImsobsError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def on(stack: Live, *words: str) -> Any:
    layout = stack.stack.layout
    # A project has a spec; names are held against it.
    (layout.root / "spec").mkdir(exist_ok=True)
    (layout.root / "spec/ims.yaml").write_bytes(SPEC.read_bytes())
    return json.loads(run(layout.root, layout.state, *words, "--format", "json")[0])


def test_a_failed_request_is_found_by_its_route_and_its_records_by_its_trace(stack: Live) -> None:
    route = "/v1/generate"
    found = eventually(
        lambda: on(stack, "traces", "--error", "--route", route, "--since", "30m")["traces"], 60
    )
    assert {row["route"] for row in found} == {route}
    assert all(row["failures"] for row in found)
    # Newest first, and all that there are: Jaeger itself names as many.
    assert [row["start"] for row in found] == sorted((r["start"] for r in found), reverse=True)
    every = on(stack, "traces", "--route", route, "--since", "30m", "--limit", "500")["traces"]
    failed = {row["trace_id"] for row in every if row["failures"]}
    all_failed = on(stack, "traces", "--error", "--route", route, "--limit", "500")["traces"]
    assert {row["trace_id"] for row in all_failed} >= failed
    # Each of its records is of this trace.
    trace = found[0]["trace_id"]
    records = eventually(lambda: on(stack, "records", "--trace", trace)["records"])
    assert {row["trace_id"] for row in records} == {trace}
    times = [row["nanoseconds"] for row in records]
    assert times == sorted(times)


def test_records_are_found_by_event_and_level(stack: Live) -> None:
    def count(*words: str) -> int:
        return len(on(stack, "records", *words, "--limit", "1000")["records"])

    sent = sum(
        number
        for key, number in stack.report.effects.items()
        if key[:2] == ("event", "model_fallback")
    )
    eventually(lambda: count("--event", "model_fallback") >= sent > 0)
    rows = on(stack, "records", "--level", "warning", "--limit", "1000")["records"]
    assert rows
    assert all(row["severity_number"] >= 13 for row in rows)
    assert on(stack, "records", "--event", "model_fallback", "--limit", "1")["records"]
    layout = stack.stack.layout
    out, _ = run(layout.root, layout.state, "records", "--event", "model_fallback")
    assert "model_fallback" in out.splitlines()[0]
    assert "trace_id=" in out


def test_the_text_of_a_trace_is_a_line_or_a_tree(stack: Live) -> None:
    layout = stack.stack.layout
    words = ("traces", "--error", "--limit", "1")
    line = eventually(lambda: run(layout.root, layout.state, *words)[0], 60)
    assert "spans" in line.splitlines()[0]
    tree, _ = run(layout.root, layout.state, *words, "--tree")
    assert tree.startswith("trace ")
    assert "└──" in tree
    none, said = run(layout.root, layout.state, "traces", "--route", "/nowhere")
    assert none == ""
    assert said.startswith("no such trace")


HOSTILE = "\x1b]0;owned\x07[red]x[/]\u2028"


def test_records_come_from_loki_where_the_stack_has_it(tmp_path: Path) -> None:
    root = rendered_project(tmp_path / "project")
    if locate(load_plan(root), root, "loki", Silent()) is None:
        pytest.skip("loki: not built here; imsobs binaries loki builds it")
    state = tmp_path / "state"
    with running_stack(root, state, only=("jaeger", "loki", "otelcol")) as stack:
        url = f"http://127.0.0.1:{stack.port('otelcol', 'otlp_http')}/v1/logs"
        trace, other = new_trace_id(), new_trace_id()
        for identity, text in ((trace, f"evil {HOSTILE}"), (other, "another")):
            httpx.post(url, json=log_record(identity, text)).raise_for_status()

        def found() -> list[dict[str, Any]]:
            words = ("records", "--trace", trace, "--format", "json")
            data = json.loads(run(root, state, *words)[0])
            assert data["from"] == "Loki"
            return list(data["records"])

        (row,) = eventually(found)
        assert row["body"].startswith("evil \x1b")
        assert (row["service"], row["severity"], row["trace_id"]) == ("ims-core", "ERROR", trace)
        assert row["fields"]["queue"] == "default"
        out, _ = run(root, state, "records", "--level", "error")
        assert len(out.splitlines()) == 2
        assert "\x1b" not in out
        assert "\\x1b]0;owned\\x07[red]x[/]\\u2028" in out
        assert run(root, state, "records", "--level", "critical")[0] == ""
    with pytest.raises(ImsobsError, match="no record was written to"):
        run(root, state, "records")
