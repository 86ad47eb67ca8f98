"""How an encoded request gets into the official exporter, which sends it.

That one takes a batch and a session of `requests`, and so decides on everything between the two:
headers, compression, time limits, what is tried again and when, what is logged and counted. It
gets a batch that has a length and no items, which it encodes to an empty request, and a session
that puts the encoded request in place of the empty one. All of these are public interfaces.
"""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Never, overload

import requests
from requests.adapters import HTTPAdapter

_COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


class EmptyBatch(Sequence[Never]):
    """A batch that knows how many items it holds."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Never: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Never]: ...
    def __getitem__(self, index: object) -> Any:
        raise IndexError(index)


class Sending:
    """A request on its way."""

    def __init__(self, body: bytes) -> None:
        self.asked = False
        self._body = body
        self._compressed: dict[str, bytes] = {}

    def body(self, encoding: str) -> bytes:
        """Return the body in the encoding that the header promises; empty: as it is."""
        self.asked = True
        if not encoding:
            return self._body
        if encoding not in self._compressed:
            self._compressed[encoding] = _COMPRESSIONS[encoding](self._body)
        return self._compressed[encoding]


class Session(requests.Session):
    """A session whose requests have the body that this thread is sending."""

    def __init__(self) -> None:
        super().__init__()
        self._of_thread = threading.local()
        self._environment: tuple[str, Any] | None = None

    @contextmanager
    def sending(self, body: bytes) -> Iterator[Sending]:
        """Send ``body`` in place of whatever this thread is asked to send meanwhile."""
        self._of_thread.sending = sending = Sending(body)
        try:
            yield sending
        finally:
            self._of_thread.sending = None

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request (https://requests.readthedocs.io/en/latest/api/#requests.Session)."""
        sending: Sending | None = getattr(self._of_thread, "sending", None)
        if sending is not None:
            headers = {name.lower(): value for name, value in (kwargs.get("headers") or {}).items()}
            kwargs["data"] = sending.body(headers.get("content-encoding", ""))
        return super().request(*args, **kwargs)

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        """Return proxies and certificates; the environment is read once.

        `requests` walks over all variables for each request, which takes a third of its time.
        """
        asked = repr((args, kwargs))
        if self._environment is None or self._environment[0] != asked:
            self._environment = asked, super().merge_environment_settings(*args, **kwargs)
        return dict(self._environment[1])

    def drop_connections(self) -> None:
        """Connect anew from now on, and close nothing: in a forked child, which shares them."""
        for prefix in list(self.adapters):
            self.mount(prefix, HTTPAdapter())
