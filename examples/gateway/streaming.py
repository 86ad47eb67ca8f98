"""Streams that outlive the call that opened them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
# Pieces read ahead of a slow caller.
_AHEAD = 64


@dataclass(frozen=True)
class _End:
    error: Exception | None


async def in_one_task(source: AsyncIterator[Item]) -> AsyncIterator[Item]:
    """Iterate over `source` in a task of its own, from the first item to the last.

    A route reads a stream's first piece, and another task of the server reads the rest.
    The vendors' libraries keep state that must be left in the task that entered it.
    """
    queue: asyncio.Queue[Item | _End] = asyncio.Queue(maxsize=_AHEAD)

    async def pump() -> None:
        error: Exception | None = None
        try:
            async for item in source:
                await queue.put(item)
        except Exception as raised:
            error = raised
        await queue.put(_End(error))

    task = asyncio.create_task(pump())
    try:
        while not isinstance(item := await queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        # A caller who went away early: the vendor's stream is closed too.
        task.cancel()
