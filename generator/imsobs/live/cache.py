"""Answers that are kept for a while, each made once however many ask for it at the same time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Entry(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: tuple[float, T] | None = None
    """Until when (of the monotonic clock), and the answer."""


class Cache(Generic[T]):
    """Answers by key, each for some seconds; the least recently used go first when it is full."""

    def __init__(self, seconds: float, most: int = 2_000) -> None:
        self._seconds = seconds
        self._most = most
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the answer of a key; ``make`` is called when there is none or it is too old."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
        with entry.lock:
            if entry.kept is None or time.monotonic() >= entry.kept[0]:
                answer = make()
                entry.kept = time.monotonic() + self._seconds, answer
            return entry.kept[1]
