"""The health routes of a service, answering what a test tells them to."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Self
from urllib.parse import parse_qs, urlsplit

from imsobs.runtime.drill.server import Server


@dataclass(frozen=True)
class Answer:
    """What a route answers. breaks_after: bytes of the body after which the connection ends."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0
    wait_in_body: float = 0
    breaks_after: int | None = None


def documented(**states: str) -> Answer:
    """Return the documented body: component -> status, with status code 200."""
    components = {name: {"status": status} for name, status in states.items()}
    return Answer(body=json.dumps({"components": components}).encode())


class HealthServer:
    """``/health`` and ``/health/detailed?component=NAME``: 200, or 503 when unhealthy.

    answer: (path, component) -> what is answered instead; None leaves it to ``unhealthy``.
    requests: (method, path, headers) of every request so far.
    """

    def __init__(self, answer: Callable[[str, str], Answer | None] | None = None) -> None:
        self.unhealthy: set[str] = set()
        self.answer = answer
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.command, self.path, dict(self.headers)))
                url = urlsplit(self.path)
                component = parse_qs(url.query).get("component", ["service"])[0]
                told = outer.answer(url.path, component) if outer.answer else None
                self.tell(told or Answer(503 if component in outer.unhealthy else 200))

            do_HEAD = do_GET

            def tell(self, answer: Answer) -> None:
                threading.Event().wait(answer.wait)
                self.send_response(answer.status)
                self.send_header("content-length", str(len(answer.body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.flush()
                threading.Event().wait(answer.wait_in_body)
                if self.command == "HEAD":
                    return
                self.wfile.write(answer.body[: answer.breaks_after])
                self.close_connection = True

            def handle(self) -> None:
                # The probe may give up waiting.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    super().handle()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Address of the service."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer no more; whoever asks is refused."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
