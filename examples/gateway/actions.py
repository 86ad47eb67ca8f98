"""The action gateway: what an agent may do to the world, one action at a time."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import Literal

import httpx2
from pydantic import BaseModel

from gateway import sandbox
from gateway.database import Database

log = logging.getLogger("ims.actions")


class Action(BaseModel):
    """An action; `runtime` and `program` are for code_run, `timeout` in seconds."""

    action: Literal["http_request", "sql_query", "send_email", "file_write", "code_run"]
    runtime: sandbox.Runtime = "python"
    program: sandbox.Program = "ok"
    timeout: float = 1.0


class ActionFailed(Exception):
    """An action did not do what was asked."""


class ActionGateway:
    """Carries out actions. `url` is what http_request fetches."""

    def __init__(self, database: Database, http: httpx2.AsyncClient, url: str) -> None:
        self._database = database
        self._http = http
        self._url = url

    async def execute(self, order: Action) -> None:
        """Carry out one action. Raises ActionFailed."""
        started = time.perf_counter()
        outcome = "success"
        try:
            await getattr(self, f"_{order.action}")(order)
        except Exception as error:
            outcome = "error"
            raise ActionFailed(f"{order.action}: {error}") from error
        finally:
            log.info(
                "action executed",
                extra={
                    "event": "action_executed",
                    "action": order.action,
                    "outcome": outcome,
                    "duration_seconds": time.perf_counter() - started,
                },
            )

    async def _http_request(self, order: Action) -> None:
        (await self._http.get(self._url)).raise_for_status()

    async def _sql_query(self, order: Action) -> None:
        await self._database.execute("SELECT team, sum(usd) FROM ledger GROUP BY team")

    async def _send_email(self, order: Action) -> None:
        # Nothing is sent: the demo has no mail server, and needs none.
        await asyncio.sleep(0)

    async def _file_write(self, order: Action) -> None:
        def write() -> None:
            with tempfile.TemporaryDirectory(prefix="ims-") as folder:
                Path(folder, "note.txt").write_text("written by an agent\n", encoding="utf-8")

        await asyncio.to_thread(write)

    async def _code_run(self, order: Action) -> None:
        code = await sandbox.run(order.runtime, order.program, order.timeout)
        if code != 0:
            raise ActionFailed(f"exit code {code}")
