"""Starts a service as an operator would, under each server, with the rendered settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
from golden.collector import ROOT

from gateway.launch import read_settings
from imsobs.runtime.trial import free_ports

TESTS = ROOT / "tests"
APP = "service.app:app"
BIN = Path(sys.executable).parent
_READY_SECONDS = 120.0
# Not under test, and each takes a second of every process's start.
_HEAVY = "openai,anthropic,redis,sqlite3,httpx,httpx2"
_UVICORN = ("uvicorn", APP, "--port", "{port}", "--log-config", "app/logging.json")
_GUNICORN = (
    *("gunicorn", APP, "-k", "uvicorn.workers.UvicornWorker", "-w", "4"),
    *("-b", "127.0.0.1:{port}", "--log-config-json", "app/logging.json"),
    # A busy machine may not let a worker answer the master within the usual 30 seconds.
    *("--timeout", "120"),
)
SERVERS: dict[str, tuple[str, ...]] = {
    "uvicorn": _UVICORN,
    "uvicorn-workers": (*_UVICORN, "--workers", "4", "--timeout-worker-healthcheck", "60"),
    "gunicorn": _GUNICORN,
    "gunicorn-preload": (*_GUNICORN, "--preload"),
}


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """Return what app/otel.env makes of this environment, for a process that it starts."""
    base = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more}
    base["PYTHONPATH"] = os.pathsep.join([str(TESTS), str(ROOT / "examples")])
    base["PATH"] = os.pathsep.join([str(BIN), os.environ["PATH"]])
    settings = read_settings(ROOT / "app" / "otel.env", base)
    settings["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] += f",{_HEAVY}"
    return {**base, **settings}


def start(
    command: tuple[str, ...], endpoint: str, log: Path, **more: str
) -> subprocess.Popen[bytes]:
    """Start a command under the instrumentation, in a group of its own. log: its output."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [BIN / "opentelemetry-instrument", *command],
            env=environment(endpoint, **more),
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell that runs the tests in the background has it ignored, in all they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    client: httpx2.Client
    log: Path
    # Requests that were answered, of any kind.
    answered: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.client.event_hooks = {"response": [self._count]}

    def _count(self, _: httpx2.Response) -> None:
        with self._lock:
            self.answered += 1

    def get(self, path: str, times: int = 1, at_once: int = 16) -> list[httpx2.Response]:
        """Return the answers to so many requests, several at a time.

        Fewer than were asked: a worker that is replaced may close a connection that it took and
        has not read from.
        """

        def ask(_: int) -> httpx2.Response | None:
            try:
                return self.client.get(path)
            except httpx2.TransportError:
                return None

        with ThreadPoolExecutor(at_once) as pool:
            return [answer for answer in pool.map(ask, range(times)) if answer is not None]

    def pids(self, workers: int, seconds: float = 60.0) -> set[int]:
        """Return the processes that answer, once there are so many of them."""
        deadline = time.monotonic() + seconds
        found: set[int] = set()
        while len(found) < workers:
            assert time.monotonic() < deadline, f"{len(found)} of {workers} workers answer"
            found |= {answer.json() for answer in self.get("/pid", 32)}
        return found

    def replace_workers(self) -> None:
        """Have four workers replaced, under traffic."""
        before, done = self.pids(4), threading.Event()

        def traffic() -> None:
            while not done.wait(0.05):
                self.get("/work", 8)

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(traffic)
            self.process.send_signal(signal.SIGHUP)
            # gunicorn starts the new ones first, uvicorn replaces one after the other.
            deadline = time.monotonic() + _READY_SECONDS * 2
            try:
                while before & self.pids(4):
                    assert time.monotonic() < deadline, "some workers are the old ones"
            finally:
                done.set()
            running.result()

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 60.0) -> int:
        """Send a signal; return the exit code when the process has ended."""
        self.process.send_signal(how)
        return self.process.wait(seconds)


@contextmanager
def serving(server: str, endpoint: str, log: Path, **more: str) -> Iterator[Service]:
    """Run the app under one of SERVERS, and leave none of its processes behind."""
    (port,) = free_ports(1)
    command = tuple(part.format(port=port) for part in SERVERS[server])
    process = start(command, endpoint, log, **more)
    url = f"http://127.0.0.1:{port}"
    # No connection is kept: which worker takes a request is decided for each.
    limits = httpx2.Limits(max_keepalive_connections=0)
    with httpx2.Client(base_url=url, timeout=_READY_SECONDS, limits=limits) as client:
        service = Service(process, client, log)
        try:
            _ready(service)
            yield service
        finally:
            for left in _family(process.pid):
                left.kill()
            process.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _ready(service: Service) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            if service.client.get("/pid").is_success:
                return
        except httpx2.TransportError:
            assert service.process.poll() is None, service.log.read_text()[-3000:]
            assert time.monotonic() < deadline, service.log.read_text()[-3000:]
            time.sleep(0.1)
