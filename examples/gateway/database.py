"""The SQL database: agents, jobs and the ledger of calls."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import Any

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS agents (id TEXT PRIMARY KEY, type TEXT, status TEXT)",
    "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, queue TEXT, kind TEXT)",
    "CREATE TABLE IF NOT EXISTS ledger (team TEXT, vendor TEXT, model TEXT, usd REAL)",
)


class Database:
    """One SQLite connection, used by one statement at a time, off the event loop.

    `unplugged` (demo only) makes every statement fail as a missing schema would.
    """

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self.unplugged = False
        for statement in _SCHEMA:
            self._run(statement, ())

    async def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and give its rows. Raises sqlite3.Error."""
        if self.unplugged:
            statement, values = "SELECT 1 FROM unplugged", ()
        return await asyncio.to_thread(self._run, statement, values)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _run(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            # A cursor of its own: statements run on the connection itself are not traced.
            cursor = self._connection.cursor()
            cursor.execute(statement, values)
            return cursor.fetchall()
