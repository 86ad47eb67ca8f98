"""Headers of requests are read without work for those that nobody looks for.

The instrumentation of a server decodes the names of all headers each time it looks for one, nine
times for a request. That of HTTP clients decodes and splits all headers of a request and of its
answer, and for each name looks through all of them again.

What is made here is the same, for headers of the usual form. For any other the instrumentation's
own function is called. Both are tried with a few headers first; at a difference, or in a version
that does not have them, the instrumentation's own stays.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import Any

_log = logging.getLogger(__name__)
_SERVERS = "opentelemetry.instrumentation.asgi"
_CLIENTS = "opentelemetry.instrumentation.httpx"
# This one has no public name.
_NORMALIZE = "_normalize_headers"
_CLIENT_MODULES = ("httpx", "httpx2")
_ENCODINGS = frozenset({"ascii", "utf-8", "iso-8859-1"})
# Names that are looked for, of all propagators and instrumentations.
_MOST_NAMES = 64
_TRIED = [
    (b"host", b"example.org:8080"),
    (b"X-Tried", b"a, b"),
    (b"x-tried", b",c ,"),
    (b"empty", b""),
    (b"traceparent", b"00-1"),
]
_Get = Callable[[Any, Any, str], Any]
_Normalize = Callable[[Any, Any], dict[str, list[str]]]


def install() -> None:
    """Let the instrumentations that are loaded read headers this way."""
    getter: Any = getattr(sys.modules.get(_SERVERS), "ASGIGetter", None)
    if (usual := getattr(getter, "get", None)) is not None:
        get = getting(usual)
        names = ("host", "X-TRIED", "x-tried", "empty", "none")
        carriers: list[Any] = [{"headers": _TRIED}, {"headers": []}, {}]
        if _same(usual, get, [(getter(), c, name) for c in carriers for name in names]):
            getter.get = get
    clients: Any = sys.modules.get(_CLIENTS)
    if (usual := getattr(clients, _NORMALIZE, None)) is not None:
        normalize = normalizing(usual)
        loaded = [sys.modules[name] for name in _CLIENT_MODULES if name in sys.modules]
        headers: list[Any] = [(m.Headers(given), m) for m in loaded for given in (_TRIED, [])]
        if headers and _same(usual, normalize, headers):
            setattr(clients, _NORMALIZE, normalize)


def _same(usual: Callable[..., Any], ours: Callable[..., Any], tried: list[Any]) -> bool:
    """Return whether both give the same; say so when they do not."""
    try:
        same = all(ours(*arguments) == usual(*arguments) for arguments in tried)
    except Exception:
        same = False
    if not same:
        _log.warning("%s.%s reads headers itself", usual.__module__, usual.__qualname__)
    return same


@functools.lru_cache(_MOST_NAMES)
def _bytes_of(name: str) -> bytes | None:
    """Return a header's name as it is sent; None for one that is not ASCII."""
    lower = name.lower()
    return lower.encode() if lower.isascii() else None


def getting(usual: _Get) -> _Get:
    """Return what takes the place of `ASGIGetter.get`, which returns a header's values."""

    @functools.wraps(usual)
    def get(self: Any, carrier: Any, key: str) -> list[str] | None:
        try:
            return _values(carrier.get("headers"), key) or None
        except Exception:
            return usual(self, carrier, key)  # type: ignore[no-any-return]

    return get


def _values(headers: Any, key: str) -> list[str]:
    """Return a header's values; raise where the instrumentation's own must look."""
    name, lower, found = _bytes_of(key), bytes.lower, []
    if type(headers) is not list or name is None:
        raise ValueError
    for sent, value in headers:
        # The lower case of other letters may be ASCII.
        if not sent.isascii():
            raise ValueError
        if lower(sent) == name:
            found.append(value.decode("utf-8"))
    return found


def normalizing(usual: _Normalize) -> _Normalize:
    """Return what takes the place of the clients' function: name -> values, split at commas."""

    @functools.wraps(usual)
    def normalize(headers: Any, module: Any) -> dict[str, list[str]]:
        if type(headers) is not module.Headers or headers.encoding not in _ENCODINGS:
            return usual(headers, module)
        found: dict[str, list[str]] = {}
        encoding = headers.encoding
        for sent, value in headers.raw:
            if not sent.isascii():
                return usual(headers, module)
            values = [one.strip() for one in value.decode(encoding).split(",")]
            found.setdefault(sent.lower().decode(), []).extend(values)
        return found

    return normalize
