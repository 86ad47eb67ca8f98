"""Promtail in its container: checks its syntax, and gives what the OTLP route gives."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import httpx
from stack.containers import Launcher, eventually
from stack.signals import log_record, new_trace_id
from stack.test_stack_loki import PORT, query

SECRET = "sk-abcdefghijklmnop123456"


def test_it_checks_its_own_file(launch: Launcher) -> None:
    promtail = launch("promtail", ports=(9080,))
    code, said = promtail.run(
        "/usr/bin/promtail", "-config.file=/etc/ims/stack/promtail.yaml", "-check-syntax"
    )
    assert code == 0, said


def test_both_routes_give_the_same_labels_fields_and_masks(
    launch: Launcher, client: httpx.Client, project: Path
) -> None:
    loki = launch("loki", ports=(PORT,))
    eventually(lambda: client.get(loki.url(PORT, "/ready")).is_success, 120)
    loki_id = loki.container.get_wrapped_container().id
    by_file, by_otlp = new_trace_id(), new_trace_id()
    line = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(),
        "level": "ERROR",
        "logger": "gateway.router",
        "message": f"refused with key {SECRET}",
        "trace_id": by_file,
        "span_id": "00f067aa0ba902b7",
        "event": "job_finished",
        "queue": "default",
    }
    (project / "logs/ims-core.jsonl").write_text(json.dumps(line) + "\n")
    launch("promtail", ports=(), share=loki_id)
    record = log_record(by_otlp, "refused")
    client.post(loki.url(PORT, "/otlp/v1/logs"), json=record).raise_for_status()

    def find(trace_id: str) -> dict[str, object]:
        expression = f'{{service_name="ims-core"}} | trace_id="{trace_id}"'
        (stream,) = eventually(lambda: query(client, loki, expression), 60)
        return stream

    tailed, sent = find(by_file), find(by_otlp)
    assert SECRET not in json.dumps(tailed)
    compared = ("service_name", "severity_text", "scope_name", "event", "queue", "detected_level")
    labels = [{key: s["stream"].get(key) for key in compared} for s in (tailed, sent)]  # type: ignore[attr-defined]
    assert labels[0] == labels[1]
