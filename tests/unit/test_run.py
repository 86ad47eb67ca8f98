"""imsobs run: the service's own process, with absolute paths and its command line untouched."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from small_specs import rendered_alone
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.errors import ImsobsError
from imsobs.runtime.start.launch import prepare
from imsobs.runtime.start.surroundings import Surroundings, look, program, python_of
from imsobs_instrumentation import celery_workers, sdk

NEEDED = [
    "opentelemetry-instrumentation",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp-proto-http",
    "imsobs-instrumentation",
    "imsobs-exporter",
    "python-json-logger",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project with a space")
    rendered_alone(folder, "{}")
    return folder


def beside(*lacking: str, launcher: str | None = "/auto") -> Surroundings:
    installed = {name: "1" for name in NEEDED if name not in lacking}
    return Surroundings(Path("/env/bin/python"), installed, {"fastapi": True, "x": False}, launcher)


def prepared(
    project: Path, name: str, *arguments: str, **given: str
) -> tuple[list[str], dict[str, str]]:
    launch = prepare(project, Path("/env/bin") / name, list(arguments), beside(), given)
    return launch.arguments[1:], launch.environment


def test_settings_are_those_of_the_rendered_file_with_absolute_paths(project: Path) -> None:
    _, found = prepared(project, "uvicorn", "shop:app", HOME="/home/me", PYTHONPATH="/lib")
    assert found["OTEL_CONFIG_FILE"] == str(project / "app/otel-sdk.yaml")
    assert found["OTEL_SERVICE_NAME"] == "orders-api"
    assert found["UVICORN_LOG_CONFIG"] == str(project / "app/logging.json")
    assert found["PYTHONPATH"].split(os.pathsep) == ["/auto", str(Path.cwd()), "/lib"]
    assert found["HOME"] == "/home/me"


def test_what_the_caller_sets_wins(project: Path) -> None:
    _, found = prepared(
        project, "uvicorn", OTEL_SERVICE_NAME="mine", OTEL_CONFIG_FILE="own.yaml", LOG_LEVEL="DEBUG"
    )
    assert found["OTEL_SERVICE_NAME"] == "mine"
    assert found["OTEL_CONFIG_FILE"] == "own.yaml"
    assert found["LOG_LEVEL"] == "DEBUG"


def test_the_caller_leaves_out_more_instrumentations(project: Path) -> None:
    name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    _, plain = prepared(project, "uvicorn")
    _, found = prepared(project, "uvicorn", **{name: "httpx,redis"})
    assert found[name] == f"{plain[name]},httpx,redis"


@pytest.mark.parametrize(
    ("name", "arguments", "passed"),
    [
        ("litellm", ["--config", "c.yaml"], ["--config", "c.yaml", "--log_config", "LOG"]),
        ("litellm", ["--log_config=own"], ["--log_config=own"]),
        ("mlflow", ["server", "--port", "1"], ["server", "--port", "1"]),
        ("celery", ["-A", "shop", "worker"], ["-A", "shop", "worker"]),
        ("gunicorn", ["shop:app"], ["shop:app"]),
    ],
)
def test_a_command_line_is_passed_on_as_it_is(
    name: str, arguments: list[str], passed: list[str], project: Path
) -> None:
    log = str(project / "app/logging.json")
    found, _ = prepared(project, name, *arguments)
    assert found == [log if word == "LOG" else word for word in passed]


def test_servers_read_the_log_configuration_from_the_environment(project: Path) -> None:
    log = project / "app/logging.json"
    _, found = prepared(project, "mlflow", "server", GUNICORN_CMD_ARGS="--threads 2")
    assert found["GUNICORN_CMD_ARGS"] == f"--threads 2 --log-config-json '{log}'"
    assert found["IMSOBS_LOG_CONFIG"] == str(log)
    _, own = prepared(project, "gunicorn", "--log-config", "own.ini", "shop:app")
    assert not {"GUNICORN_CMD_ARGS", "UVICORN_LOG_CONFIG", "IMSOBS_LOG_CONFIG"} & own.keys()


def told(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(","))


def test_an_sdk_of_the_programs_own_tells_the_same_of_itself(project: Path) -> None:
    given = {"IMSOBS_ENVIRONMENT": "production", "IMSOBS_VERSION": "1.2 x,y"}
    _, found = prepared(project, "serve", **given)
    assert told(found["OTEL_RESOURCE_ATTRIBUTES"]) == {
        "service.name": "orders-api",
        "service.namespace": "shop",
        "service.version": "1.2%20x%2Cy",
        "deployment.environment.name": "production",
    }
    assert found["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    said = {"OTEL_RESOURCE_ATTRIBUTES": "service.version=7,team=a", "OTEL_BSP_SCHEDULE_DELAY": "9"}
    _, own = prepared(project, "serve", **said)
    described = told(own["OTEL_RESOURCE_ATTRIBUTES"])
    assert (described["service.version"], described["team"]) == ("7", "a")
    assert own["OTEL_BSP_SCHEDULE_DELAY"] == "9"


def test_an_sdk_of_the_programs_own_sends_as_the_stack_wants_it(
    tmp_path: Path,
) -> None:
    rendered_alone(tmp_path, "{stack: {ingest: {auth: bearer, tls: true}}}")
    _, found = prepared(tmp_path, "serve", IMSOBS_OTLP_TOKEN="a b", OTEL_EXPORTER_OTLP_ENDPOINT="x")
    assert found["OTEL_EXPORTER_OTLP_HEADERS"] == "authorization=Bearer%20a%20b"
    assert found["OTEL_EXPORTER_OTLP_CERTIFICATE"] == str(tmp_path / "secrets/otlp_cert.pem")


def test_litellm_is_told_to_tell_of_every_call(project: Path) -> None:
    names = ("LITELLM_OTEL_V2", "USE_OTEL_LITELLM_REQUEST_SPAN")
    there = beside()
    there.installed["litellm"] = "1.108.7"

    def set_for(program: str, there: Surroundings, **given: str) -> list[str | None]:
        found = prepare(project, Path("/env/bin") / program, [], there, given).environment
        return [found.get(name) for name in names]

    assert set_for("litellm", there) == ["true", "true"]
    assert set_for("uvicorn", there) == [None, "true"], "the newer spans leave out plain calls"
    assert set_for("uvicorn", beside()) == [None, None]
    assert set_for("litellm", there, LITELLM_OTEL_V2="false") == ["false", "true"]


def test_what_is_missing_is_told_at_once(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ImsobsError, match="imsobs-instrumentation, imsobs-exporter"):
        prepare(project, Path("/x"), [], beside("imsobs-instrumentation", "imsobs-exporter"), {})
    with pytest.raises(ImsobsError, match="pip install opentelemetry-instrumentation"):
        prepare(project, Path("/x"), [], beside(launcher=None), {})
    with pytest.raises(ImsobsError, match=r"otel\.env does not exist"):
        prepare(tmp_path, Path("/x"), [], beside(), {})
    with pytest.raises(ImsobsError, match='no program "no-such-program"'):
        program("no-such-program")


def test_what_is_no_program_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    (tmp_path / "serve.sh").touch()
    for name, said in (
        ("app.py", r"app\.py\" may not be executed[^$]+python .*app\.py"),
        ("serve.sh", r"may not be executed[^$]+chmod \+x .*serve\.sh"),
        (".", "is a folder, no program"),
    ):
        with pytest.raises(ImsobsError) as raised:
            program(str(tmp_path / name))
        assert re.search(said, f"{raised.value}\n{raised.value.remedy}"), name
    result = CliRunner().invoke(app, ["run", "--", "imsobs", "run", "--", "uvicorn"])
    assert "would start itself" in str(result.exception)


def test_a_collector_that_is_away_is_a_warning(project: Path) -> None:
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    (warning,) = prepare(project, Path("/x"), [], beside(), away).warnings
    assert "no Collector answers at http://127.0.0.1:1" in warning


def test_an_instrumentation_that_does_not_fit_is_a_warning(project: Path) -> None:
    there = beside()
    there.refused["sqlalchemy"] = ("sqlalchemy 2.1.9", "sqlalchemy<2.1.0,>=1.0.0")
    said, *_ = prepare(project, Path("/x"), [], there, {}).warnings
    assert said == (
        "sqlalchemy is not instrumented: sqlalchemy 2.1.9 is installed, and its instrumentation is"
        " for sqlalchemy<2.1.0,>=1.0.0"
    )
    off = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "sqlalchemy"}
    assert "sqlalchemy" not in str(prepare(project, Path("/x"), [], there, off).warnings)


def made(site: Path, name: str, version: str, *more: str, entry: str = "") -> None:
    """Make a distribution, as an installer leaves it."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *more]
    (folder / "METADATA").write_text("\n".join(head) + "\n")
    (folder / "entry_points.txt").write_text(entry)


def test_versions_that_an_instrumentation_is_not_for_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "shelves", "2.1.9")
    needs = 'Requires-Dist: shelves<2.1.0,>=1; extra == "instruments"'
    for name, more in (("shelving", needs), ("reading", needs.replace("<2.1.0,", ""))):
        entry = f"[opentelemetry_instrumentor]\n{name} = x:Y\n"
        made(tmp_path, name, "1.0", "Provides-Extra: instruments", more, entry=entry)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = look(Path(sys.executable))
    assert found.refused["shelving"] == ("shelves 2.1.9", "shelves<2.1.0,>=1")
    assert "reading" in found.instruments()
    assert "shelving" not in found.instruments()


def test_the_python_of_a_program_is_that_of_its_first_line_or_beside_it(tmp_path: Path) -> None:
    script = tmp_path / "serve"
    (tmp_path / "python3.12").touch()
    script.write_text(f"#!{tmp_path}/python3.12 -I\n")
    assert python_of(script) == tmp_path / "python3.12"
    script.write_text("#!/opt/gone/python3.12\n")
    with pytest.raises(ImsobsError, match=r"is for /opt/gone/python3.12, which does not exist"):
        python_of(script)
    script.write_text("#!/bin/sh\n")
    (tmp_path / "python").touch()
    assert python_of(script) == tmp_path / "python"


def test_the_process_is_the_services_own(project: Path, tmp_path: Path) -> None:
    """From any folder, with options of its own, and the signal's exit status."""
    body = (
        "import json, os, signal, sys, opentelemetry.trace as t\n"
        "print(json.dumps([sys.argv[1:], os.getcwd(), type(t.get_tracer_provider()).__module__]),"
        " flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    (tmp_path / "serve.py").write_text(body)
    command = [sys.executable, "-m", "imsobs", "run", "--root", str(project), "--"]
    done = subprocess.run(
        [*command, sys.executable, "serve.py", "--config", "x", "--root", "y"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "IMSOBS_STOP_SECONDS": "0"},
    )
    # On a slow machine the SDK has said first that no Collector answers.
    (said,) = (line for line in done.stdout.splitlines() if line.startswith("["))
    arguments, folder, provider = json.loads(said)
    assert arguments == ["--config", "x", "--root", "y"]
    assert folder == str(tmp_path)
    assert provider.startswith("opentelemetry.sdk")
    assert "as orders-api in production sends to" in done.stderr.splitlines()[0]
    assert done.returncode == -15 or done.returncode == 143, done.stderr


def test_a_program_ends_by_itself_although_the_collector_is_away(
    project: Path, tmp_path: Path
) -> None:
    """Configuring logging flushes records that cannot be sent; the end does not wait for them."""
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "IMSOBS_STOP_SECONDS": "0"}
    body = "import logging; logging.getLogger('shop').error('told'); raise SystemExit(7)"
    done = subprocess.run(
        [sys.executable, "-m", "imsobs", "run", "--root", str(project), "--", sys.executable, "-c",
         body],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **away},
    )  # fmt: skip
    assert done.returncode == 7, done.stderr


@pytest.mark.parametrize(("seconds", "answer", "told"), [(60, True, True), (0, None, False)])
def test_a_flush_of_log_records_takes_as_long_as_the_end_at_most(
    seconds: float, answer: bool | None, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = LoggerProvider()
    never = threading.Event()
    monkeypatch.setattr(provider, "force_flush", lambda _: answer or never.wait())
    monkeypatch.setattr(sdk, "providers", lambda: [provider])
    sdk.bound_flushes(lambda: seconds)
    assert provider.force_flush() is told
    never.set()


def test_a_program_without_an_option_of_logs_is_configured_at_its_start(
    project: Path, tmp_path: Path
) -> None:
    """A plain script writes JSON, and Celery is told that logging is configured."""
    fake = tmp_path / "celery"
    fake.mkdir()
    (fake / "__init__.py").touch()
    (fake / "signals.py").write_text(
        "class setup_logging:\n"
        "    receivers = []\n"
        "    @classmethod\n"
        "    def connect(cls, receiver, weak): cls.receivers.append(receiver)\n"
    )
    # Celery's workers want a lock of every handler, which the root logger, a handler of
    # gunicorn's, has not.
    body = (
        "import logging, celery.signals\n"
        "from imsobs_instrumentation import logs\n"
        "logs.install()\n"
        "logging.getLogger('shop').warning('told', extra={'order': 7})\n"
        "assert len(celery.signals.setup_logging.receivers) == 1\n"
        "named = [logging.getLogger(name) for name in [None, *logging.root.manager.loggerDict]]\n"
        "[handler.createLock() for one in named for handler in one.handlers]\n"
    )
    log = {"LOG_FORMAT": "json", "LOG_LEVEL": "INFO", "LOG_CONSOLE_LEVEL": "INFO"}
    done = subprocess.run(
        [sys.executable, "-c", body],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, **log, "IMSOBS_LOG_CONFIG": str(project / "app/logging.json")},
    )
    assert json.loads(done.stdout)["order"] == 7


def test_a_process_of_celerys_pool_sends_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    receivers: list[Callable[..., None]] = []
    signal = SimpleNamespace(connect=lambda receiver, weak: receivers.append(receiver))
    monkeypatch.setitem(sys.modules, "celery", ModuleType("celery"))
    monkeypatch.setitem(
        sys.modules, "celery.signals", SimpleNamespace(worker_process_shutdown=signal)
    )
    flushed: list[bool] = []
    celery_workers.install(lambda: flushed.append(True))
    (ends,) = receivers
    ends(sender=None, pid=7, exitcode=0)
    assert flushed == [True]
    monkeypatch.delitem(sys.modules, "celery.signals")
    celery_workers.install(lambda: None)
    assert len(receivers) == 1
