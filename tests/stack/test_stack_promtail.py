"""Promtail in its container: checks its syntax, and gives what the OTLP route gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from stack.containers import Launcher, Started, eventually, render
from stack.talker import KEY, MAIL
from stack.test_stack_loki import PORT, entries
from testcontainers.core.network import Network

# What a log line does not hold.
ONLY_BY_OTLP = {
    "imsobs_process_role",
    "service_instance_id",
    "service_version",
    "telemetry_sdk_language",
    "telemetry_sdk_name",
    "telemetry_sdk_version",
    "observed_timestamp",
    "flags",
    "redaction_body_masked_count",
    "redaction_masked_count",
}
NO_JSON = f"Killed: started with api_key={KEY} for {MAIL}"


def test_it_checks_its_own_file(launch: Launcher) -> None:
    promtail = launch("promtail", ports=(9080,))
    code, said = promtail.run(
        "/usr/bin/promtail", "-config.file=/etc/imsobs/stack/promtail.yaml", "-check-syntax"
    )
    assert code == 0, said


@dataclass(frozen=True)
class Record:
    """A stored record. fields: its structured metadata."""

    nanoseconds: int
    text: str
    labels: dict[str, str]
    fields: dict[str, str]


def _stored(client: httpx.Client, loki: Started) -> list[Record]:
    found = [
        Record(int(time), text, labels, fields)
        for labels, time, text, fields in entries(client, loki, '{service_name="ims-core"}')
    ]
    # The SDK's own complaints reach the console only.
    own = [r for r in found if not r.fields.get("scope_name", "").startswith("opentelemetry")]
    return sorted(own, key=lambda record: record.nanoseconds)


def _talk(root: Path, otelcol: Started) -> str:
    """Run the service as the guide says, and return what it wrote to its console."""
    settings = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "LOG_"))}
    settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = otelcol.url(4318)
    settings["LOG_CONSOLE_LEVEL"] = "INFO"
    # As a service must be started whose log file is read.
    settings["LOG_CONSOLE_LEVEL"] = "INFO"
    settings["PATH"] = f"{Path(sys.executable).parent}:{settings['PATH']}"
    start = "set -a; . app/otel.env; set +a; exec opentelemetry-instrument python"
    done = subprocess.run(
        ["sh", "-c", f"{start} {Path(__file__).with_name('talker.py')}"],
        cwd=root, env=settings, text=True, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def routes(
    network: Network, launch: Launcher, client: httpx.Client, tmp_path: Path
) -> tuple[list[Record], list[Record]]:
    """The same records by OTLP and by the log file, each route with a Loki of its own."""
    root = render(tmp_path / "routes")
    by_otlp = launch("loki", ports=(PORT,), root=root, network=network)
    by_file = launch("loki", ports=(PORT,), root=root)
    otelcol = launch("otelcol", ports=(4318, 13133), root=root, network=network)
    for loki in (by_otlp, by_file):
        loki.wait_healthy(120)
    otelcol.wait_healthy()
    lines = _talk(root, otelcol)
    (root / "logs/ims-core.jsonl").write_text(f"{lines}{NO_JSON}\n", encoding="utf-8")
    launch("promtail", ports=(), root=root, share=by_file.container.get_wrapped_container().id)

    def complete(loki: Started, last: str) -> Callable[[], list[Record]]:
        def ask() -> list[Record]:
            found = _stored(client, loki)
            return found if any(last in record.text for record in found) else []

        return ask

    sent = eventually(complete(by_otlp, "it broke far below"), 60)
    tailed = eventually(complete(by_file, "Killed"), 60)
    return sent, tailed


def _same(one: str | None, other: str | None) -> bool:
    """Return whether two values are equal; numbers may be written in two ways."""
    try:
        return one == other or float(one or "") == float(other or "")
    except ValueError:
        return False


def test_both_routes_give_the_same_labels_fields_and_masks(
    routes: tuple[list[Record], list[Record]],
) -> None:
    sent, (*tailed, no_json) = routes
    assert len(sent) == len(tailed) == 13
    for one, other in zip(sent, tailed, strict=True):
        assert one.text == other.text
        assert one.labels == other.labels
        # The log file's clock counts microseconds, rounded.
        assert abs(one.nanoseconds - other.nanoseconds) <= 1000
        assert not ONLY_BY_OTLP & other.fields.keys()
        names = one.fields.keys() - ONLY_BY_OTLP
        assert names == other.fields.keys()
        differ = {n for n in names if not _same(one.fields[n], other.fields[n])}
        assert not differ, [(one.fields[n], other.fields[n]) for n in differ]
    everything = repr([*sent, *tailed, no_json])
    for secret in (KEY, MAIL, "hunter2", "abcdef123456"):
        assert secret not in everything
    assert no_json.text == "Killed: started with **** for ****"


def test_the_fields_are_those_of_the_record(routes: tuple[list[Record], list[Record]]) -> None:
    for found in (routes[0], routes[1][:-1]):
        labels = {"service_name": "ims-core", "deployment_environment_name": "development"}
        assert all(record.labels == labels for record in found)
        outside, plain, *_ = found
        assert "trace_id" not in outside.fields
        assert len(plain.fields["trace_id"]) == 32
        assert len(plain.fields["span_id"]) == 16
        levels = [record.fields["severity_text"] for record in found[:6]]
        assert levels == ["INFO", "INFO", "WARN", "WARN", "ERROR", "FATAL"]
        lookup, completed, fallback = (r.fields for r in found if "event" in r.fields)
        assert lookup["cache"] == "response"
        assert completed["input_tokens"] == "1234567"
        assert fallback["reason"] == "said ****"
        chained, several_lines, bare, deep = found[-4:]
        assert chained.fields["exception_type"] == "RuntimeError"
        assert chained.fields["exception_message"] == "no answer for ****"
        assert several_lines.fields["exception_message"] == "a line\nand more: lines"
        assert bare.fields["exception_type"] == "QuotaError"
        assert "exception_message" not in bare.fields
        # Cut where every attribute is; what it was is still known.
        assert len(deep.fields["exception_stacktrace"]) == 16_384
        assert deep.fields["exception_message"] == "at the bottom"
