"""``imsobs run``: a service with the rendered settings, as docs/guide/integration.md says it.

The process becomes the service's own, so that signals reach it. Nothing of its command line is
read by OpenTelemetry's launcher, whose options would clash with a program's (``--config``): what
that does, put a folder on Python's path, is done here.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imsobs import artifacts
from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.start import own_sdks
from imsobs.runtime.start.surroundings import Surroundings

# Distributions without which the rendered settings do not work.
_NEEDED = (
    "opentelemetry-instrumentation",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp-proto-http",
    "imsobs-instrumentation",
    "python-json-logger",
)
_FAST = "imsobs-exporter"
# Those that are in no package index -> their folders in a checkout of imsobs.
_OWN = {"imsobs-instrumentation": "./instrumentation", _FAST: "./exporter"}
_FAST_NAME = "imsobs_otlp_http"
# Programs that take the log configuration by an option of their own only.
_LOG_OPTION = {"litellm": "--log_config"}
_DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_SECONDS = 1.0


@dataclass(frozen=True)
class Launch:
    """What is executed: program, arguments with its name, whole environment.

    warnings: what the service can start without.
    """

    program: Path
    arguments: list[str]
    environment: dict[str, str]
    warnings: list[str]

    def line(self, there: Surroundings) -> str:
        """Return what is told at the start: what is instrumented, and where it is sent."""
        told = self.environment
        used = ", ".join(there.instruments()) or "nothing"
        return (
            f"{self.program.name} as {told['OTEL_SERVICE_NAME']} in {told['IMSOBS_ENVIRONMENT']}"
            f" sends to {told['OTEL_EXPORTER_OTLP_ENDPOINT']}; instrumented: {used}"
        )


def prepare(
    root: Path, found: Path, arguments: list[str], there: Surroundings, given: dict[str, str]
) -> Launch:
    """Return how a program is started; given: the environment of the caller.

    Raises ImsobsError: nothing is rendered, or a package is missing beside the service.
    """
    settings = root / artifacts.SDK_ENVIRONMENT
    config = root / artifacts.SDK_CONFIG
    missing = [str(file) for file in (settings, config) if not file.is_file()]
    if missing:
        raise ImsobsError(
            f"{missing[0]} does not exist",
            remedy="imsobs init for a service without a spec, imsobs render for one that has it; or"
            " name its folder with --root",
            exit_code=ExitCode.INPUT,
        )
    text = config.read_text(encoding="utf-8")
    _require(there, text)
    environment = _settings(settings, given)
    if more := given.get(_DISABLED):
        # What is left out because something else instruments it stays left out.
        environment[_DISABLED] = f"{environment[_DISABLED]},{more}"
    for name, file in _files(text).items():
        if not given.get(name):
            environment[name] = str(root / file)
    token = root / "secrets" / "otlp_token"
    if "IMSOBS_OTLP_TOKEN" in text and not given.get("IMSOBS_OTLP_TOKEN") and token.is_file():
        environment["IMSOBS_OTLP_TOKEN"] = token.read_text(encoding="utf-8").strip()
    environment |= own_sdks.variables(text, found.name, there.installed, environment)
    path = [part for part in given.get("PYTHONPATH", "").split(os.pathsep) if part]
    here = str(Path.cwd())
    launcher = there.launcher or ""
    rest = [part for part in path if part not in (launcher, here)]
    environment["PYTHONPATH"] = os.pathsep.join([launcher, here, *rest])
    logging = str(root / artifacts.LOGGING_CONFIG)
    arguments = _logged(found.name, arguments, logging, environment)
    warnings = _warnings(there, environment)
    return Launch(found, [str(found), *arguments], environment, warnings)


def _files(text: str) -> dict[str, str]:
    """Return variable -> file of the project that it names where nobody sets it."""
    files = {"OTEL_CONFIG_FILE": artifacts.SDK_CONFIG}
    if "IMSOBS_OTLP_CA_FILE" in text:
        files["IMSOBS_OTLP_CA_FILE"] = "secrets/otlp_cert.pem"
    return files


def _require(there: Surroundings, text: str) -> None:
    needed = (*_NEEDED, _FAST) if _FAST_NAME in text else _NEEDED
    lacking = [name for name in needed if name not in there.installed]
    if there.launcher is None and "opentelemetry-instrumentation" not in lacking:
        lacking.insert(0, "opentelemetry-instrumentation")
    if lacking:
        published = [name for name in lacking if name not in _OWN]
        own = [_OWN[name] for name in lacking if name in _OWN]
        steps = [f"{there.python} -m pip install {' '.join(published)}"] if published else []
        if own:
            # Whoever takes these names in an index is somebody else.
            steps.append(
                f"in a checkout of imsobs, {there.python} -m pip install --no-deps {' '.join(own)}"
            )
        raise ImsobsError(
            f"not installed beside {there.python}: {', '.join(lacking)}",
            remedy="; ".join(steps),
            exit_code=ExitCode.OUTSIDE,
        )


def _settings(file: Path, given: dict[str, str]) -> dict[str, str]:
    """Return the environment with the variables of a rendered file, as a shell reads it."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'set -a; . "$1"; exec env -0', "sh", str(file)],
        capture_output=True,
        check=False,
        env=given,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise ImsobsError(f"{file} cannot be read: {said}", remedy="imsobs render")
    pairs = (
        pair.partition("=") for pair in done.stdout.decode(errors="surrogateescape").split("\0")
    )
    return {name: value for name, _, value in pairs if name}


def _logged(
    name: str, arguments: list[str], logging: str, environment: dict[str, str]
) -> list[str]:
    """Return the arguments with the log configuration, which the environment gets as well.

    Servers that a program starts by itself read it from there. A program that is given one of
    its own keeps it.
    """
    if any(word.replace("_", "-").startswith("--log-config") for word in arguments):
        return arguments
    environment.setdefault("IMSOBS_LOG_CONFIG", logging)
    environment.setdefault("UVICORN_LOG_CONFIG", logging)
    gunicorn = environment.get("GUNICORN_CMD_ARGS", "")
    if "--log-config" not in gunicorn:
        environment["GUNICORN_CMD_ARGS"] = (
            f"{gunicorn} --log-config-json {shlex.quote(logging)}".strip()
        )
    option = _LOG_OPTION.get(name)
    return [*arguments, option, logging] if option else arguments


def _warnings(there: Surroundings, environment: dict[str, str]) -> list[str]:
    """Return what keeps telemetry from arriving, although the service can start."""
    disabled = environment.get(_DISABLED, "").split(",")
    found = [
        f"{name} is not instrumented: {has} is installed, and its instrumentation is for {wants}"
        for name, (has, wants) in there.refused.items()
        if name not in disabled
    ]
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        found.append("OTEL_SDK_DISABLED is true: nothing is sent")
    endpoint = environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    try:
        parts = urlsplit(endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), _SECONDS).close()
    except (OSError, ValueError) as error:
        found.append(
            f"no Collector answers at {endpoint} ({type(error).__name__}); what is sent waits"
            " and is dropped when the queue is full: imsobs up"
        )
    return found
