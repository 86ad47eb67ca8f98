"""A window of time and what Prometheus has of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from imsobs.errors import ImsobsError
from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.terminal import printable

Labels = dict[str, str]
_SECONDS = 30.0


@dataclass(frozen=True)
class Counted:
    """What a counter counted in the window, with these labels."""

    labels: Labels
    count: float


class Window:
    """The seconds before ``end`` (Unix time), as a Prometheus at ``base`` holds them.

    Every method raises ImsobsError (OUTSIDE) when it cannot be asked.
    """

    def __init__(self, base: str, end: float, seconds: int) -> None:
        self.base = base.rstrip("/")
        self.end, self.seconds = end, seconds
        self._client = loopback_client(_SECONDS)

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def series(self) -> list[Labels]:
        """Return the labels of every series that has a sample in the window."""
        given = {
            "match[]": '{__name__!=""}',
            "start": f"{self.end - self.seconds:.3f}",
            "end": f"{self.end:.3f}",
        }
        found: list[Labels] = self._ask("series", given)
        return found

    def counted(self, name: str, labels: Iterable[str] = (), where: str = "") -> list[Counted]:
        """Return what a counter counted, by these labels; only what it did count.

        where: matchers within the braces, as ``error!=""``.
        """
        selector = f"{name}{{{where}}}" if where else name
        increase = f"increase({selector}[{self.seconds}s] anchored)"
        return self.above_zero(f"sum by ({', '.join(labels)}) ({increase})")

    def above_zero(self, query: str) -> list[Counted]:
        """Return the rows of an instant query at the end of the window that are above 0."""
        rows = self._ask("query", {"query": query, "time": f"{self.end:.3f}"})["result"]
        found = [Counted(row["metric"], float(row["value"][1])) for row in rows]
        return [one for one in found if math.isfinite(one.count) and one.count > 0]

    def _ask(self, what: str, given: dict[str, str]) -> Any:
        try:
            answer = self._client.post(f"{self.base}/api/v1/{what}", data=given)
            found = json_of(answer)
            if found.get("status") == "success":
                return found["data"]
            said = printable(str(found.get("error", "nothing")))
        except (httpx.HTTPError, ValueError, KeyError, AttributeError) as error:
            said = printable(str(error))
        raise ImsobsError(
            f"Prometheus at {self.base} does not answer: {said}", remedy="imsobs status"
        )
