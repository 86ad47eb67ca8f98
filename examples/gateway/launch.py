"""Starts the stub vendors and the gateway as processes, the way a deployment would.

The gateway runs under `opentelemetry-instrument` with the rendered `app/` settings; nothing
in it, or here, configures telemetry. The end-to-end test uses `running` too.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

_DEFAULTED = re.compile(r"\$\{(\w+):-([^}]*)\}")
_STOP_SECONDS = 20.0
_EXAMPLES = Path(__file__).resolve().parent.parent


class LaunchError(Exception):
    """A process did not start; the message ends with the tail of its log."""


@dataclass(frozen=True)
class Launch:
    """How to start. `root` holds the rendered `app/`; a port of 0 means any free one.

    The gateway listens on `host`; whoever starts it reaches it on loopback in any case.

    `endpoint` is where the Collector takes OTLP over HTTP; None leaves it to app/otel.env.
    `env` goes on top of everything else. `instrumented=False` starts the bare gateway.
    `workers` above 1 are uvicorn's, which share a Redis and a database.
    """

    root: Path
    logs: Path
    host: str = "127.0.0.1"
    port: int = 0
    vendor_port: int = 0
    endpoint: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    instrumented: bool = True
    workers: int = 1
    # Until it answers: a machine that has other things to do takes its time.
    ready_seconds: float = 240.0


@dataclass(frozen=True)
class Running:
    """Where the processes answer, and where they log (stdout and stderr)."""

    gateway_url: str
    vendors_url: str
    gateway_log: Path
    vendors_log: Path


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _require_free(*wanted: tuple[str, str, int, str]) -> None:
    """Raise LaunchError for every (who, host, port, option) whose port another process holds.

    Its health route could answer in place of ours, and the traffic would go to a stranger.
    """
    taken = []
    for who, host, port, option in wanted:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                taken.append(
                    f"port {port} of {host} is not free for the {who} ({error.strerror}): stop"
                    f" what listens there, or choose another with {option} (0: any free one)"
                )
    if taken:
        raise LaunchError("\n".join(taken))


def read_settings(path: Path, environment: dict[str, str]) -> dict[str, str]:
    """Read a rendered `otel.env` as a shell would: `${NAME:-default}` asks `environment`."""
    settings: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            settings[name] = _DEFAULTED.sub(
                lambda found: environment.get(found.group(1)) or found.group(2), value
            )
    return settings


@contextlib.contextmanager
def running(launch: Launch) -> Iterator[Running]:
    """Start stub vendors and gateway, wait until both answer, and stop them at the end.

    Raises LaunchError when one of them does not come up.
    """
    port, vendor_port = launch.port or free_port(), launch.vendor_port or free_port()
    _require_free(
        ("gateway", launch.host, port, "--port"),
        ("stub vendors", "127.0.0.1", vendor_port, "--vendor-port"),
    )
    launch.logs.mkdir(parents=True, exist_ok=True)
    where = Running(
        gateway_url=f"http://127.0.0.1:{port}",
        vendors_url=f"http://127.0.0.1:{vendor_port}",
        gateway_log=launch.logs / "gateway.log",
        vendors_log=launch.logs / "vendors.log",
    )
    base = {**os.environ, "PYTHONPATH": _python_path()}
    vendors = [*_uvicorn("gateway.vendors.app:create_app", vendor_port), "--log-level", "warning"]
    with contextlib.ExitStack() as stack:
        shared = stack.enter_context(_shared(launch, base)) if launch.workers > 1 else {}
        command, environment = _gateway(launch, port, where.vendors_url, {**base, **shared})
        stubs = stack.enter_context(_process(vendors, base, launch.root, where.vendors_log))
        _await(f"{where.vendors_url}/health", stubs, where.vendors_log, launch.ready_seconds)
        gateway = stack.enter_context(
            _process(command, environment, launch.root, where.gateway_log)
        )
        _await(f"{where.gateway_url}/health", gateway, where.gateway_log, launch.ready_seconds)
        yield where


def _gateway(
    launch: Launch, port: int, vendors_url: str, base: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    caller = {**base, **launch.env}
    if launch.endpoint is not None:
        caller["OTEL_EXPORTER_OTLP_ENDPOINT"] = launch.endpoint
    environment = {
        "IMS_DEMO": "true",
        **caller,
        "IMS_OPENAI_URL": f"{vendors_url}/openai/v1",
        "IMS_ANTHROPIC_URL": f"{vendors_url}/anthropic",
    }
    command = _uvicorn("gateway.app:create_app", port, launch.host)
    if launch.workers > 1:
        # A worker is busy importing for longer than uvicorn's 5 s.
        command += ["--workers", str(launch.workers), "--timeout-worker-healthcheck", "60"]
    if not launch.instrumented:
        return [*command, "--no-access-log"], environment
    environment |= read_settings(launch.root / "app" / "otel.env", caller)
    command += ["--log-config", "app/logging.json"]
    return [_tool("opentelemetry-instrument"), *command], environment


@contextlib.contextmanager
def _shared(launch: Launch, base: dict[str, str]) -> Iterator[dict[str, str]]:
    """Start what workers share, and yield the environment by which they find it."""
    port = free_port()
    command = [sys.executable, "-m", "gateway.redis_server", "--port", str(port)]
    with _process(command, base, launch.root, launch.logs / "redis.log"):
        yield {
            "IMS_REDIS_URL": f"redis://127.0.0.1:{port}",
            "IMS_DATABASE": str(launch.logs / "gateway.sqlite"),
        }


def _uvicorn(factory: str, port: int, host: str = "127.0.0.1") -> list[str]:
    # A client that pauses for longer than uvicorn's 5 s would now and then send a request down
    # a connection that is just being closed.
    address = ["--host", host, "--port", str(port), "--timeout-keep-alive", "75"]
    return [_tool("uvicorn"), "--factory", factory, *address]


def _tool(name: str) -> str:
    """A console script of this Python's environment, or else of PATH. Raises LaunchError."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise LaunchError(f"{name} is not installed: install the project with its demo extra")
    return found


def _python_path() -> str:
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(_EXAMPLES), inherited] if inherited else [str(_EXAMPLES)])


@contextlib.contextmanager
def _process(
    command: list[str], environment: dict[str, str], folder: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(url).is_success:
                return
        time.sleep(0.1)
    ended = f"ended with {process.poll()}" if process.poll() is not None else "does not answer"
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    raise LaunchError(f"{url}: the process {ended}; {log}:\n{tail}")
