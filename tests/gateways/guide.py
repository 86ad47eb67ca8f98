"""Commands of docs/guide/integration.md, executed in a fresh folder on ports of its own."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from imsobs.compile import read_spec
from imsobs.runtime.trial import own_ports

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/integration.md"
_START_SECONDS = 240.0


def commands(section: str, port: int, replaced: int) -> list[list[str]]:
    """Return the commands of a section, with another port in the place of its own."""
    body = GUIDE.read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", body, flags=re.DOTALL)
    text = "".join(blocks).replace("\\\n", " ").replace(str(replaced), str(port))
    return [shlex.split(line) for line in text.splitlines()]


@dataclass
class Project:
    """A folder with a service, and the stack that is started for it."""

    folder: Path
    environment: dict[str, str]
    prometheus: str = ""
    # What the service printed; several starts follow each other.
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "served.log"

    def call(self, command: list[str], *also: int) -> str:
        """Run a command to its end and return what it printed. also: exit codes besides 0."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode in (0, *also), f"{shlex.join(command)}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def own_places(self) -> None:
        """Give the stack ports of its own, and short intervals; render."""
        model = read_spec([self.folder / "spec/spec.yaml"]).model
        assert model is not None
        more = {**own_ports(model.spec.stack), "scrape": {"interval": "2s", "timeout": "2s"}}
        (self.folder / "spec/ports.yaml").write_text(yaml.safe_dump(more))
        self.prometheus = f"http://127.0.0.1:{more['stack']['prometheus']['ports']['http']}"
        self.call(["imsobs", "render"])

    @contextmanager
    def served(self, command: list[str], health: str) -> Iterator[None]:
        """Run a service until its health route answers; stop it at the end."""
        with self.log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
        try:
            until = time.monotonic() + _START_SECONDS
            while not answers(health):
                assert process.poll() is None, self.log.read_text()[-3000:]
                assert time.monotonic() < until, self.log.read_text()[-3000:]
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def counted(self, expression: str, *labels: str) -> dict[str, float]:
        """Return the values of an instant query by its labels, in one text; zeros left out."""
        url = f"{self.prometheus}/api/v1/query"
        result = httpx.get(url, params={"query": expression}, timeout=30).json()["data"]["result"]
        rows = {
            " ".join(one["metric"].get(label, "") for label in labels): float(one["value"][1])
            for one in result
        }
        return {name: value for name, value in sorted(rows.items()) if value}


def answers(url: str) -> bool:
    """Return whether a URL answers with success."""
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def settled(ask: Callable[[], object], expected: object, seconds: float = 60) -> None:
    """Wait until an answer is what is expected, at most so long; who asks then compares."""
    until = time.monotonic() + seconds
    while ask() != expected and time.monotonic() < until:
        time.sleep(0.5)
