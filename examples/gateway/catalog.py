"""The models that the gateway knows, and what it expects them to cost.

The prices here are the router's own, for its estimate before a call. What a call has
cost in truth is computed elsewhere, from the tokens that the vendor reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Strategy = Literal["cost", "latency", "quality", "pinned"]

# Tokens of an answer that the router reckons with before it knows.
EXPECTED_OUTPUT_TOKENS = 20


@dataclass(frozen=True)
class Model:
    """A model. Prices in USD per million tokens; ranks: 1 is the best."""

    vendor: str
    name: str
    input_price: float
    output_price: float
    latency_rank: int
    quality_rank: int

    def estimate(self, input_tokens: int, output_tokens: int = EXPECTED_OUTPUT_TOKENS) -> float:
        """Expected cost of a call, in USD."""
        dollars = input_tokens * self.input_price + output_tokens * self.output_price
        return dollars / 1_000_000


CHAT_MODELS = (
    Model("openai", "gpt-4o-mini", 0.15, 0.60, latency_rank=2, quality_rank=5),
    Model("openai", "gpt-4o", 2.50, 10.00, latency_rank=4, quality_rank=2),
    Model("openai", "o3-mini", 1.10, 4.40, latency_rank=5, quality_rank=3),
    Model("anthropic", "claude-haiku-4", 1.00, 5.00, latency_rank=1, quality_rank=4),
    Model("anthropic", "claude-sonnet-4", 3.00, 15.00, latency_rank=3, quality_rank=1),
    # Served already, priced later: what happens when the catalogue is ahead of the spec.
    Model("openai", "gpt-4.1-nano", 0.10, 0.40, latency_rank=6, quality_rank=6),
)
# Reached only when a caller pins it.
_NOT_ROUTED = frozenset({"gpt-4.1-nano"})
EMBEDDING_MODEL = Model("openai", "text-embedding-3-small", 0.02, 0.0, 1, 1)


def find(name: str) -> Model | None:
    """The chat model of this name, or None."""
    return next((model for model in CHAT_MODELS if model.name == name), None)


def candidates(strategy: Strategy, pinned: Model | None, input_tokens: int) -> list[Model]:
    """Models to try, best first: at most one per vendor, so that a fallback leaves the vendor."""
    routed = [model for model in CHAT_MODELS if model.name not in _NOT_ROUTED]
    if strategy == "quality":
        routed.sort(key=lambda model: model.quality_rank)
    elif strategy == "latency":
        routed.sort(key=lambda model: model.latency_rank)
    else:
        routed.sort(key=lambda model: model.estimate(input_tokens))
    if pinned is not None:
        routed.insert(0, pinned)
    first_of_vendor: dict[str, Model] = {}
    for model in routed:
        first_of_vendor.setdefault(model.vendor, model)
    return list(first_of_vendor.values())
