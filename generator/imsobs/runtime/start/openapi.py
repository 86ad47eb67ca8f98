"""The routes of a service, from its OpenAPI document: foreign text of any size and shape."""

from __future__ import annotations

import json
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
_SECONDS = 5.0
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
    """templates: of the paths, sorted. left_out: number of those that are none, or too many."""

    templates: list[str] = field(default_factory=list)
    left_out: int = 0

    @property
    def health(self) -> str | None:
        """The route that says whether the service works, or None."""
        return next((path for path in _HEALTH if path in self.templates), None)


def asked(address: str) -> Routes | None:
    """Return the routes that a running service tells, None when it tells none."""
    return fetched(f"{address.rstrip('/')}/openapi.json", quiet=True)


def fetched(url: str, *, quiet: bool = False) -> Routes | None:
    """Return the routes of the document at a URL.

    Raises ImsobsError when there is no such document; quiet: then returns None.
    """
    try:
        with (
            httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=not quiet) as client,
            client.stream("GET", url) as answer,
        ):
            answer.raise_for_status()
            content = b""
            for part in answer.iter_bytes():
                content += part
                if len(content) > _MOST_BYTES:
                    raise _refusal(url, f"it has more than {_MOST_BYTES // 2**20} MiB")
        return routes(content, url)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        if quiet:
            return None
        raise _refusal(url, f"it cannot be read ({type(error).__name__})") from error
    except ImsobsError:
        if quiet:
            return None
        raise


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
    sound = sorted(path for path in paths if _is_route(path))
    taken = sound[:MOST_ROUTES]
    return Routes(taken, len(paths) - len(taken))


def _is_route(path: str) -> bool:
    return path.startswith("/") and len(path) <= _LONGEST and path.isascii() and path.isprintable()


def _refusal(source: str, why: str) -> ImsobsError:
    return ImsobsError(
        f"{source} is no OpenAPI document: {why}",
        remedy="leave --openapi out, and write the routes into the spec",
        exit_code=ExitCode.INPUT,
    )
