"""An HTTP server on loopback, in a thread, that many may ask at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """A server whose requests have a thread each."""

    daemon_threads = True
    # A probe asks for every component at once. Beyond the library's five that wait to be
    # accepted, a connection is tried again after a second, and then the probe is too late.
    request_queue_size = 128


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[Server]:
    """Serve (port 0: at any free one) until the block ends."""
    server = Server(("127.0.0.1", port), handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
