"""Work queues with asynchronous workers."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

log = logging.getLogger("ims.queue")
Work = Callable[[], Awaitable[None]]
QUEUES = ("default", "agents", "batch")


@dataclass
class _Job:
    work: Work
    entered: float = field(default_factory=time.monotonic)
    # The caller's context: what a job logs and calls belongs to the request it came from.
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class WorkQueue:
    """A queue in memory, first in, first out, with `workers` workers."""

    def __init__(self, name: str, workers: int) -> None:
        self.name = name
        self._workers = workers
        self._jobs: deque[_Job] = deque()
        self._wakeup = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._paused = False

    @property
    def depth(self) -> int:
        """Jobs waiting."""
        return len(self._jobs)

    @property
    def healthy(self) -> bool:
        """Whether the workers work."""
        return not self._paused and any(not task.done() for task in self._tasks)

    def start(self) -> None:
        """Start the workers. Needs a running event loop."""
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(self._workers)]

    async def stop(self) -> None:
        """Stop the workers; jobs still waiting are dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def pause(self, paused: bool) -> None:
        """Let the workers rest (demo only): jobs pile up."""
        self._paused = paused
        async with self._wakeup:
            self._wakeup.notify_all()

    async def put(self, work: Work) -> int:
        """Add a job; gives the number of jobs waiting after it."""
        self._jobs.append(_Job(work))
        depth = self.depth
        log.info(
            "job enqueued",
            extra={"event": "job_enqueued", "queue": self.name, "depth": depth},
        )
        async with self._wakeup:
            self._wakeup.notify()
        return depth

    def log_state(self) -> None:
        """Say how many jobs wait, and for how long the oldest has."""
        oldest = time.monotonic() - self._jobs[0].entered if self._jobs else 0.0
        log.info(
            "queue state",
            extra={
                "event": "queue_state",
                "queue": self.name,
                "depth": self.depth,
                "oldest_age_seconds": oldest,
            },
        )

    async def _serve(self) -> None:
        while True:
            async with self._wakeup:
                await self._wakeup.wait_for(lambda: self._jobs and not self._paused)
                job = self._jobs.popleft()
            await asyncio.create_task(self._run(job), context=job.context)

    async def _run(self, job: _Job) -> None:
        log.info(
            "job started",
            extra={
                "event": "job_started",
                "queue": self.name,
                "depth": self.depth,
                "wait_seconds": time.monotonic() - job.entered,
            },
        )
        started = time.perf_counter()
        outcome = "success"
        try:
            await job.work()
        except Exception:
            # A failed job must not take its worker along.
            outcome = "error"
            log.exception("job failed")
        log.info(
            "job finished",
            extra={
                "event": "job_finished",
                "queue": self.name,
                "outcome": outcome,
                "duration_seconds": time.perf_counter() - started,
            },
        )
