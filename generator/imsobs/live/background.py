"""Live pages beside a running stack: started once, ended with it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

import httpx

from imsobs.errors import ImsobsError
from imsobs.runtime.docker import recorded_mode
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import Layout

PROJECT_HEADER = "x-imsobs-project"
_START_SECONDS = 60.0
_LOOK_SECONDS = 2.0


def project_id(layout: Layout) -> str:
    """Return what tells the pages of one project from those of another, without its path."""
    return hashlib.sha256(str(layout.root.resolve()).encode()).hexdigest()[:16]


def start(layout: Layout, port: int, words: Sequence[str]) -> bool:
    """Start ``imsobs WORDS`` detached and wait until it answers; False when it already did.

    Raises ImsobsError: no stack is up, or the pages do not come up.
    """
    if recorded_mode(layout) is None:
        raise ImsobsError("the stack is down", remedy="imsobs up")
    if _serves(layout, port):
        return False
    layout.make()
    log = layout.log_of("preview")
    command = [sys.executable, "-m", "imsobs", *words]
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if _serves(layout, port):
            return True
        time.sleep(0.2)
    child.terminate()
    raise ImsobsError(
        f"the live pages do not come up on port {port}", remedy="give another --port", log=log
    )


def _serves(layout: Layout, port: int) -> bool:
    try:
        with loopback_client(2) as client:
            answer = client.get(f"http://127.0.0.1:{port}/alerts/firing")
    except httpx.HTTPError:
        return False
    return bool(answer.headers.get(PROJECT_HEADER) == project_id(layout))


def when_down(layout: Layout, end: Callable[[], None]) -> None:
    """Call ``end`` once when the project's stack is taken down."""

    def look() -> None:
        while recorded_mode(layout) is not None:
            time.sleep(_LOOK_SECONDS)
        end()

    threading.Thread(target=look, daemon=True, name="when-down").start()
