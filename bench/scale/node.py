"""A process at a loopback address of its own, as a pod has one."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.project import await_http, process


def finding(command: list[str | Path], resolv_conf: Path | None) -> list[str | Path]:
    """Return a command that finds ``resolv_conf``, if any, as /etc/resolv.conf."""
    if resolv_conf is None:
        return command
    bound = f"mount --bind {resolv_conf} /etc/resolv.conf && exec "
    return ["unshare", "-m", "sh", "-c", bound + " ".join(map(str, command))]


@dataclass
class Node:
    """A process at an address. command: what starts it; ready: the URL that says it has."""

    address: str
    command: list[str | Path]
    folder: Path
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)
    running: subprocess.Popen[bytes] | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def pid(self) -> int:
        """The id of the process, which runs."""
        return self._process().pid

    def start(self, *, wait: bool = True) -> Node:
        """Start it; wait until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "log"
        self.running = self._open.enter_context(process(self.command, log, self.env))
        if wait:
            self.await_ready()
        return self

    def await_ready(self) -> None:
        """Wait until it is ready."""
        await_http(self.ready, self._process(), self.folder / "log")

    def _process(self) -> subprocess.Popen[bytes]:
        if self.running is None:
            raise ValueError(f"{self.folder.name} does not run")
        return self.running

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait for that."""
        if self.running is not None:
            self.running.send_signal(how)
            self.running.wait(60)
            self.running = None
            with suppress(ProcessLookupError):
                self._open.close()

    def pause(self) -> None:
        """Let it answer nobody, as a process that hangs."""
        self._process().send_signal(signal.SIGSTOP)

    def proceed(self) -> None:
        """Let it go on."""
        self._process().send_signal(signal.SIGCONT)

    def scrape(self, port: int) -> dict[str, float]:
        """Return series -> value of what it exposes."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            lines = client.get(f"http://{self.address}:{port}/metrics").text.splitlines()
        rows = (line.split(" # ")[0].rpartition(" ") for line in lines if line[:1] not in ("#", ""))
        return {series: float(value) for series, _, value in rows}

    def total(self, port: int, *parts: str) -> float:
        """Return the sum of the exposed series in which all of these texts are."""
        rows = self.scrape(port).items()
        return sum(value for series, value in rows if all(part in series for part in parts))
