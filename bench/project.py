"""A rendered project with ports of its own, and processes that run beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.harness import ROOT
from generator import write
from generator.compile import read_spec, render_model

SPEC = ROOT / "spec" / "ims.yaml"


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all held at once so that none repeats."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def own_ports() -> dict[str, Any]:
    """Return an overlay that gives every component of the stack free ports."""
    stack = yaml.safe_load(SPEC.read_text(encoding="utf-8"))["stack"]
    found: dict[str, Any] = {}
    wanted = [
        (name, port) for name, part in stack.items() for port in (part or {}).get("ports", {})
    ]
    for (name, port), number in zip(wanted, free_ports(len(wanted)), strict=True):
        found.setdefault(name, {"ports": {}})["ports"][port] = number
    return {"stack": found}


def rendered(folder: Path, *overlays: Mapping[str, Any]) -> Path:
    """Render the spec with overlays laid over it into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, overlay in enumerate(overlays):
        files.append(folder / f"overlay-{number}.yaml")
        files[-1].write_text(yaml.safe_dump(overlay), encoding="utf-8")
    compiled = read_spec([SPEC, *files])
    if compiled.model is None:
        raise SystemExit("\n".join(compiled.lines()))
    write.apply(folder, write.changes(folder, render_model(compiled.model)))
    return folder


@contextmanager
def process(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process, its output in ``log``; interrupt it at the end and wait."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            **options,
        )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGINT)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def await_http(url: str, running: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Wait until a URL answers with success; SystemExit with the log's end if it never does."""
    deadline = time.monotonic() + seconds
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline and running.poll() is None:
            try:
                if client.get(url).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
    raise SystemExit(f"{url} does not answer; {log}:\n{log.read_text()[-2000:]}")


def packages(*names: str) -> dict[str, str]:
    """Return name -> version of installed packages."""
    return {name: version(name) for name in names}
