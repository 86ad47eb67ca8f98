"""A local web hook that keeps what Alertmanager sends to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from imsobs.runtime.drill.server import serving

_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Notice:
    """One alert of one notification. receiver: last part of the hook's path."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    group: dict[str, str]

    @property
    def alert(self) -> str:
        """The alert's name."""
        return self.labels.get("alertname", "")


@dataclass
class Inbox:
    """What came in so far. url: base of the hooks, one per receiver: ``<url>/<receiver>``."""

    url: str = ""
    _notices: list[Notice] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, receiver: str, message: dict[str, Any]) -> None:
        """Keep every alert of a notification."""
        notices = [
            Notice(
                receiver,
                str(alert.get("status", "")),
                dict(alert.get("labels", {})),
                dict(alert.get("annotations", {})),
                dict(message.get("groupLabels", {})),
            )
            for alert in message.get("alerts", [])
        ]
        with self._lock:
            self._notices += notices

    def notices(self) -> list[Notice]:
        """Return what came in so far, oldest first."""
        with self._lock:
            return list(self._notices)


@contextmanager
def listening(port: int = 0) -> Iterator[Inbox]:
    """Listen on loopback (port 0: any free one) until the block ends."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), _LARGEST)
            body = self.rfile.read(length)
            try:
                inbox.take(self.path.rsplit("/", 1)[-1], json.loads(body))
                self.send_response(200)
            except (ValueError, AttributeError):
                self.send_response(400)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: the drill's table is the output."""

    with serving(Handler, port) as server:
        inbox.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield inbox
