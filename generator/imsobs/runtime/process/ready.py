"""Readiness: ask URLs, and wait until every process answers or one is seen to crash."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import httpx

from imsobs.errors import ImsobsError
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.daemon import ProcessState, Supervisor
from imsobs.runtime.process.launch import Launch
from imsobs.runtime.progress import Progress

_MOST_STARTS = 3
_TAIL_LINES = 12


def why_not_ready(client: httpx.Client, url: str) -> str | None:
    """Return None when ``url`` answers 2xx, else the reason in a few words."""
    try:
        answer = client.get(url)
    except httpx.HTTPError as error:
        return "no connection" if isinstance(error, httpx.ConnectError) else type(error).__name__
    if answer.is_success:
        return None
    first = (answer.text.strip().splitlines() or [""])[0][:120]
    return f"HTTP {answer.status_code} {first}".strip()


def tail(path: Path, lines: int = _TAIL_LINES) -> list[str]:
    """Return the last lines of a log; empty when there is none."""
    try:
        with path.open("rb") as handle:
            last = deque(handle, maxlen=lines)
    except OSError:
        return []
    return [line.decode(errors="replace").rstrip("\r\n") for line in last]


def crashed(layout: Layout, name: str, detail: str) -> ImsobsError:
    """Return the error of a crashed process: one line, then the end of its log."""
    log = layout.log_of(name)
    last = "\n".join(f"  | {line[:300]}" for line in tail(log)) or "  | (its log is empty)"
    return ImsobsError(
        f"{name} crashed: {detail}\n{last}",
        remedy="fix the cause and run imsobs up again (only what changed is started), "
        "or imsobs down",
        log=log,
    )


class _Waiting:
    """One process that is waited for. begin: monotonic seconds of the first look."""

    def __init__(self, layout: Layout, launch: Launch) -> None:
        self._log = layout.log_of(launch.name)
        self._layout = layout
        self._launch = launch
        self._begin = time.monotonic()
        self._starts: set[int] = set()

    def look(self, client: httpx.Client, supervisor: Supervisor, state: ProcessState) -> str:
        """Return "" when it is ready, else why not; raise ImsobsError when it never will be."""
        self._fail_if_crashed(supervisor, state)
        process = self._launch.process
        ready = self._layout.fill(process.ready)
        reason = why_not_ready(client, ready) if state.up else state.state.lower()
        if reason and time.monotonic() - self._begin > process.ready_seconds:
            raise ImsobsError(
                f"{state.name} is not ready after {process.ready_seconds} s: "
                f"{process.ready}: {reason}",
                remedy=f"imsobs logs {state.name}",
                log=self._log,
            )
        return reason or ""

    def _fail_if_crashed(self, supervisor: Supervisor, state: ProcessState) -> None:
        self._starts.add(state.started)
        if state.state == "FATAL" or (state.state == "BACKOFF" and len(self._starts) > 1):
            message = "it exits as soon as it is started"
        elif len(self._starts) > _MOST_STARTS:
            message = f"it was started {len(self._starts)} times and exited again"
        else:
            return
        supervisor.stop_process(state.name)
        raise crashed(self._layout, state.name, message)


def wait_until_ready(
    supervisor: Supervisor, layout: Layout, launches: Mapping[str, Launch], progress: Progress
) -> None:
    """Wait until every process answers its readiness URL.

    Raises ImsobsError as soon as one exits twice within its first second, or four times
    at all, or is not ready within its ``ready_seconds``. A crashed one is then stopped,
    the others are left running.
    """
    begin = time.monotonic()
    waiting = {name: _Waiting(layout, launch) for name, launch in launches.items()}
    first_round = True
    with loopback_client() as client:
        while waiting:
            states = supervisor.processes()
            reasons = {
                name: wait.look(client, supervisor, states[name]) for name, wait in waiting.items()
            }
            for name in [name for name, reason in reasons.items() if not reason]:
                del waiting[name]
                if not first_round:
                    progress.note(f"{name} is ready ({time.monotonic() - begin:.1f} s)")
            first_round = False
            if waiting:
                message = ", ".join(f"{name} ({reasons[name]})" for name in waiting)
                progress.doing(f"waiting {time.monotonic() - begin:.0f} s for {message}")
                time.sleep(0.1)
