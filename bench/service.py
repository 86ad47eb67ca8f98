"""The gateway of a scenario, and a process that measures it without a network.

uvicorn --factory bench.service:create_app
python -m bench.service --count 500     # prints what was measured as JSON
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import logging
import logging.config
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness import percentile

SCENARIO = "BENCH_SCENARIO"
# Which share of the traces the plan's approach sends.
TRACED = "BENCH_TRACED"
LOG_CONFIG = "BENCH_LOG_CONFIG"
REQUESTS = ("health", "cached", "generate")
_numbers = itertools.count()


def create_app() -> Any:
    """Return the scenario's ASGI app."""
    if os.environ[SCENARIO].startswith("plan"):
        from bench.baseline.app import create_app as create
    else:
        from gateway.app import create_app as create
    return create()


def request(kind: str) -> tuple[str, str, bytes]:
    """Return method, path and body of a request.

    health: a route that does nothing. cached: five policies and a cache hit. generate: the
    same with a miss, the router's choice, a call to a model, and a database statement.
    """
    if kind == "health":
        return "GET", "/health", b""
    prompt = "A question" if kind == "cached" else f"Question {next(_numbers)} of {os.getpid()}"
    return "POST", "/v1/generate", json.dumps({"prompt": prompt}).encode()


async def _call(app: Any, kind: str) -> None:
    method, path, body = request(kind)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8080"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"user-agent", b"bench"),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        "state": {},
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    status = 0

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, send)
    if status != 200:
        raise SystemExit(f"{kind}: answered with {status}")


def _flush() -> None:
    """Send what still waits in the SDK, so that its cost is not forgotten."""
    from opentelemetry import trace
    from opentelemetry._logs import get_logger_provider

    for provider in (trace.get_tracer_provider(), get_logger_provider()):
        if hasattr(provider, "force_flush"):
            provider.force_flush()


def latencies(taken: list[float]) -> dict[str, float]:
    """Return mean, p50, p99 and p999 in microseconds. taken: seconds, at least one."""
    ordered = sorted(taken)
    shares = (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
    return {
        "mean": sum(ordered) / len(ordered) * 1e6,
        **{name: percentile(ordered, share) * 1e6 for name, share in shares},
    }


def _summary(taken: list[float], cpu: float, main: float) -> dict[str, float]:
    """Return microseconds. cpu: seconds of all threads; main: of the event loop's alone."""
    count = len(taken)
    return {"cpu": cpu / count * 1e6, "cpu_main": main / count * 1e6, **latencies(taken)}


async def measure_requests(count: int) -> dict[str, Any]:
    """Return kind -> summary, ``count`` requests of each, one after the other."""
    app = create_app()
    if LOG_CONFIG in os.environ:
        logging.config.dictConfig(json.loads(Path(os.environ[LOG_CONFIG]).read_text()))
    found: dict[str, Any] = {}
    async with app.router.lifespan_context(app):
        for kind in REQUESTS:
            for _ in range(count // 5 + 5):
                await _call(app, kind)
            _flush()
            taken = []
            cpu, main = time.process_time(), time.thread_time()
            for _ in range(count):
                started = time.perf_counter()
                await _call(app, kind)
                taken.append(time.perf_counter() - started)
            main = time.thread_time() - main
            _flush()
            found[kind] = _summary(taken, time.process_time() - cpu, main)
        found["record"] = _records(count * 10)
    return found


def _records(count: int) -> dict[str, float]:
    """Return the summary of one log record with an event's fields, inside a span."""
    from opentelemetry import trace

    log = logging.getLogger("ims.bench")
    fields = {
        "event": "policy_evaluated",
        "policy": "pii",
        "decision": "allow",
        "duration_seconds": 0.0001,
    }
    say: Callable[[], None] = lambda: log.info("policy evaluated", extra=fields)  # noqa: E731
    with trace.get_tracer("bench").start_as_current_span("bench"):
        for _ in range(count // 10):
            say()
        _flush()
        gc.collect()
        taken = []
        cpu, main = time.process_time(), time.thread_time()
        for number in range(count):
            started = time.perf_counter()
            say()
            taken.append(time.perf_counter() - started)
            if number % 1000 == 999:
                # Below the smallest queue: nothing may be dropped, it would cost nothing.
                _flush()
        main = time.thread_time() - main
        _flush()
    return _summary(taken, time.process_time() - cpu, main)


def main() -> None:
    """Measure this process's scenario and print the summaries to the file descriptor 3."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--profile", type=Path, help="write a cProfile of the event loop here")
    given = parser.parse_args()
    if given.profile:
        import cProfile

        profile = cProfile.Profile()
        found = profile.runcall(asyncio.run, measure_requests(given.count))
        profile.dump_stats(given.profile)
    else:
        found = asyncio.run(measure_requests(given.count))
    given.result.write_text(json.dumps(found))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
