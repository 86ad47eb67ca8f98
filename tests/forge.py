"""Stand-ins of GitHub and GitLab: their API of comments, and the shell that runs a job's steps."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = {"id": 1, "type": "Bot"}


@dataclass
class Api:
    """Comments, by which path; user: what /user answers, None: refused, as to a job's own token."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    user: dict[str, Any] | None = None
    refused: int = 0
    url: str = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        split = urlsplit(path)
        if split.path.endswith("/user"):
            return (200, self.user) if self.user else (403, {"message": "Resource not accessible"})
        self.asked.append((method, split.path, body))
        if self.refused:
            return self.refused, {"message": "no"}
        if method == "GET":
            query = parse_qs(split.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if method == "POST":
            self.comments.append({"id": 900, "user": BOT, **body})
            return 201, self.comments[-1]
        number = int(split.path.rsplit("/", 1)[1])
        (one,) = [comment for comment in self.comments if comment["id"] == number]
        one.update(body)
        return 200, one


@contextmanager
def served() -> Iterator[Api]:
    """Serve the API on loopback."""
    made = Api()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            token = self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN")
            made.tokens.add(str(token))
            code, data = made.answer(self.command, self.path, body)
            content = json.dumps(data).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = handle_one

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
