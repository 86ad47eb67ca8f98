"""The load: each user plays the demo's ordinary scenarios, and what was sent is written down.

Run by bench.load. BENCH_LOAD_REPORT: where the counts go; BENCH_LOAD_WAIT: seconds that a
user waits between two scenarios, on average; BENCH_LOAD_SECONDS: after these no user begins
another one. (When Locust itself ends a run it may end a user in the middle of a scenario.)
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from locust import HttpUser, events, task
from locust.exception import StopUser

from gateway.effects import Effects, Scenario, Step
from gateway.scenarios import STEADY

_WAIT = float(os.environ.get("BENCH_LOAD_WAIT", "10"))
_SECONDS = float(os.environ.get("BENCH_LOAD_SECONDS", "120"))
_AGENT_WAIT_SECONDS = 60.0
_numbers = itertools.count(10_000_000)
_requests: Counter[tuple[str, str, int]] = Counter()
_effects: Effects = Counter()
_begun = time.monotonic()


class Caller(HttpUser):
    """Plays one scenario after another, with pauses."""

    def on_start(self) -> None:
        """Start at a random time within the first pause."""
        self.dice = random.Random(next(_numbers))  # noqa: S311 - traffic, not secrets
        time.sleep(self.dice.uniform(0, _WAIT))

    def wait_time(self) -> float:
        """Return the pause until the next scenario, seconds."""
        return self.dice.uniform(0.5 * _WAIT, 1.5 * _WAIT)

    @task
    def play(self) -> None:
        """Play one scenario to its end."""
        if time.monotonic() > _begun + _SECONDS:
            raise StopUser
        kind = self.dice.choices(list(STEADY), weights=list(STEADY.values()))[0]
        scenario: Scenario = kind(self.dice, next(_numbers))
        _effects.update(scenario.effects)
        for step in scenario.steps:
            answer = self._send(step)
            if step.agent and answer.status_code == 202:
                self._await_agent(answer.json()["agent_id"])

    def _send(self, step: Step) -> Any:
        name = f"{step.method} {step.route or '(no route)'}"
        with self.client.request(
            step.method, step.path, json=step.body, name=name, catch_response=True
        ) as answer:
            _requests[step.method, step.route or "unmatched", answer.status_code] += 1
            # What a policy denies is answered as it should be.
            if 0 < answer.status_code < 500:
                answer.success()
        return answer

    def _await_agent(self, agent_id: str) -> None:
        step = Step("GET", f"/v1/agents/{agent_id}", "/v1/agents/{agent_id}")
        deadline = time.monotonic() + _AGENT_WAIT_SECONDS
        while time.monotonic() < deadline:
            answer = self._send(step)
            if answer.status_code != 200 or answer.json()["status"] != "waiting":
                return
            time.sleep(1.0)


@events.quitting.add_listener
def _write(environment: Any, **_: Any) -> None:
    total = environment.stats.total
    report = {
        "requests": [[*key, count] for key, count in _requests.items()],
        "effects": [[list(key), count] for key, count in _effects.items()],
        "locust": {
            "requests": total.num_requests,
            "failures": total.num_failures,
            "rate": total.total_rps,
            "mean_ms": total.avg_response_time,
            **{f"p{p}_ms": total.get_response_time_percentile(p / 100) for p in (50, 95, 99)},
            "max_ms": total.max_response_time,
        },
        "errors": [
            f"{error.method} {error.name}: {error.error} ({error.occurrences} times)"
            for error in environment.stats.errors.values()
        ],
        "routes": {
            name: [entry.num_requests, entry.get_response_time_percentile(0.95)]
            for (name, _method), entry in environment.stats.entries.items()
        },
    }
    Path(os.environ["BENCH_LOAD_REPORT"]).write_text(json.dumps(report), "utf-8")
