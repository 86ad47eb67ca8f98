"""Readiness: ask URLs, and wait until every process answers or one is seen to crash."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from generator.errors import ImsobsError
from generator.native.daemon import ProcessState, Supervisor
from generator.native.launch import Launch
from generator.native.paths import Layout
from generator.native.progress import Progress

_MOST_STARTS = 3
_TAIL_LINES = 12


def loopback_client(seconds: float = 3.0) -> httpx.Client:
    """Return an HTTP client for loopback: proxies of the environment are not for it."""
    return httpx.Client(timeout=seconds, trust_env=False)


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
            handle.seek(0, 2)
            handle.seek(max(0, handle.tell() - 400 * (lines + 1)))
            text = handle.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]


def crashed(layout: Layout, name: str, detail: str) -> ImsobsError:
    """Return the error for a crashed process: one line, then the end of its log."""
    log = layout.log_of(name)
    last = "\n".join(f"  | {line[:300]}" for line in tail(log)) or "  | (its log is empty)"
    return ImsobsError(
        f"{name} crashed: {detail}\n{last}",
        remedy="fix the cause and run imsobs up again (only what changed is started), "
        "or imsobs down",
        log=log,
    )


def wait_until_ready(
    supervisor: Supervisor, layout: Layout, launches: Mapping[str, Launch], progress: Progress
) -> None:
    """Wait until every process answers its readiness URL.

    Raises ImsobsError as soon as one crashed for good (or three times), or when one is
    not ready within its ``ready_seconds``.
    """
    begin = time.monotonic()
    waiting = dict(launches)
    told_waiting: set[str] = set()
    starts: dict[str, set[int]] = {name: set() for name in launches}
    with loopback_client() as client:
        while waiting:
            states = supervisor.processes()
            reasons: dict[str, str] = {}
            for name, launch in list(waiting.items()):
                state = states[name]
                _fail_if_crashed(supervisor, layout, state, starts[name])
                reason = state.state.lower()
                if state.up:
                    reason = why_not_ready(client, launch.process.ready) or ""
                if not reason:
                    del waiting[name]
                    if name in told_waiting:
                        progress.note(f"{name} is ready ({time.monotonic() - begin:.1f} s)")
                    continue
                reasons[name] = reason
                if time.monotonic() - begin > launch.process.ready_seconds:
                    raise ImsobsError(
                        f"{name} is not ready after {launch.process.ready_seconds} s: "
                        f"{launch.process.ready}: {reason}",
                        remedy=f"imsobs logs {name}",
                        log=layout.log_of(name),
                    )
            told_waiting.update(waiting)
            if waiting:
                told = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
                progress.doing(f"waiting {time.monotonic() - begin:.0f} s for {told}")
                time.sleep(0.1)


def _fail_if_crashed(
    supervisor: Supervisor, layout: Layout, state: ProcessState, starts: set[int]
) -> None:
    if state.pid:
        starts.add(state.pid)
    if state.state == "FATAL":
        raise crashed(layout, state.name, "it exits as soon as it is started")
    if len(starts) > _MOST_STARTS:
        supervisor.stop_process(state.name)
        raise crashed(layout, state.name, f"it was started {len(starts)} times and exited again")
