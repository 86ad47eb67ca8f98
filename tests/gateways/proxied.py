"""Traffic through the LiteLLM proxy to the stub vendors, and what of it was counted.

What is expected is what was sent, and what the vendors were told to answer; of cost, what LiteLLM
itself says that the calls cost.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from imsobs.runtime.trial import free_ports
from tests.gateways.guide import Project, commands, settled
from tests.gateways.installed import environment, variables
from tests.gateways.vendors import stub_vendors

HERE = Path(__file__).parent / "litellm"
SECTION = "The LiteLLM proxy"
PORT = 4000
# Kind of fact -> what it is of -> how many.
Facts = dict[str, dict[str, float]]
GPT, MINI, CLAUDE = "openai gpt-4o", "openai gpt-4o-mini", "anthropic claude-haiku-4"
EMBEDDING = "openai text-embedding-3-small"
_FAMILIES = {
    "gpt-4o": GPT,
    "claude-haiku-4-5-20251001": CLAUDE,
    "text-embedding-3-small": EMBEDDING,
}
TOKENS = ("input", "output", "cached", "cache_write", "reasoning")
# Kind of fact -> the query, and the labels by which it is told.
_WHO = ("vendor", "model")
QUERIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "requests": (
        'sum by (route, status_class) (gateway_requests_total{route!~"/health.*"})',
        ("route", "status_class"),
    ),
    "failed requests": (
        'sum by (route, error_type) (gateway_errors_total{route!~"/health.*"})',
        ("route", "error_type"),
    ),
    "model calls": (
        "sum by (vendor, model, operation, outcome) (gateway_model_calls_total)",
        (*_WHO, "operation", "outcome"),
    ),
    "failed calls": (
        "sum by (vendor, model, vendor_error_type) (gateway_api_errors_total)",
        (*_WHO, "vendor_error_type"),
    ),
    **{
        f"{kind} tokens": (f"sum by (vendor, model) (gateway_{kind}_tokens_total)", _WHO)
        for kind in TOKENS
    },
    "times to first token": (
        "sum by (vendor, model) (gateway_time_to_first_token_seconds_count)",
        _WHO,
    ),
    "calls without a price": (
        "sum by (vendor, model) (gateway_unpriced_calls_total)",
        _WHO,
    ),
    "USD": ("sum by (vendor, model) (gateway_cost_actual_usd_total)", _WHO),
}
# What LiteLLM tells otherwise than its vendors: of the stub's 529 it makes an InternalServerError.
DIFFERS = {"failed calls": {f"{CLAUDE} overloaded": f"{CLAUDE} server_error"}}
_SLOW_MS = 300


@dataclass
class Truth:
    """What was sent and answered. slow: least milliseconds to all first tokens, by model."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    slow: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, what: str, number: float = 1) -> None:
        """Count something."""
        self.counts.setdefault(kind, Counter())[what] += number  # type: ignore[assignment]

    def call(self, who: str, outcome: str, operation: str = "chat", **tokens: int) -> None:
        """Count a call of a model with what its vendor says."""
        self.add("model calls", f"{who} {operation} {outcome}")
        for kind, number in tokens.items():
            self.add(f"{kind} tokens", who, number)

    def facts(self) -> Facts:
        """Return the counts without zeros, by kind."""
        return {
            kind: {what: number for what, number in sorted(counted.items()) if number}
            for kind in QUERIES
            for counted in [self.counts.get(kind, Counter())]
        }


@dataclass(frozen=True)
class Result:
    """What was expected and found.

    slow: least milliseconds to all first tokens, by model; first_token: seconds, as counted.
    """

    expected: Facts
    found: Facts
    slow: dict[str, float]
    first_token: dict[str, float]
    seconds: float


def run(folder: Path) -> Result:
    """Follow the guide in a folder, send the traffic, stop the proxy and return the counts.

    Raises NotHad when LiteLLM cannot be installed.
    """
    env = environment("litellm", HERE / "requirements.txt")
    own = variables(env / "bin", Path(sys.executable).parent)
    own |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "WITNESS": str(folder / "witness.jsonl")}
    project, (port,) = Project(folder, own), free_ports(1)
    (folder / "witness.py").write_text((HERE / "witness.py").read_text("utf-8"))
    init, up, start = commands(SECTION, port, PORT)
    with stub_vendors(folder / "vendors.log") as where:
        config = (HERE / "config.yaml").read_text("utf-8").replace("VENDORS", where)
        (folder / "litellm.yaml").write_text(config)
        project.call(init)
        project.own_places()
        try:
            project.call([*up, "--mode", "native"])
            address = f"http://127.0.0.1:{port}"
            with project.served(start, f"{address}/health/liveliness"):
                truth = asyncio.run(_traffic(address))
            return _result(truth, project)
        finally:
            project.call(["imsobs", "down"])


def _result(truth: Truth, project: Project) -> Result:
    for line in (project.folder / "witness.jsonl").read_text("utf-8").splitlines():
        said = json.loads(line)
        truth.add("USD", _FAMILIES[said["model"]], said["usd"])

    def found() -> Facts:
        return {kind: project.counted(query, *labels) for kind, (query, labels) in QUERIES.items()}

    def whole() -> dict[str, dict[str, float]]:
        return {kind: facts for kind, facts in found().items() if kind != "USD"}

    expected = truth.facts()
    for kind, told in DIFFERS.items():
        for theirs, litellms in told.items():
            expected[kind][litellms] = expected[kind].pop(theirs) + expected[kind].get(litellms, 0)
    settled(whole, {kind: facts for kind, facts in expected.items() if kind != "USD"})
    sums = "sum by (vendor, model) (gateway_time_to_first_token_seconds_sum)"
    first = project.counted(sums, *_WHO)
    took = "sum(gateway_model_call_duration_seconds_sum)"
    (seconds,) = project.counted(took).values()
    return Result(expected, found(), dict(truth.slow), first, seconds)


async def _traffic(address: str) -> Truth:
    truth, key = Truth(), {"authorization": "Bearer sk-stub"}
    limits = httpx.Limits(max_connections=8)
    async with httpx.AsyncClient(base_url=address, headers=key, timeout=120, limits=limits) as own:
        client = _Client(own, truth)
        await asyncio.gather(
            *(client.answered("ours", GPT, 150 + n, cached=40, reasoning=4) for n in range(8)),
            *(client.answered("ours", GPT, 250 + n, stream=True, cached=40, reasoning=4)
              for n in range(6)),
            *(client.answered("claude", CLAUDE, 350 + n, cached=40, cache_write=20)
              for n in range(5)),
            *(client.answered("claude", CLAUDE, 450 + n, stream=True, cached=40, cache_write=20)
              for n in range(4)),
            *(client.embedded(7 + n) for n in range(3)),
        )  # fmt: skip
        for kind, status in (
            ("rate_limit", 429), ("server_error", 500), ("overloaded", 503),
            ("bad_request", 400), ("authentication", 401),
        ):  # fmt: skip
            for stream in (False, True):
                await client.refused("ours", GPT, f"openai={kind}", status, stream)
        await client.refused("claude", CLAUDE, "anthropic=overloaded", 500, False)
        await client.refused("claude", CLAUDE, "anthropic=rate_limit", 429, False)
        # The first vendor fails, the second answers: two calls for one request.
        await client.answered("cheap", CLAUDE, 550, fails="openai=server_error", cached=0)
        truth.call(MINI, "error")
        truth.add("failed calls", f"{MINI} server_error")
        # Never reaches a vendor.
        await client.ask("/v1/chat/completions", {"model": "none", "messages": []}, 400)
        await client.ask("/nowhere", {}, 404, "unmatched")
    return truth


_KINDS = {"bad_request": "invalid_request"}
_REQUESTS = {429: "rate_limit", 400: "validation", 401: "authentication", 404: "not_found",
             500: "internal", 503: "upstream"}  # fmt: skip


@dataclass
class _Client:
    client: httpx.AsyncClient
    truth: Truth

    async def ask(self, path: str, body: object, status: int, route: str | None = None) -> None:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, (
            f"{answer.status_code} instead of {status}: {answer.text}"
        )
        self.truth.add("requests", f"{route or path} {status // 100}xx")
        if status >= 400:
            self.truth.add("failed requests", f"{route or path} {_REQUESTS[status]}")

    async def _chat(self, model: str, directive: str, status: int, stream: bool) -> None:
        content = f"hello [stub {directive}]"
        body = {"model": model, "messages": [{"role": "user", "content": content}]}
        await self.ask("/v1/chat/completions", {**body, "stream": stream}, status)

    async def answered(
        self, model: str, who: str, tokens: int, *, stream: bool = False, fails: str = "",
        **more: int,
    ) -> None:  # fmt: skip
        words = [f"in={tokens}", "out=10", *(f"{name}={number}" for name, number in more.items())]
        words += [f"slow_ms={_SLOW_MS}"] * stream + [fails] * bool(fails)
        await self._chat(model, " ".join(words), 200, stream)
        self.truth.call(who, "success", input=tokens, output=10, **more)
        if stream:
            self.truth.add("times to first token", who)
            self.truth.slow[who] += _SLOW_MS

    async def refused(
        self, model: str, who: str, directive: str, status: int, stream: bool
    ) -> None:
        await self._chat(model, directive, status, stream)
        kind = directive.partition("=")[2]
        self.truth.call(who, "error")
        self.truth.add("failed calls", f"{who} {_KINDS.get(kind, kind)}")

    async def embedded(self, tokens: int) -> None:
        body = {"model": "embeddings", "input": [f"hello [stub in={tokens}]"]}
        await self.ask("/v1/embeddings", body, 200)
        self.truth.call(EMBEDDING, "success", "embeddings", input=tokens)
