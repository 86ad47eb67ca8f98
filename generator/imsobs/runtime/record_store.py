"""Where log records are: Loki when the stack has one, else the file that the Collector writes."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlencode

import httpx

from imsobs import artifacts, yamlio
from imsobs.errors import ImsobsError
from imsobs.files import read_regular
from imsobs.runtime import docker
from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.process.record import read_record
from imsobs.runtime.records import Record, Wanted, from_lines, from_loki

_SECONDS = 20.0
_PATTERN = "store*.jsonl"
_FOLDER = "logs"
_REMEDY = "imsobs status"


def find(plan: Plan, layout: Layout, wanted: Wanted) -> tuple[list[Record], str]:
    """Return the records that fit, oldest first, and where they were found.

    Raises ImsobsError: the stack is down, Loki does not answer, or there is no file yet.
    """
    if docker.recorded_mode(layout) == "docker":
        states = docker.compose_states(layout)
        if not states:
            raise ImsobsError("the stack is down", remedy="imsobs up")
        if _writes_a_file(layout):
            return wanted.newest(from_lines(_container_lines(layout))), "the Collector's file"
        if not states.get("loki", "").startswith("Up"):
            raise ImsobsError("Loki does not run", remedy=_REMEDY)
        return wanted.newest(from_loki(_ask_container(plan, layout, wanted))), "Loki"
    if "loki" in read_record(layout):
        if not Supervisor(layout).alive():
            raise ImsobsError("the stack is down", remedy="imsobs up")
        return wanted.newest(from_loki(_ask_loki(plan, layout, wanted))), "Loki"
    # The file is there to be read when nothing runs, too.
    folder = layout.state / _FOLDER
    files = sorted(folder.glob(_PATTERN), key=lambda path: path.stat().st_mtime)
    if not files:
        raise ImsobsError(
            f"no record was written to {folder}/store.jsonl", remedy=f"{_REMEDY}: is it up?"
        )
    chosen = [path for path in files if path.stat().st_mtime_ns >= wanted.start]
    return wanted.newest(from_lines(_lines(chosen))), str(folder / "store.jsonl")


def _lines(files: list[Path]) -> Iterator[str]:
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as handle:
            yield from handle


def _parameters(wanted: Wanted) -> dict[str, str]:
    return {
        "query": wanted.logql(),
        "start": str(wanted.start),
        "end": str(wanted.end),
        "limit": str(wanted.limit),
        "direction": "backward",
    }


def _ask_loki(plan: Plan, layout: Layout, wanted: Wanted) -> Any:
    ready = httpx.URL(layout.fill(plan.processes["loki"].ready))
    base = str(ready).removesuffix("/ready")
    try:
        with loopback_client(_SECONDS) as client:
            answer = client.get(f"{base}/loki/api/v1/query_range", params=_parameters(wanted))
            if answer.is_success:
                return json_of(answer)
            said = " ".join(answer.text.split())[:300]
    except (httpx.HTTPError, ValueError) as error:
        # Not its address: the path is a secret of this user.
        raise ImsobsError(
            f"Loki does not answer ({type(error).__name__})", remedy=_REMEDY
        ) from error
    raise ImsobsError(f"Loki answered HTTP {answer.status_code}: {said}")


def _ask_container(plan: Plan, layout: Layout, wanted: Wanted) -> Any:
    """Ask Loki from within the network of the stack: its port is not published."""
    port = plan.processes["loki"].ports["http"]
    url = f"http://loki.stack:{port}/loki/api/v1/query_range?{urlencode(_parameters(wanted))}"
    worked, said = docker.compose_exec(layout, "prometheus", "wget", "-q", "-O", "-", url)
    try:
        if worked:
            return json.loads(said)
    except ValueError:
        pass
    first = (said.strip().splitlines() or ["no answer"])[0][:300]
    raise ImsobsError(f"Loki cannot be asked from the container of Prometheus: {first}")


def _collector(layout: Layout) -> dict[str, Any]:
    text = read_regular(layout.root / artifacts.COMPOSE).decode()
    return dict(yamlio.parse(text)["services"]["otelcol"])


def _writes_a_file(layout: Layout) -> bool:
    """Return whether the Collector's container was started with the file as its log exporter."""
    environment = docker.container_environment(layout, "otelcol")
    return environment.get("IMSOBS_LOG_EXPORTER", "") == "file"


def _container_lines(layout: Layout) -> Iterator[str]:
    state = PurePosixPath(_collector(layout)["environment"]["IMSOBS_STATE"])
    archive = docker.compose_read(layout, "otelcol", str(state / _FOLDER))
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = [m for m in tar.getmembers() if PurePosixPath(m.name).match(_PATTERN)]
            for member in sorted(members, key=lambda m: m.mtime):
                handle = tar.extractfile(member) if member.isfile() else None
                if handle is not None:
                    yield from io.TextIOWrapper(handle, encoding="utf-8", errors="replace")
    except tarfile.TarError as error:
        raise ImsobsError(f"the Collector's file cannot be read: {error}") from error
