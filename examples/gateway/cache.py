"""The response and embedding caches: values in Redis, evicted by age and by size."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Awaitable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger("ims.cache")


class Cache:
    """A cache in Redis. `ttl` in seconds, `max_bytes` of values.

    Redis lets entries go without saying so; the index kept here knows what left, and
    why. A Redis that fails makes every lookup a miss: no request fails for it.
    """

    def __init__(self, name: str, redis: Redis, ttl: float, max_bytes: int) -> None:
        self.name = name
        self._redis = redis
        self._ttl = ttl
        self._max_bytes = max_bytes
        # Key -> (time stored, bytes), oldest first.
        self._index: dict[str, tuple[float, int]] = {}
        self._bytes = 0

    async def get(self, *parts: str) -> Any | None:
        """Value stored for these parts, or None."""
        key = self._key(parts)
        started = time.perf_counter()
        self._expire()
        stored, _ = self._index.get(key, (None, 0))
        text = await self._ask(self._redis.get(key))
        fields: dict[str, object] = {
            "event": "cache_lookup",
            "cache": self.name,
            "result": "hit" if text is not None else "miss",
            "duration_seconds": time.perf_counter() - started,
        }
        if text is not None and stored is not None:
            fields["age_seconds"] = time.monotonic() - stored
        log.info("cache lookup", extra=fields)
        return None if text is None else json.loads(text)

    async def put(self, value: Any, *parts: str) -> None:
        """Store a JSON-able value; makes room by evicting the oldest entries."""
        key, text = self._key(parts), json.dumps(value)
        stored = await self._ask(self._redis.set(key, text, ex=max(1, round(self._ttl))))
        if not stored:
            return
        if key in self._index:
            self._forget(key)
        self._index[key] = (time.monotonic(), len(text))
        self._bytes += len(text)
        while self._bytes > self._max_bytes:
            oldest = next(iter(self._index))
            # First forgotten, then deleted: meanwhile another request may evict as well.
            self._evict(oldest, "size")
            await self._ask(self._redis.delete(oldest))

    def log_state(self) -> None:
        """Say how much the cache holds."""
        self._expire()
        log.info(
            "cache state",
            extra={
                "event": "cache_state",
                "cache": self.name,
                "size_bytes": self._bytes,
                "entries": len(self._index),
            },
        )

    def _expire(self) -> None:
        limit = time.monotonic() - self._ttl
        while self._index:
            oldest, (stored, _) = next(iter(self._index.items()))
            if stored > limit:
                return
            self._evict(oldest, "ttl")

    def _evict(self, key: str, reason: str) -> None:
        self._forget(key)
        log.info(
            "cache entry evicted",
            extra={"event": "cache_evicted", "cache": self.name, "eviction_reason": reason},
        )

    def _forget(self, key: str) -> None:
        _, size = self._index.pop(key)
        self._bytes -= size

    async def _ask(self, command: Awaitable[Any]) -> Any | None:
        try:
            return await command
        except RedisError as error:
            log.warning("cache unavailable: %s", error)
            return None

    def _key(self, parts: tuple[str, ...]) -> str:
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return f"{self.name}:{digest}"
