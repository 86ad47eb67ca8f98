"""A recording of metrics, served by a Prometheus of its own for as long as it is asked."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.environment import BASE, chosen
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.trial import free_ports

_SECONDS = 300
_READY_SECONDS = 60.0
# The stack's own retention would delete what was recorded before it.
_KEPT = "100y"


@dataclass(frozen=True)
class Recording:
    """Where a recording can be queried, and when its last sample was (Unix seconds)."""

    url: str
    end: float


@contextmanager
def served(file: Path, root: Path) -> Iterator[Recording]:
    """Serve an OpenMetrics file with timestamps (``promtool tsdb dump-openmetrics``).

    Raises ImsobsError (INPUT) for what promtool does not take, (OUTSIDE) when Prometheus does not
    start.
    """
    promtool = resolve_binary("promtool", root)
    with tempfile.TemporaryDirectory(prefix="imsobs-recording-") as folder:
        data = Path(folder) / "data"
        command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", str(file), str(data)]
        made = subprocess.run(
            command, env=chosen(BASE), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        ends = [json.loads(m.read_text())["maxTime"] for m in data.glob("*/meta.json")]
        if made.returncode != 0 or not ends:
            said = (made.stderr.strip().splitlines() or ["it has no samples"])[-1]
            raise ImsobsError(
                f"{file} is no recording: {said}",
                remedy="record one with promtool tsdb dump-openmetrics",
                exit_code=ExitCode.INPUT,
            )
        with running(data, root) as (url, _):
            # A block ends behind its last sample, in ms.
            yield Recording(url, (max(ends) - 1) / 1000)


@contextmanager
def running(data: Path, root: Path) -> Iterator[tuple[str, int]]:
    """Yield URL and process id of a Prometheus that serves a database and scrapes nothing.

    data: its folder; configuration and log lie beside it. Raises ImsobsError when it does not
    start.
    """
    prometheus = resolve_binary("prometheus", root)
    config = data.with_suffix(".yaml")
    config.write_text("{}\n", encoding="utf-8")
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    features = [
        arg
        for arg in load_plan(root).processes["prometheus"].args
        if arg.startswith("--enable-feature=")
    ]
    command = [
        str(prometheus), f"--config.file={config}", f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={_KEPT}", f"--web.listen-address={address}",
        "--web.cors.origin=none", *features,
    ]  # fmt: skip
    log = data.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=chosen(BASE), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            _wait(f"http://{address}/-/ready", process, log)
            yield f"http://{address}", process.pid
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    with loopback_client() as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if client.get(url).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
    said = (log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
    raise ImsobsError(f"Prometheus does not serve the recording; it says: {said}")
