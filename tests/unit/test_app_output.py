"""The rendered app/ settings: what the SDK, the shell and Python's logging make of them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.launch import read_settings
from imsobs.model import Model, resolve
from imsobs.model.kinds import sdk
from imsobs.outputs.app import sdk as app
from imsobs.pages import render
from imsobs.spec.load import load
from imsobs.spec.parse import parse

ROOT = Path(__file__).parents[2]


def model_of(**changes: Any) -> Model:
    """The project's own model, with changes by dotted path (`stack__ingest={...}`)."""
    document, _ = load([ROOT / "spec" / "ims.yaml"])
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = document.data
        for parent in parents:
            place = place[parent]
        place[last] = value
    spec, problems = parse(document.data)
    assert spec is not None, problems
    return resolve(spec)


@pytest.fixture(scope="module")
def model() -> Model:
    return model_of()


@pytest.fixture
def files(model: Model, tmp_path: Path) -> Path:
    """A folder with the rendered app/."""
    for path, content in render(app.plan(model)).items():
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
    return tmp_path


def sdk_file(files: Path) -> Any:
    return yaml.safe_load((files / "app" / "otel-sdk.yaml").read_text(encoding="utf-8"))


def test_page_parses_back_to_what_was_planned(model: Model, files: Path) -> None:
    assert sdk_file(files) == json.loads(json.dumps(app.sdk_configuration(model)))


def test_sdk_accepts_its_file(files: Path) -> None:
    # In a process of its own: the SDK sets global providers.
    pytest.importorskip("opentelemetry.configuration")
    code = (
        "import sys, logging; logging.basicConfig(stream=sys.stdout);"
        "from opentelemetry.configuration import configure_sdk, load_config_file;"
        "configure_sdk(load_config_file('app/otel-sdk.yaml'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=files, capture_output=True, text=True, timeout=60
    )
    # The one warning is due: nothing was set in OTEL_RESOURCE_ATTRIBUTES or elsewhere.
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_records_are_not_burdened_with_a_copy_of_their_trace_ids(files: Path) -> None:
    instrumentations = sdk_file(files)["instrumentation/development"]["python"]
    assert instrumentations["logging"] == {"inject_trace_context": False}


def test_every_span_is_recorded(files: Path) -> None:
    assert sdk_file(files)["tracer_provider"]["sampler"] == {"always_on": {}}


def test_only_metrics_of_the_spec_are_made(model: Model, files: Path) -> None:
    views = sdk_file(files)["meter_provider"]["views"]
    made = [view["selector"]["instrument_name"] for view in views[:-1]]
    assert made == [metric.sources[0] for metric in sdk.KIND.metrics(model)]
    assert views[-1]["selector"]["instrument_name"] == "*"
    assert views[-1]["stream"]["aggregation"] == {"drop": {}}


def test_metric_of_an_unknown_scope_leaves_all_meters_on(model: Model) -> None:
    changed = model_of(
        metrics__ims_custom_total={
            "type": "counter",
            "description": "From a scope that nobody knows.",
            "sdk": "custom.things",
            "allow": {"metric/unknown-instrument": "the test's own"},
        }
    )
    for asked, enabled in ((model, False), (changed, True)):
        meters = app.sdk_configuration(asked)["meter_provider"]["meter_configurator/development"]
        assert meters["default_config"] == {"enabled": enabled}


def test_protected_ports_are_used_with_token_and_tls() -> None:
    guarded = model_of(stack__ingest={"auth": "bearer", "tls": True})
    for provider in ("tracer_provider", "logger_provider"):
        batch = app.sdk_configuration(guarded)[provider]["processors"][0]["batch"]
        exporter = batch["exporter"]["imsobs_otlp_http"]
        assert exporter["headers"] == [
            {"name": "authorization", "value": "Bearer ${IMSOBS_OTLP_TOKEN}"}
        ]
        assert exporter["tls"] == {"ca_file": "${IMSOBS_OTLP_CA_FILE:-secrets/otlp_cert.pem}"}
        assert "https://" in exporter["endpoint"]


@pytest.mark.parametrize(
    ("chosen", "name", "batch"), [("fast", "imsobs_otlp_http", 512), ("standard", "otlp_http", 128)]
)
def test_the_exporter_is_the_one_that_the_spec_chooses(chosen: str, name: str, batch: int) -> None:
    made = app.sdk_configuration(model_of(sdk={"exporter": chosen}))
    for provider in ("tracer_provider", "logger_provider"):
        settings = made[provider]["processors"][0]["batch"]
        assert list(settings["exporter"]) == [name]
        assert settings["max_export_batch_size"] == batch
    # Metrics are few, and always the official exporter's.
    (reader,) = made["meter_provider"]["readers"]
    assert list(reader["periodic"]["exporter"]) == ["otlp_http"]


def test_the_sdk_makes_the_exporter_of_its_file(files: Path) -> None:
    # In a process of its own: the SDK sets global providers.
    code = (
        "from opentelemetry import trace;"
        "from opentelemetry.configuration import configure_sdk, load_config_file;"
        "configure_sdk(load_config_file('app/otel-sdk.yaml'));"
        "(processor,) = trace.get_tracer_provider()._active_span_processor._span_processors;"
        "exporter = processor.span_exporter;"
        "print(type(exporter).__module__, exporter._encoder is not None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=files, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "imsobs_exporter.exporters True", done.stderr


def test_shell_and_launcher_read_the_same_settings(files: Path) -> None:
    caller = {"LOG_LEVEL": "DEBUG", "PATH": os.environ["PATH"]}
    script = "set -a; . app/otel.env; set +a; env -0"
    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=files, env=caller, capture_output=True, timeout=60
    )
    shell = dict(part.split("=", 1) for part in done.stdout.decode().split("\0") if part)
    settings = read_settings(files / "app" / "otel.env", caller)
    assert settings == {name: shell[name] for name in settings}
    assert settings["LOG_LEVEL"] == "DEBUG"
    assert settings["OTEL_SERVICE_NAME"] == "ims-core"


SAY = """
import json, logging, logging.config
logging.config.dictConfig(json.load(open("app/logging.json")))
logging.getLogger("ims").info("hello %s", "you", extra={"event": "greeted", "n": 1})
logging.getLogger("ims").debug("details")
logging.getLogger("httpx2").info("GET http://vendor/?api_key=1")
"""


def said(files: Path, log_format: str, level: str = "INFO", console: str = "DEBUG") -> list[str]:
    """Lines that a program logs with the rendered configuration."""
    environment = {
        **os.environ,
        "LOG_FORMAT": log_format,
        "LOG_LEVEL": level,
        "LOG_CONSOLE_LEVEL": console,
    }
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        cwd=files,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_log_format_json(files: Path) -> None:
    pytest.importorskip("pythonjsonlogger")
    (line,) = map(json.loads, said(files, "json"))
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "ims",
        "message": "hello you",
        "trace_id": None,
        "span_id": None,
        "event": "greeted",
        "n": 1,
    }


def test_log_format_human(files: Path) -> None:
    pytest.importorskip("pythonjsonlogger")
    (line,) = said(files, "human")
    assert line.endswith("INFO     ims [trace -] hello you")


def test_log_level(files: Path) -> None:
    pytest.importorskip("pythonjsonlogger")
    assert len(said(files, "human", "DEBUG")) == 2
    assert said(files, "human", "WARNING") == []


def test_console_level(files: Path) -> None:
    pytest.importorskip("pythonjsonlogger")
    assert said(files, "human", "DEBUG", console="WARNING") == []
    assert len(said(files, "human", "DEBUG", console="INFO")) == 1


def test_no_attribute_of_a_record_is_taken_for_an_extra_field(files: Path) -> None:
    configuration = json.loads((files / "app" / "logging.json").read_text(encoding="utf-8"))
    reserved = configuration["formatters"]["json"]["reserved_attrs"]
    assert set(vars(logging.makeLogRecord({}))) - set(reserved) == set()
