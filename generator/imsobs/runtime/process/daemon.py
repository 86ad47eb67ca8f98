"""The supervisor (supervisord): started detached, spoken to over its private socket."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import xmlrpc.client
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil

from imsobs.errors import ImsobsError
from imsobs.runtime.environment import BASE, HOME, chosen
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.launch import MARKER, marker

_START_SECONDS = 15.0
# Longer than any process of a plan may take to stop, which is one call.
_CALL_SECONDS = 60.0
_FAULT_ALREADY_STARTED = 60
_FAULT_NOT_RUNNING = 70
_GONE = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class ProcessState:
    """A process as the supervisor sees it.

    state: STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED or FATAL. pid: 0 when
    there is none. started: seconds since the epoch. detail: the supervisor's own words.
    """

    name: str
    state: str
    pid: int
    started: int
    detail: str

    @property
    def up(self) -> bool:
        """Whether there is a live process behind it."""
        return self.state in ("STARTING", "RUNNING") and self.pid > 0


class SupervisorGone(ImsobsError):
    """The supervisor does not answer on its socket."""


class _SocketTransport(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket, with a timeout.

    supervisor.xmlrpc.SupervisorTransport has none: a supervisor that hangs would hang every
    command. It also leaves the socket open when there is nobody at its other end.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_CALL_SECONDS)
        try:
            connection.sock.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        # Where Transport.close() looks for it.
        self._connection = host, connection
        return connection


class Supervisor:
    """The supervisor of one state folder, running or not."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def _call(self, method: str, *args: Any) -> Any:
        # Whoever listens there takes orders and gives answers that are believed.
        self._layout.require_private()
        proxy = xmlrpc.client.ServerProxy(
            "http://localhost/RPC2", transport=_SocketTransport(self._layout.socket)
        )
        try:
            with proxy:
                return cast(Any, getattr(proxy, f"supervisor.{method}"))(*args)
        except _GONE as error:
            raise SupervisorGone(
                f"the process supervisor does not answer ({type(error).__name__})",
                remedy="imsobs down, then imsobs up",
                log=self._layout.log_of("supervisord"),
            ) from error

    def alive(self) -> bool:
        """Return whether a supervisor answers on the socket."""
        try:
            return bool(self._call("getState")["statecode"] == 1)
        except (SupervisorGone, xmlrpc.client.Error):
            return False

    def start(self) -> None:
        """Start the supervisor, detached; raise ImsobsError when it does not come up."""
        log = self._layout.log_of("supervisord")
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._layout.config)]
        with suppress(FileNotFoundError):
            self._layout.socket.unlink()
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=self._layout.state,
            env=chosen(BASE, HOME, ("PYTHONPATH",)),
        )
        deadline = time.monotonic() + _START_SECONDS
        while done.returncode == 0 and time.monotonic() < deadline:
            if self.alive():
                return
            time.sleep(0.05)
        said = (done.stderr.strip().splitlines() or ["it does not answer"])[-1]
        raise ImsobsError(
            f"the process supervisor did not start: {said}",
            remedy="read the log, then imsobs down and imsobs up",
            log=log if log.exists() else None,
        )

    def processes(self) -> dict[str, ProcessState]:
        """Return every supervised process by name, in the order of their start."""
        return {
            info["name"]: ProcessState(
                info["name"],
                info["statename"],
                info["pid"],
                info["start"],
                info["description"] or info["spawnerr"],
            )
            for info in self._call("getAllProcessInfo")
        }

    def sync(self) -> frozenset[str]:
        """Take over a changed supervisord.conf; what it no longer holds is stopped.

        Returns the processes that run on with the settings of before (the order of stopping,
        sizes of logs): they are given the new ones by ``renew``, with their next restart.
        """
        ((added, changed, removed),) = self._call("reloadConfig")
        for name in removed:
            self.stop_process(name)
            self._call("removeProcessGroup", name)
        for name in added:
            self._call("addProcessGroup", name)
        return frozenset(changed)

    def renew(self, name: str) -> None:
        """Give a stopped process the settings that the last ``sync`` read."""
        self._call("removeProcessGroup", name)
        self._call("addProcessGroup", name)

    def start_process(self, name: str) -> None:
        """Start a process without waiting; one that runs already is left alone."""
        self._forgiving(_FAULT_ALREADY_STARTED, "startProcess", name, False)

    def stop_process(self, name: str) -> None:
        """Stop a process and wait; one that does not run is left alone."""
        self._forgiving(_FAULT_NOT_RUNNING, "stopProcess", name, True)

    def signal(self, name: str, signal_name: str) -> None:
        """Send a signal ("HUP") to a process."""
        self._call("signalProcess", name, signal_name)

    def _forgiving(self, fault: int, method: str, *args: Any) -> None:
        try:
            self._call(method, *args)
        except xmlrpc.client.Fault as error:
            if error.faultCode != fault:
                raise

    def stop_all(self) -> None:
        """Stop every process, the last started first, each with its own patience."""
        for name in reversed(self.processes()):
            self.stop_process(name)

    def shutdown(self, seconds: float) -> bool:
        """Ask it to leave; return whether it was gone within ``seconds``."""
        pid = 0
        with suppress(SupervisorGone, xmlrpc.client.Error):
            pid = int(self._call("getPID"))
            self._call("shutdown")
        deadline = time.monotonic() + seconds
        while running(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not running(pid)


def running(pid: int) -> bool:
    """Return whether a process lives; a zombie does not."""
    try:
        return pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def leftovers(layout: Layout) -> list[psutil.Process]:
    """Return live processes of this state folder: the supervisor, then what it started.

    Known by the marker in their environment or, for the supervisor, by its command line.
    """
    found: list[psutil.Process] = []
    ours = f"@{layout.state}"
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.uids().real != os.getuid():
                continue
            command = process.cmdline()
            if "supervisor.supervisord" in command and str(layout.config) in command:
                found.insert(0, process)
                continue
            value = process.environ().get(MARKER, "")
            if value.endswith(ours) and value == marker(layout, value.removesuffix(ours)):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_leftovers(layout: Layout, seconds: float) -> int:
    """End what a dead or hung supervisor left behind; return how many there were."""
    # The supervisor comes first, or it would restart what is ended.
    processes = leftovers(layout)
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    for process in _wait(processes, seconds):
        with suppress(psutil.Error):
            process.kill()
    _wait(processes, 5)
    return len(processes)


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for processes to end; return those that did not.

    Unlike psutil's own wait this takes a zombie for ended: in a container, nobody may
    ever collect it.
    """
    deadline = time.monotonic() + seconds
    while True:
        alive = [process for process in processes if running(process.pid)]
        if not alive or time.monotonic() >= deadline:
            return alive
        time.sleep(0.02)
