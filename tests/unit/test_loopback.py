"""Whoever took a port first answers it: answers are bounded in bytes, time and depth."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from imsobs.errors import ImsobsError
from imsobs.preview.fetch import Prometheus
from imsobs.runtime.loopback import TooLongError, json_of, loopback_client
from imsobs.runtime.traces import fetch_trace

DEEP = b"[" * 200_000


@pytest.fixture(scope="module")
def squatter() -> Iterator[str]:
    """The URL of a server that answers without end, slowly, deeply, or compressed."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if "bomb" in self.path:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            with suppress(OSError):
                self.talk()

        do_POST = do_GET

        def talk(self) -> None:
            if "endless" in self.path:
                while True:
                    self.wfile.write(b"x" * 65536)
            if "slow" in self.path:
                for _ in range(1000):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.05)
            self.wfile.write(b"{}" if "short" in self.path else DEEP)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["endless", "slow", "bomb"])
def test_an_answer_without_end_is_an_error_like_any_other(squatter: str, path: str) -> None:
    begun = time.monotonic()
    with (
        loopback_client(most=1_000_000, patience=0.5) as client,
        pytest.raises(TooLongError) as caught,
    ):
        client.get(f"{squatter}/{path}")
    assert isinstance(caught.value, httpx.HTTPError)
    assert time.monotonic() - begun < 25


def test_an_answer_of_a_usual_size_is_read(squatter: str) -> None:
    with loopback_client() as client:
        assert json_of(client.get(f"{squatter}/short")) == {}
        with pytest.raises(ValueError, match=r"nests without end|Expecting"):
            json_of(client.get(f"{squatter}/deep"))


def test_commands_tell_it_in_one_line(squatter: str) -> None:
    with pytest.raises(ImsobsError, match="Jaeger does not answer"):
        fetch_trace(f"{squatter}/deep", "abc")
    with pytest.raises(ImsobsError, match="Prometheus does not answer"):
        Prometheus(f"{squatter}/deep").range("up", 0, 60, 15)
