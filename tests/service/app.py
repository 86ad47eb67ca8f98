"""A service without a line of telemetry, whose requests end in every way."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

log = logging.getLogger("service")
app = FastAPI()
# What a process keeps and its children do not need: workers differ in memory.
_kept = b""


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/work")
async def work() -> str:
    return "done"


@app.get("/keep/{mib}")
async def keep(mib: int) -> int:
    """Keep so many MiB, and some more by the process's id, in place of what was kept before."""
    global _kept
    _kept = os.urandom(1024 * 1024) * (mib + os.getpid() % 16)
    return os.getpid()


@app.get("/collect/{times}")
async def collect(times: int) -> int:
    """Collect garbage; return how often this process and its parents did so far."""
    for _ in range(times):
        gc.collect()
    return sum(generation["collections"] for generation in gc.get_stats())


@app.get("/fail/{number}")
async def fail(number: int) -> None:
    await asyncio.sleep(0.001 * (number % 7))
    raise ValueError(f"number {number}")


@app.get("/fail-in-thread/{number}")
def fail_in_thread(number: int) -> None:
    raise LookupError(f"number {number}")


@app.get("/stream")
async def stream(number: int, breaks: bool = False) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for part in range(20):
            yield f"data: {part}\n\n"
            await asyncio.sleep(0.02)
            if breaks and part == 2:
                raise ConnectionError(f"number {number}")

    return StreamingResponse(parts(), media_type="text/event-stream")


@app.get("/later")
async def later() -> None:
    """Fail outside of every request, while requests fail."""

    def fail() -> None:
        try:
            raise OSError("by itself")
        except OSError:
            log.exception("nobody asked for this")

    asyncio.get_running_loop().call_later(0.01, contextvars.Context().run, fail)
