"""Drives traffic against a gateway, and says exactly what it sent.

    python -m gateway.traffic --mode steady --count 200 --seed 7
    python -m gateway.traffic --mode errors --duration 150 --rate 10

The same seed and count give the same requests. With stub vendors behind the gateway, the
report also says which model calls, tokens and events must have come of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from gateway.effects import Effects, Scenario, Step
from gateway.hostile import DRIFT, ERRORS, HOSTILE
from gateway.scenarios import STEADY

MODES = {"steady": STEADY, "errors": ERRORS, "hostile": HOSTILE, "drift": DRIFT}
_AGENT_ROUTE = "/v1/agents/{agent_id}"
_AGENT_POLL_SECONDS = 0.05
_AGENT_WAIT_SECONDS = 20.0


@dataclass
class Report:
    """What was sent: requests by (method, route, status), and what must have come of them.

    `route` is "" where none matched; status 0 means that no answer came. `traces` lists
    (scenario, trace id) when the requests were traced.
    """

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    scenarios: Counter[str] = field(default_factory=Counter)
    effects: Effects = field(default_factory=Counter)
    traces: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def errors(self) -> int:
        """Requests answered with 5xx, or not at all."""
        return sum(n for (_, _, status), n in self.requests.items() if status == 0 or status >= 500)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able data; keys of several parts are joined by spaces."""
        return {
            "requests": {
                f"{m} {r or '-'} {s}": n for (m, r, s), n in sorted(self.requests.items())
            },
            "scenarios": dict(sorted(self.scenarios.items())),
            "effects": {" ".join(key): n for key, n in sorted(self.effects.items())},
            "errors": self.errors,
            "seconds": round(self.seconds, 3),
            "traces": self.traces,
        }


@dataclass(frozen=True)
class Order:
    """What to drive. `count` scenarios or `duration` seconds; `rate` per second, 0: no limit.

    `traced` sends a trace id along with each scenario.
    """

    mode: str = "steady"
    count: int = 0
    duration: float = 0.0
    rate: float = 0.0
    seed: int = 1
    concurrency: int = 4
    traced: bool = False


def scenarios(order: Order) -> list[Scenario]:
    """The scenarios of an order with a count. Raises KeyError for an unknown mode."""
    make = _maker(order)
    return [make(number) for number in range(order.count)]


def send(url: str, order: Order) -> Report:
    """Carry out an order against the gateway at a base URL."""

    async def run() -> Report:
        async with httpx2.AsyncClient(base_url=url, timeout=60.0) as client:
            return await drive(client, order)

    return asyncio.run(run())


async def drive(client: httpx2.AsyncClient, order: Order) -> Report:
    """Carry out an order; the client's base URL is the gateway's."""
    report = Report()
    started = time.monotonic()
    queue: asyncio.Queue[Scenario | None] = asyncio.Queue(maxsize=order.concurrency)

    async def work() -> None:
        while (scenario := await queue.get()) is not None:
            await _play(client, scenario, order.traced, report)

    workers = [asyncio.create_task(work()) for _ in range(order.concurrency)]
    async for scenario in _paced(order):
        await queue.put(scenario)
    for _ in workers:
        await queue.put(None)
    await asyncio.gather(*workers)
    report.seconds = time.monotonic() - started
    return report


def _maker(order: Order) -> Callable[[int], Scenario]:
    kinds = MODES[order.mode]
    dice = random.Random(order.seed)
    # Keeps the prompts of two runs apart in the gateway's cache.
    offset = order.seed * 1_000_000

    def make(number: int) -> Scenario:
        kind = dice.choices(list(kinds), weights=list(kinds.values()))[0]
        return kind(dice, offset + number)

    return make


async def _paced(order: Order) -> AsyncIterator[Scenario]:
    make = _maker(order)
    started = time.monotonic()
    number = 0
    while number < order.count if order.count else time.monotonic() - started < order.duration:
        if order.rate:
            await asyncio.sleep(max(0.0, started + number / order.rate - time.monotonic()))
        yield make(number)
        number += 1


async def _play(
    client: httpx2.AsyncClient, scenario: Scenario, traced: bool, report: Report
) -> None:
    report.scenarios[scenario.name] += 1
    report.effects.update(scenario.effects)
    headers: dict[str, str] = {}
    if traced:
        trace_id = secrets.token_hex(16)
        headers["traceparent"] = f"00-{trace_id}-{secrets.token_hex(8)}-01"
        report.traces.append((scenario.name, trace_id))
    for step in scenario.steps:
        answer = await _send(client, step, headers, report)
        if step.agent and answer is not None and answer.status_code == 202:
            await _await_agent(client, answer.json()["agent_id"], headers, report)


async def _send(
    client: httpx2.AsyncClient, step: Step, headers: dict[str, str], report: Report
) -> httpx2.Response | None:
    content = step.raw
    if content is None and step.body is not None:
        content = json.dumps(step.body).encode()
        headers = {**headers, "content-type": "application/json"}
    status = 0
    try:
        answer = await client.request(step.method, step.path, content=content, headers=headers)
        status = answer.status_code
    except httpx2.TransportError as error:
        answer = None
        print(f"{step.method} {step.path}: {error!r}", file=sys.stderr)
    report.requests[step.method, step.route or "", status] += 1
    return answer


async def _await_agent(
    client: httpx2.AsyncClient, agent_id: str, headers: dict[str, str], report: Report
) -> None:
    """Ask for an agent until it has ended; every request counts."""
    step = Step("GET", f"/v1/agents/{agent_id}", _AGENT_ROUTE)
    deadline = time.monotonic() + _AGENT_WAIT_SECONDS
    while time.monotonic() < deadline:
        answer = await _send(client, step, headers, report)
        if answer is None or answer.status_code != 200 or answer.json()["status"] != "waiting":
            return
        await asyncio.sleep(_AGENT_POLL_SECONDS)


def main() -> int:
    """Drive traffic as the command line says, and print the report as JSON."""
    parser = argparse.ArgumentParser(prog="python -m gateway.traffic", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--mode", choices=sorted(MODES), default="steady")
    parser.add_argument("--count", type=int, default=0, help="scenarios to play")
    parser.add_argument("--duration", type=float, default=10.0, help="seconds, without --count")
    parser.add_argument("--rate", type=float, default=0.0, help="scenarios per second, 0: no limit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--traced", action="store_true", help="send trace ids and report them")
    given = vars(parser.parse_args())
    url = given.pop("url")
    print(json.dumps(send(url, Order(**given)).as_dict(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
