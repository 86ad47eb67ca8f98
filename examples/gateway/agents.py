"""Agents: each one asks a model, carries out its actions, and ends."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter

from gateway.actions import Action, ActionGateway
from gateway.database import Database
from gateway.router import Ask, Router
from gateway.work_queue import WorkQueue

log = logging.getLogger("ims.agents")


class Agents:
    """Starts agents on a queue and remembers them in the database."""

    def __init__(
        self, router: Router, actions: ActionGateway, database: Database, queue: WorkQueue
    ) -> None:
        self._router = router
        self._actions = actions
        self._database = database
        self._queue = queue
        self._active: Counter[str] = Counter()

    async def spawn(self, agent_type: str, task: str, actions: list[Action]) -> str:
        """Have an agent run; gives its id at once. Raises sqlite3.Error."""
        agent_id = uuid.uuid4().hex
        await self._database.execute(
            "INSERT INTO agents VALUES (?, ?, ?)", agent_id, agent_type, "waiting"
        )
        await self._queue.put(lambda: self._run(agent_id, agent_type, task, actions))
        return agent_id

    async def find(self, agent_id: str) -> dict[str, str] | None:
        """Type and status of an agent, or None. Raises sqlite3.Error."""
        rows = await self._database.execute(
            "SELECT type, status FROM agents WHERE id = ?", agent_id
        )
        return {"agent_id": agent_id, "type": rows[0][0], "status": rows[0][1]} if rows else None

    async def _run(self, agent_id: str, agent_type: str, task: str, actions: list[Action]) -> None:
        self._active[agent_type] += 1
        log.info(
            "agent spawned",
            extra={
                "event": "agent_spawned",
                "agent_type": agent_type,
                "active": self._active[agent_type],
            },
        )
        started = time.perf_counter()
        outcome = "error"
        try:
            await self._router.complete(Ask(task, "quality", pinned=None, max_tokens=64))
            for action in actions:
                await self._actions.execute(action)
            outcome = "success"
        finally:
            self._active[agent_type] -= 1
            log.info(
                "agent finished",
                extra={
                    "event": "agent_finished",
                    "agent_type": agent_type,
                    "outcome": outcome,
                    "active": self._active[agent_type],
                    "duration_seconds": time.perf_counter() - started,
                },
            )
            await self._database.execute(
                "UPDATE agents SET status = ? WHERE id = ?", outcome, agent_id
            )
