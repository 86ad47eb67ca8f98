"""What a request must cause in the gateway: model calls, tokens and events, as counts.

Written from what the gateway promises, not from what it was seen to do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gateway.vendors import directives

# ("model_call", vendor, model, operation, outcome), ("tokens", vendor, model, kind), or
# ("event", name, "field=value", ...) with the fields that the spec knows as labels.
Effects = Counter[tuple[str, ...]]
POLICIES = ("model_allowlist", "budget", "prompt_injection", "content_safety", "pii")


@dataclass
class Step:
    """One request. `route` is the path's template, None where no route matches."""

    method: str
    path: str
    route: str | None
    body: Any = None
    # Sent as it is, instead of a JSON body.
    raw: bytes | None = None
    # The answer names an agent: ask for it until it has ended.
    agent: bool = False


@dataclass
class Scenario:
    """Requests that belong together, and their effects besides the requests themselves."""

    name: str
    steps: list[Step]
    effects: Effects = field(default_factory=Counter)


def event(name: str, **fields: str) -> tuple[str, ...]:
    """Return the key of an event's count."""
    return ("event", name, *(f"{key}={value}" for key, value in sorted(fields.items())))


def generate(prompt: str, **options: Any) -> Step:
    """Return a question to a model."""
    return Step("POST", "/v1/generate", "/v1/generate", {"prompt": prompt, **options})


def policies(denied_by: str | None = None, redacted: bool = False) -> Effects:
    """Return the evaluations of one request: all five, or up to the one that denies."""
    effects: Effects = Counter()
    for policy in POLICIES:
        decision = "redact" if redacted and policy == "pii" else "allow"
        if policy == denied_by:
            effects[event("policy_evaluated", policy=policy, decision="deny")] += 1
            return effects
        effects[event("policy_evaluated", policy=policy, decision=decision)] += 1
    return effects


def model_call(vendor: str, model: str, prompt: str, known: bool = True) -> Effects:
    """Return a model call that succeeds; with `known`, the vendor says what it used."""
    effects: Effects = Counter({("model_call", vendor, model, "chat", "success"): 1})
    if known:
        used = directives.parse(prompt).tokens(prompt)
        for kind, amount in vars(used).items():
            # Anthropic does not report reasoning separately.
            if amount and not (kind == "reasoning" and vendor == "anthropic"):
                effects["tokens", vendor, model, kind] += amount
        effects[event("model_call_completed", vendor=vendor, model=model)] += 1
    return effects


def selected(vendor: str, model: str, strategy: str) -> Effects:
    """Return the router's choice."""
    return Counter({event("model_selected", vendor=vendor, model=model, strategy=strategy): 1})


def cache_lookups(*results: str) -> Effects:
    """Return lookups in the response cache."""
    return Counter(event("cache_lookup", cache="response", result=result) for result in results)


def job_events(queue: str, outcome: str) -> Effects:
    """Return the life of a job."""
    return Counter(
        {
            event("job_enqueued", queue=queue): 1,
            event("job_started", queue=queue): 1,
            event("job_finished", queue=queue, outcome=outcome): 1,
        }
    )
