"""The stub vendors of the example gateway, in a process of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import EXAMPLES
from bench.project import await_http, process
from imsobs.runtime.trial import free_ports


@contextmanager
def stub_vendors(log: Path) -> Iterator[str]:
    """Run them, what they print in ``log``; yield their address once they answer."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "--factory", "gateway.vendors.app:create_app"]
    command += ["--port", str(port), "--log-level", "critical"]
    with process(command, log, {"PYTHONPATH": str(EXAMPLES)}) as started:
        await_http(f"{address}/health", started, log)
        yield address
