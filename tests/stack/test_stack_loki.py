"""Loki in its container: verifies its file, takes logs by OTLP, keeps labels few."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from stack.containers import Launcher, Started, eventually, render
from stack.signals import log_record, new_trace_id

from imsobs.runtime.build.binaries import locate
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.progress import Silent
from imsobs.runtime.trial import free_ports
from imsobs.spec.schema.stack import OtelcolPorts

PORT = 3100
Entry = tuple[dict[str, str], str, str, dict[str, str]]


def entries(client: httpx.Client, loki: Started | str, expression: str) -> list[Entry]:
    """Return labels, time (ns), line and structured metadata of what a query finds.

    loki: a container, or the URL of one that runs natively.
    """
    base = loki if isinstance(loki, str) else loki.url(PORT)
    answer = client.get(
        f"{base}/loki/api/v1/query_range",
        params={"query": expression, "since": "72h", "limit": "1000"},
        headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"},
    )
    answer.raise_for_status()
    return [
        (stream["stream"], when, line, parts.get("structuredMetadata", {}))
        for stream in answer.json()["data"]["result"]
        for when, line, parts in stream["values"]
    ]


def send(client: httpx.Client, loki: Started, record: dict[str, Any]) -> httpx.Response:
    """Send a record by OTLP."""
    return client.post(loki.url(PORT, "/otlp/v1/logs"), json=record)


def test_it_verifies_its_own_file(launch: Launcher) -> None:
    loki = launch("loki", ports=(PORT,))
    flags = (
        "-config.file=/etc/imsobs/stack/loki.yaml",
        "-config.expand-env=true",
        "-verify-config",
    )
    code, said = loki.run("/usr/bin/loki", *flags)
    assert code == 0, said


def test_a_misspelt_field_is_refused(launch: Launcher, tmp_path: Path) -> None:
    root = render(tmp_path / "misspelt")
    file = root / "stack/loki.yaml"
    loki = launch("loki", ports=(PORT,), root=root)
    # It has read its file by then.
    loki.wait_healthy(120)
    file.write_text(file.read_text().replace("retention_period:", "retention_periods:"))
    flags = (
        "-config.file=/etc/imsobs/stack/loki.yaml",
        "-config.expand-env=true",
        "-verify-config",
    )
    code, said = loki.run("/usr/bin/loki", *flags)
    assert code != 0
    assert "retention_periods" in said


def test_health_check_needs_nothing_but_the_binary(launch: Launcher) -> None:
    launch("loki", ports=(PORT,)).wait_healthy(120)


def test_it_runs_with_what_the_spec_says(launch: Launcher, client: httpx.Client) -> None:
    loki = launch("loki", ports=(PORT,))
    loki.wait_healthy(120)
    running = yaml.safe_load(client.get(loki.url(PORT, "/config")).text)
    assert running["limits_config"]["retention_period"] == "1w"
    assert running["limits_config"]["max_line_size"] == "256KB"
    assert running["compactor"]["retention_enabled"] is True
    assert running["compactor"]["working_directory"] == "/loki/compactor"
    assert running["analytics"]["reporting_enabled"] is False
    metrics = client.get(loki.url(PORT, "/metrics")).text
    assert "loki_boltdb_shipper_compactor_running 1" in metrics


def test_a_record_sent_by_otlp_is_found_by_its_trace(
    launch: Launcher, client: httpx.Client
) -> None:
    loki = launch("loki", ports=(PORT,))
    loki.wait_healthy(120)
    trace_id = new_trace_id()
    send(client, loki, log_record(trace_id, "the queue is full")).raise_for_status()
    expression = f'{{service_name="ims-core"}} | trace_id="{trace_id}"'
    ((stream, _, line, fields),) = eventually(lambda: entries(client, loki, expression))
    assert line == "the queue is full"
    assert stream.keys() == {"service_name", "deployment_environment_name"}
    assert fields["queue"] == "default"
    assert fields["severity_text"] == "ERROR"
    labels = client.get(loki.url(PORT, "/loki/api/v1/labels")).json()["data"]
    assert set(labels) == {"service_name", "deployment_environment_name"}


def test_limits_hold(launch: Launcher, client: httpx.Client) -> None:
    loki = launch("loki", ports=(PORT,))
    loki.wait_healthy(120)
    # Longer than a line may be: it is cut, not lost.
    trace_id = new_trace_id()
    send(client, loki, log_record(trace_id, "x" * 300_000)).raise_for_status()
    expression = f'{{service_name="ims-core"}} | trace_id="{trace_id}"'
    ((_, _, line, _),) = eventually(lambda: entries(client, loki, expression))
    assert len(line) == 256 * 1024
    # Older than it takes: refused for good, so that the Collector does not repeat it.
    late = log_record(new_trace_id(), "from the day before yesterday")
    (record,) = late["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    record["timeUnixNano"] = str(time.time_ns() - 49 * 3600 * 10**9)
    refused = send(client, loki, late)
    assert refused.status_code == 400
    assert "greater_than_max_sample_age" in refused.text or "too old" in refused.text


def test_natively_the_collector_sends_to_it(tmp_path: Path, client: httpx.Client) -> None:
    kinds = {
        "otelcol": tuple(OtelcolPorts.model_fields),
        "jaeger": ("http", "query_grpc", "otlp_grpc", "health", "telemetry"),
        "loki": ("http", "grpc"),
    }
    free = iter(free_ports(sum(map(len, kinds.values()))))
    ports = {name: {kind: next(free) for kind in wanted} for name, wanted in kinds.items()}
    overlay = yaml.safe_dump({"stack": {name: {"ports": p} for name, p in ports.items()}})
    root = render(tmp_path / "native", overlay)
    if locate(load_plan(root), root, "loki", Silent()) is None:
        pytest.skip("loki: not built here; imsobs binaries loki builds it")
    with running_stack(root, tmp_path / "state", only=("jaeger", "loki", "otelcol")) as stack:
        trace_id = new_trace_id()
        collector = f"http://127.0.0.1:{stack.port('otelcol', 'otlp_http')}"
        record = log_record(trace_id, "natively")
        client.post(f"{collector}/v1/logs", json=record).raise_for_status()
        url = f"http://127.0.0.1:{stack.port('loki', 'http')}/{stack.layout.loki_path()}"
        expression = f'{{service_name="ims-core"}} | trace_id="{trace_id}"'
        ((_, _, line, _),) = eventually(lambda: entries(client, url, expression))
        assert line == "natively"
        # The file is for when there is no Loki.
        assert not (stack.layout.state / "logs/store.jsonl").exists()
