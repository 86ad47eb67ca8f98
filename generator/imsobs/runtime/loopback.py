"""Asking what listens on loopback: bounded, as whoever took the port first answers."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx

LONGEST = 64 * 1024 * 1024
"""Bytes of the longest answer that is read."""
_PATIENCE_SECONDS = 60.0


class TooLongError(httpx.TransportError):
    """An answer that has more bytes, or takes more time, than is waited for."""


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, most: int, seconds: float) -> None:
        self._stream = stream
        self._most = most
        self._deadline = time.monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        for chunk in self._stream:
            read += len(chunk)
            if read > self._most or time.monotonic() > self._deadline:
                raise TooLongError(f"the answer does not end within {self._most} bytes")
            yield chunk

    def close(self) -> None:
        self._stream.close()


@cache
def _trusted() -> ssl.SSLContext:
    # Reading the certificates takes longer than an answer, and clients come and go.
    return httpx.create_ssl_context()


class _Transport(httpx.HTTPTransport):
    def __init__(self, most: int, seconds: float) -> None:
        super().__init__(verify=_trusted())
        self._most, self._seconds = most, seconds

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        answer = super().handle_request(request)
        bound(answer, self._most, self._seconds)
        return answer


def bound(answer: httpx.Response, most: int, patience: float) -> None:
    """Bound the bytes and seconds of an answer that is not read yet.

    What reads it raises TooLongError beyond, and this where it is compressed: it was asked for as
    it is, and could be of any size.
    """
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        answer.close()
        raise TooLongError("the answer is compressed, which was not asked for")
    assert isinstance(answer.stream, httpx.SyncByteStream)  # noqa: S101 - for the types
    answer.stream = _Bounded(answer.stream, most, patience)


def loopback_client(
    seconds: float = 3.0, *, most: int = LONGEST, patience: float = _PATIENCE_SECONDS
) -> httpx.Client:
    """Return an HTTP client for loopback: proxies of the environment are not for it.

    seconds: of one step. most, patience: bytes and seconds of a whole answer; TooLongError (an
    httpx.HTTPError) beyond.
    """
    return httpx.Client(timeout=seconds, trust_env=False, transport=_Transport(most, patience))


def json_of(answer: httpx.Response) -> Any:
    """Return an answer's JSON; ValueError also when it nests without end."""
    try:
        return answer.json()
    except RecursionError:
        raise ValueError("the answer nests without end") from None
