"""kubectl: what it answers, and why it does not. Nothing here changes a cluster."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imsobs.errors import ImsobsError

NAME = "kubectl"
_REQUEST_SECONDS = 10
# A kubeconfig may name a program that logs in first.
_SECONDS = 60
_FORWARD_SECONDS = 30.0
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")
_LONGEST = 300
# Prints the keys of a Secret; its values never leave kubectl.
_KEYS = '{{range $key, $_ := .data}}{{$key}}{{"\\n"}}{{end}}'


@dataclass(frozen=True)
class Answer:
    """What the API server says. data: parsed; None when it says no. why: its words then."""

    data: Any = None
    why: str = ""

    @property
    def absent(self) -> bool:
        """Whether there is no such thing."""
        return "(NotFound)" in self.why or "not find the requested resource" in self.why


@dataclass(frozen=True)
class Kubectl:
    """The program, and the context of its configuration; None: the current one."""

    path: str
    context: str | None = None

    def get(self, *what: str, namespace: str | None = None) -> Answer:
        """Return objects: ``get("namespace", "x")``."""
        place = [] if namespace is None else ["--namespace", namespace]
        return self._parsed("get", *what, *place, "--output", "json")

    def raw(self, path: str) -> Answer:
        """Return what a path of the API says, such as ``/apis/GROUP/VERSION``."""
        return self._parsed("get", "--raw", path)

    def version(self) -> Answer:
        """Return the version of the API server.

        ``kubectl version`` also compares it with its own, and fails where it cannot.
        """
        return self.raw("/version")

    def chosen(self) -> str:
        """Return the name of the context that is asked; empty when none is chosen."""
        if self.context is not None:
            return self.context
        done = self._run("config", "current-context")
        return done.stdout.strip() if done.returncode == 0 else ""

    def secret_keys(self, name: str, namespace: str) -> Answer:
        """Return the names of a Secret's keys, as a set."""
        arguments = ("get", "secret", name, "--namespace", namespace)
        done = self._run(*arguments, "--output", f"go-template={_KEYS}")
        if done.returncode:
            return Answer(why=_words(done))
        return Answer(data=set(done.stdout.split()))

    @contextmanager
    def forwarded(self, service: str, port: int, namespace: str) -> Iterator[str]:
        """Forward a free port of loopback to a Service; yield its URL. Raises ImsobsError."""
        command = [*self._command(), "port-forward", "--namespace", namespace]
        command += ["--address", "127.0.0.1", f"service/{service}", f":{port}"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            text=True, errors="replace",
        ) as process:  # fmt: skip
            try:
                yield f"http://127.0.0.1:{_port(process, service)}"
            finally:
                process.terminate()

    def _command(self) -> list[str]:
        return [self.path, *([] if self.context is None else ["--context", self.context])]

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # The caller's whole environment: kubectl asks programs that the caller's configuration
        # names for credentials, and these read variables of their own.
        command = [*self._command(), f"--request-timeout={_REQUEST_SECONDS}s", *arguments]
        try:
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(command, 1, "", f"kubectl does not run: {error}")

    def _parsed(self, *arguments: str) -> Answer:
        done = self._run(*arguments)
        if done.returncode:
            return Answer(why=_words(done))
        try:
            return Answer(data=json.loads(done.stdout))
        except (ValueError, RecursionError):
            return Answer(why="kubectl does not answer with JSON")


def found(context: str | None) -> Kubectl | None:
    """Return the kubectl on PATH; None without one."""
    path = shutil.which(NAME)
    return None if path is None else Kubectl(path, context)


def _words(done: subprocess.CompletedProcess[str]) -> str:
    """Return why: the last line that kubectl wrote, which sums the others up."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1][:_LONGEST] if lines else f"exit code {done.returncode}"


def _port(process: subprocess.Popen[str], service: str) -> int:
    """Return the port that is forwarded, once kubectl says which. Raises ImsobsError."""
    said = ""
    assert process.stdout is not None  # noqa: S101 - for the types
    # Ends the loop also when kubectl says nothing.
    limit = threading.Timer(_FORWARD_SECONDS, process.terminate)
    limit.start()
    try:
        for line in process.stdout:
            said = line.strip()
            if at := _FORWARDING.search(said):
                return int(at[1])
    finally:
        limit.cancel()
    message = f"no port is forwarded to {service}: {said[:_LONGEST] or 'kubectl says nothing'}"
    raise ImsobsError(message, remedy="name its address with --prometheus")
