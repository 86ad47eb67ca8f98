"""A rendered project with ports of its own, and processes that run beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from bench.harness import ROOT
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.trial import render_trial

SPEC = ROOT / "spec" / "ims.yaml"


def rendered(folder: Path, *overlays: Mapping[str, Any]) -> Path:
    """Render the spec, on free ports and with overlays, into ``folder`` and return it."""
    return render_trial(folder, SPEC, *overlays)


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


def components(*names: str) -> dict[str, str]:
    """Return name -> version of the stack's components, as the spec pins them."""
    pinned = load_plan(ROOT).components
    return {name: pinned[name].version for name in names}
