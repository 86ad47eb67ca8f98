"""Everything that the routes need, built once and started with the app."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import fakeredis
import httpx2
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.actions import ActionGateway
from gateway.agents import Agents
from gateway.cache import Cache
from gateway.database import Database
from gateway.policy import PolicyEngine
from gateway.router import Router
from gateway.settings import Settings
from gateway.vendor_clients import Anthropic, OpenAI, Vendor
from gateway.work_queue import QUEUES, WorkQueue

COMPONENTS = ("database", "cache", "queue", "router")
# Longer than anyone watches a demo.
_FAULT_SECONDS = 24 * 3600.0


class Core:
    """The gateway's parts. `vendor_http` replaces the vendors' transport in tests."""

    def __init__(self, settings: Settings, vendor_http: httpx2.AsyncClient | None = None) -> None:
        self.settings = settings
        # Demo only: /health says no.
        self.broken = False
        # Demo only: share of new jobs that fail, and what is owed of it.
        self.failing_jobs = 0.0
        self._owed = 0.0
        self._redis_server = fakeredis.FakeServer()
        self._redis: Redis = (
            Redis.from_url(settings.redis_url)
            if settings.redis_url
            else fakeredis.FakeAsyncRedis(server=self._redis_server, host="in-process")
        )
        self.database = Database(settings.database)
        self.policies = PolicyEngine()
        self.responses = Cache("response", self._redis, settings.cache_ttl, settings.cache_bytes)
        self.embeddings = Cache("embedding", self._redis, settings.cache_ttl, settings.cache_bytes)
        openai = OpenAI(settings, vendor_http)
        vendors: dict[str, Vendor] = {
            "openai": openai,
            "anthropic": Anthropic(settings, vendor_http),
        }
        self.router = Router(settings, vendors, openai)
        self.queues = {name: WorkQueue(name, settings.workers) for name in QUEUES}
        self._http = vendor_http or httpx2.AsyncClient(timeout=settings.vendor_timeout)
        actions = ActionGateway(self.database, self._http, urljoin(settings.openai_url, "/health"))
        self.agents = Agents(self.router, actions, self.database, self.queues["agents"])

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Workers and the state log run inside this context."""
        for queue in self.queues.values():
            queue.start()
        state = asyncio.create_task(self._log_state())
        try:
            yield
        finally:
            state.cancel()
            for queue in self.queues.values():
                await queue.stop()
            await self._redis.aclose()
            await self._http.aclose()
            self.database.close()

    async def healthy(self, component: str) -> bool:
        """Whether one of COMPONENTS works, asked of the component itself."""
        match component:
            case "database":
                return await self._database_works()
            case "cache":
                return await self._cache_works()
            case "queue":
                return all(queue.healthy for queue in self.queues.values())
            case "router":
                return self.router.circuits.any_closed
        raise ValueError(f"unknown component {component!r}")

    def fail_some(self) -> None:
        """Fail as many calls as ``failing_jobs`` says, evenly spread (demo only)."""
        self._owed += self.failing_jobs
        # Ten times 0.3 are a little less than 3.
        if self._owed >= 1 - 1e-9:
            self._owed -= 1
            raise RuntimeError("the new version cannot read its own schema")

    async def inject(self, unhealthy: set[str]) -> None:
        """Break exactly these components (demo only); the others work again."""
        self.broken = "service" in unhealthy
        self.database.unplugged = "database" in unhealthy
        self._redis_server.connected = "cache" not in unhealthy
        for queue in self.queues.values():
            await queue.pause("queue" in unhealthy)
        self.router.circuits.open_all(_FAULT_SECONDS if "router" in unhealthy else 0.0)

    async def _database_works(self) -> bool:
        try:
            await self.database.execute("PRAGMA user_version")
        except sqlite3.Error:
            return False
        return True

    async def _cache_works(self) -> bool:
        try:
            await self._redis.ping()
        except RedisError:
            return False
        return True

    async def _log_state(self) -> None:
        while True:
            for cache in (self.responses, self.embeddings):
                cache.log_state()
            for queue in self.queues.values():
                queue.log_state()
            await asyncio.sleep(self.settings.state_interval)
