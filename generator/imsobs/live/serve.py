"""The server of the live pages: one address on loopback, until it is interrupted."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from imsobs.errors import ImsobsError
from imsobs.live.background import PROJECT_HEADER, project_id, when_down
from imsobs.live.site import site
from imsobs.live.sources import Sources
from imsobs.runtime.paths import layout_for


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """Yield a socket that listens on loopback; ImsobsError when the port is taken."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise ImsobsError(
                f"port {port} cannot be listened on: {error.strerror}", remedy="give another --port"
            ) from error
        listener.listen(128)
        yield listener


def serve(
    listener: socket.socket,
    boards: Sequence[Mapping[str, Any]],
    runbooks: Mapping[str, str],
    sources: Sources,
    scrape_interval: float,
    *,
    until_down: bool = False,
) -> None:
    """Serve the pages until SIGINT or SIGTERM, or until the stack is taken down.

    The other arguments are those of ``site``.
    """
    layout = layout_for(sources.root)
    settings = uvicorn.Config(
        site(boards, runbooks, sources, scrape_interval),
        log_level="warning",
        access_log=False,
        server_header=False,
        headers=[(PROJECT_HEADER, project_id(layout))],
        # A page that is open must not keep the server alive.
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(settings)
    if until_down:
        when_down(layout, partial(setattr, server, "should_exit", True))
    server.run(sockets=[listener])
