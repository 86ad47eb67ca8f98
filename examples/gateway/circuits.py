"""Circuit breakers, one per vendor: after some failures in a row a vendor is left alone."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable

log = logging.getLogger("ims.circuits")


class Circuits:
    """Open circuits by vendor. `limit` failures open one for `seconds`; a limit of 0 never."""

    def __init__(self, vendors: Iterable[str], limit: int, seconds: float) -> None:
        self._vendors = tuple(vendors)
        self._limit = limit
        self._seconds = seconds
        self._failures: Counter[str] = Counter()
        self._open_until: dict[str, float] = {}

    @property
    def any_closed(self) -> bool:
        """Whether at least one vendor can be called."""
        return any(not self.is_open(vendor) for vendor in self._vendors)

    def is_open(self, vendor: str) -> bool:
        """Whether the vendor is to be left alone."""
        return time.monotonic() < self._open_until.get(vendor, 0.0)

    def succeeded(self, vendor: str) -> None:
        """A call went well: the failures before it are forgotten."""
        self._failures[vendor] = 0

    def failed(self, vendor: str) -> None:
        """A call failed in a way that speaks of the vendor, not of the request."""
        self._failures[vendor] += 1
        if self._limit and self._failures[vendor] >= self._limit:
            self._open_until[vendor] = time.monotonic() + self._seconds
            self._failures[vendor] = 0
            log.error("circuit opened: %s", vendor)

    def open_all(self, seconds: float) -> None:
        """Leave every vendor alone for so long; 0 closes all circuits."""
        self._open_until = dict.fromkeys(self._vendors, time.monotonic() + seconds)
        self._failures.clear()
