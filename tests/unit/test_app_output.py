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
from sdk_process import last_line

from gateway.launch import read_settings
from imsobs.model import Model, resolve
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
    found = last_line(
        files,
        "(processor,) = provider._active_span_processor._span_processors",
        "exporter = processor.span_exporter",
        "print(type(exporter).__module__, exporter._encoder is not None)",
    )
    assert found == "imsobs_exporter.exporters True"


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
