"""A Prometheus that holds samples which were made up: blocks by promtool, and a server of them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.harness import ROOT
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.trial import free_ports

_START_SECONDS = 60


def add_blocks(lines: Iterable[str], data: Path) -> None:
    """Add samples to a database folder.

    lines: ``name{label="value"} 1 1700000000`` (Unix seconds), a series' samples in a row and in
    their order; series of one name stand together.
    """
    data.mkdir(parents=True, exist_ok=True)
    file = data.with_suffix(".om")
    with file.open("w") as target:
        target.writelines(f"{line}\n" for line in lines)
        target.write("# EOF\n")
    promtool = resolve_binary("promtool", ROOT)
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", file, data]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    file.unlink()


@contextmanager
def served(data: Path) -> Iterator[tuple[str, int]]:
    """Yield address and process id of a Prometheus that serves a folder and scrapes nothing."""
    config = data.with_suffix(".yaml")
    config.write_text("{}\n")
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = [
        resolve_binary("prometheus", ROOT),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
    ]
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _is_ready(address):
            if time.monotonic() > deadline or process.poll() is not None:
                raise AssertionError(log.read_text())
            time.sleep(0.1)
        yield f"http://{address}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=_START_SECONDS)


def _is_ready(address: str) -> bool:
    try:
        answer = httpx.get(f"http://{address}/-/ready", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200
