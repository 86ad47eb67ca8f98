"""The smart router: chooses a model, retries, falls back to another vendor."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gateway import catalog
from gateway.catalog import Model, Strategy
from gateway.circuits import Circuits
from gateway.settings import Settings
from gateway.streaming import in_one_task
from gateway.vendor_clients import OpenAI, Reply, Usage, Vendor, VendorError

log = logging.getLogger("ims.router")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ask:
    """What a caller wants answered. `pinned` is set when the caller named the model."""

    prompt: str
    strategy: Strategy
    pinned: Model | None
    max_tokens: int

    @property
    def input_tokens(self) -> int:
        """Tokens that the router reckons the prompt has: one per word."""
        return len(self.prompt.split())


class Router:
    """Routes calls over the vendors; safe to share between requests."""

    def __init__(self, settings: Settings, vendors: Mapping[str, Vendor], openai: OpenAI) -> None:
        self._retries = settings.retries
        self._vendors = vendors
        self._openai = openai
        self.circuits = Circuits(vendors, settings.circuit_failures, settings.circuit_seconds)

    def estimate(self, ask: Ask) -> float:
        """What the call is expected to cost with the first choice, in USD."""
        first = catalog.candidates(ask.strategy, ask.pinned, ask.input_tokens)[0]
        return first.estimate(ask.input_tokens)

    async def complete(self, ask: Ask) -> tuple[Model, Reply]:
        """Get a whole answer. Raises VendorError when no vendor gave one."""

        async def call(model: Model) -> tuple[Model, Reply]:
            vendor = self._vendors[model.vendor]
            return model, await vendor.chat(model.name, ask.prompt, ask.max_tokens)

        model, reply = await self._route(self._choose(ask), call)
        self._completed(model, ask.input_tokens, reply.usage)
        return model, reply

    async def stream(self, ask: Ask, usage: bool) -> tuple[Model, AsyncIterator[str]]:
        """Get an answer in pieces. Falls back only before the first piece.

        Raises VendorError when no vendor began to answer.
        """

        async def call(model: Model) -> tuple[Model, AsyncIterator[str]]:
            vendor = self._vendors[model.vendor]
            pieces = in_one_task(vendor.stream(model.name, ask.prompt, ask.max_tokens, usage))
            first = await anext(pieces, "")
            return model, self._pieces(ask, model, first, pieces)

        return await self._route(self._choose(ask), call)

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """One vector per text. Raises VendorError; no other vendor has the model."""
        model = catalog.EMBEDDING_MODEL
        started = time.perf_counter()
        self._selected(model, "pinned", started)

        async def call(model: Model) -> tuple[list[list[float]], Usage]:
            return await self._openai.embed(model.name, texts)

        vectors, usage = await self._route([model], call)
        self._completed(model, sum(len(text.split()) for text in texts), usage, output_tokens=0)
        return vectors

    def _choose(self, ask: Ask) -> list[Model]:
        started = time.perf_counter()
        models = catalog.candidates(ask.strategy, ask.pinned, ask.input_tokens)
        self._selected(models[0], ask.strategy, started)
        return models

    async def _route(
        self, models: list[Model], call: Callable[[Model], Awaitable[Result]]
    ) -> Result:
        """Try the models in turn, each with its retries."""
        for position, model in enumerate(models):
            try:
                return await self._attempt(model, call)
            except VendorError as error:
                if error.reason is None or position + 1 == len(models):
                    raise
                log.warning(
                    "model fallback",
                    extra={
                        "event": "model_fallback",
                        "from_vendor": model.vendor,
                        "to_vendor": models[position + 1].vendor,
                        "reason": error.reason,
                    },
                )
        raise AssertionError("no candidate models")

    async def _attempt(self, model: Model, call: Callable[[Model], Awaitable[Result]]) -> Result:
        if self.circuits.is_open(model.vendor):
            raise VendorError(model.vendor, "circuit_open", f"{model.vendor}: circuit is open")
        for retries_left in range(self._retries, -1, -1):
            try:
                result = await call(model)
            except VendorError as error:
                if error.reason is None:
                    raise
                self.circuits.failed(model.vendor)
                if retries_left == 0:
                    raise
                log.warning(
                    "model retry",
                    extra={
                        "event": "model_retry",
                        "vendor": model.vendor,
                        "reason": error.reason,
                    },
                )
            else:
                self.circuits.succeeded(model.vendor)
                return result
        raise AssertionError("retries is negative")

    async def _pieces(
        self,
        ask: Ask,
        model: Model,
        first: str | Usage,
        rest: AsyncIterator[str | Usage],
    ) -> AsyncIterator[str]:
        usage = first if isinstance(first, Usage) else None
        if isinstance(first, str):
            yield first
        async for piece in rest:
            if isinstance(piece, Usage):
                usage = piece
            else:
                yield piece
        self._completed(model, ask.input_tokens, usage)

    def _selected(self, model: Model, strategy: Strategy, started: float) -> None:
        log.info(
            "model selected",
            extra={
                "event": "model_selected",
                "vendor": model.vendor,
                "model": model.name,
                "strategy": strategy,
                "duration_seconds": time.perf_counter() - started,
            },
        )

    def _completed(
        self,
        model: Model,
        input_tokens: int,
        usage: Usage | None,
        output_tokens: int = catalog.EXPECTED_OUTPUT_TOKENS,
    ) -> None:
        if usage is None:
            log.info("model call completed, usage unknown")
            return
        fields: dict[str, object] = {
            "event": "model_call_completed",
            "vendor": model.vendor,
            "model": model.name,
            "estimated_usd": model.estimate(input_tokens, output_tokens),
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_input_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        }
        log.info("model call completed", extra=fields)
