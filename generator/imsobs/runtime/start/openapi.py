"""The routes of a service, from its OpenAPI document: foreign text of any size and shape."""

from __future__ import annotations

import fnmatch
import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from imsobs.errors import ExitCode, ImsobsError
from imsobs.files import TooLarge, read_regular

# What a document may have, and what is taken from it.
_MOST_BYTES = 8 * 1024 * 1024
MOST_ROUTES = 300
_LONGEST = 128
# A large application makes its document when it is first asked for: LiteLLM's takes seconds.
_SECONDS = 60.0
_TIMEOUT = httpx.Timeout(_SECONDS, connect=5.0)
# Where many routes are, what is called from elsewhere mostly is here.
_FIRST = re.compile(r"/(api|v\d+)(/|$)")
# Routes that cost nothing before those that may call what is behind the service.
_HEALTH = (
    "/livez",
    "/health/live",
    "/health/liveness",
    "/health/liveliness",
    "/healthz",
    "/-/healthy",
    "/ping",
    "/health",
)


@dataclass(frozen=True)
class Routes:
    """templates: of the paths, sorted.

    no_routes: number of paths that are none. too_many: number of those that were left out.
    """

    templates: list[str] = field(default_factory=list)
    no_routes: int = 0
    too_many: int = 0

    @property
    def health(self) -> str | None:
        """The route that says whether the service works, or None."""
        return next((path for path in _HEALTH if path in self.templates), None)

    def chosen(self, patterns: Sequence[str] = ()) -> Routes:
        """Return those that match a pattern (``*``), with the health route; at most MOST_ROUTES.

        A pattern without ``*`` is a route, also one that no document tells: that of a mounted
        application, say. Of too many, those below /api and /v1 are taken first.
        """
        fit = [
            path
            for path in self.templates
            if not patterns
            or path == self.health
            or any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
        ]
        fit += [own for own in patterns if is_route(own) and "*" not in own and own not in fit]
        fit.sort(key=lambda path: (path != self.health, not _FIRST.match(path), path))
        return Routes(sorted(fit[:MOST_ROUTES]), self.no_routes, max(0, len(fit) - MOST_ROUTES))


def asked(address: str) -> Routes | None:
    """Return the routes that a running service tells, None when it tells none."""
    try:
        return fetched(f"{address.rstrip('/')}/openapi.json", trust_env=False)
    except ImsobsError:
        return None


def fetched(url: str, *, trust_env: bool = True) -> Routes:
    """Return the routes of the document at a URL; ImsobsError when there is no such document.

    trust_env: whether it is asked by way of the proxy that the environment names.
    """
    try:
        return routes(_downloaded(url, trust_env=trust_env), url)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise _refusal(url, f"it cannot be read ({type(error).__name__})") from error


def _downloaded(url: str, *, trust_env: bool) -> bytes:
    """Return the bytes at a URL; whoever sends them drop by drop is given up after _SECONDS."""
    answers: list[bytes | Exception] = []

    def download() -> None:
        try:
            answers.append(_body(url, trust_env=trust_env))
        except Exception as error:
            answers.append(error)

    waiting = threading.Thread(target=download, daemon=True)
    waiting.start()
    waiting.join(_SECONDS)
    if not answers:
        raise _refusal(url, f"it is not there after {_SECONDS:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _body(url: str, *, trust_env: bool) -> bytes:
    with (
        httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=trust_env) as client,
        client.stream("GET", url) as answer,
    ):
        answer.raise_for_status()
        content = b""
        for part in answer.iter_bytes():
            content += part
            if len(content) > _MOST_BYTES:
                raise _refusal(url, f"it has more than {_MOST_BYTES // 2**20} MiB")
    return content


def read(file: Path) -> Routes:
    """Return the routes of a document in a file; ImsobsError when it is none."""
    try:
        return routes(read_regular(file, _MOST_BYTES), str(file))
    except TooLarge as error:
        raise _refusal(str(file), f"it has more than {_MOST_BYTES // 2**20} MiB") from error
    except OSError as error:
        raise _refusal(str(file), f"it cannot be read ({error.strerror})") from error


def routes(content: bytes, source: str) -> Routes:
    """Return the routes of a document; ImsobsError when it is no OpenAPI document."""
    try:
        data: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _refusal(source, "it is no JSON") from error
    paths = data.get("paths") if isinstance(data, dict) else None
    if not isinstance(paths, dict):
        raise _refusal(source, "it has no mapping `paths`")
    sound = sorted(path for path in paths if is_route(path))
    return Routes(sound, len(paths) - len(sound))


def is_route(path: str) -> bool:
    """Return whether a text can be a route, or a pattern of routes."""
    return path.startswith("/") and len(path) <= _LONGEST and path.isascii() and path.isprintable()


def _refusal(source: str, why: str) -> ImsobsError:
    return ImsobsError(
        f"{source} is no OpenAPI document: {why}",
        remedy="leave --openapi out, and write the routes into the spec",
        exit_code=ExitCode.INPUT,
    )
