"""The vendors' own client libraries behind one small interface.

The clients never retry by themselves (`max_retries=0`): the router owns retries, so
that every attempt is seen as one call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import anthropic
import httpx2
import openai

from gateway.settings import Settings

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (openai.RateLimitError, "rate_limit"),
    (anthropic.RateLimitError, "rate_limit"),
    # A timeout is a connection error to both libraries: ask for it first.
    (openai.APITimeoutError, "timeout"),
    (anthropic.APITimeoutError, "timeout"),
    (openai.APIConnectionError, "connection"),
    (anthropic.APIConnectionError, "connection"),
    (openai.InternalServerError, "server_error"),
    (anthropic.InternalServerError, "server_error"),
)


@dataclass(frozen=True)
class Usage:
    """Tokens of one call: input includes cached and written, output includes reasoning."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class Reply:
    """A whole answer. Usage is None when the vendor did not report it."""

    text: str
    usage: Usage | None


class VendorError(Exception):
    """A call failed. `reason` is None when another vendor would not do better."""

    def __init__(self, vendor: str, reason: str | None, message: str) -> None:
        super().__init__(message)
        self.vendor = vendor
        self.reason = reason


class Vendor(Protocol):
    """What the router needs of a vendor. Every method may raise VendorError."""

    name: str

    async def chat(self, model: str, prompt: str, max_tokens: int) -> Reply:
        """Ask for a whole answer."""
        ...

    def stream(
        self, model: str, prompt: str, max_tokens: int, usage: bool
    ) -> AsyncIterator[str | Usage]:
        """Ask for an answer in pieces; the last item is the usage, if it is known."""
        ...


def vendor_error(vendor: str, error: Exception) -> VendorError:
    """Say in the router's words why a client library raised."""
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    return VendorError(vendor, reason, str(error))


class OpenAI:
    """OpenAI, chat and embeddings."""

    name = "openai"

    def __init__(self, settings: Settings, http: httpx2.AsyncClient | None = None) -> None:
        self._client = openai.AsyncOpenAI(
            base_url=settings.openai_url,
            api_key=settings.openai_key,
            timeout=settings.vendor_timeout,
            max_retries=0,
            http_client=http,
        )

    async def chat(self, model: str, prompt: str, max_tokens: int) -> Reply:
        """Ask for a whole answer. Raises VendorError."""
        try:
            answer = await self._client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": prompt}],
                max_completion_tokens=max_tokens,
            )
        except openai.APIError as error:
            raise vendor_error(self.name, error) from error
        return Reply(answer.choices[0].message.content or "", _openai_usage(answer.usage))

    async def stream(
        self, model: str, prompt: str, max_tokens: int, usage: bool
    ) -> AsyncIterator[str | Usage]:
        """Ask for an answer in pieces. Raises VendorError."""
        try:
            chunks = await self._client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": prompt}],
                max_completion_tokens=max_tokens,
                stream=True,
                stream_options={"include_usage": True} if usage else openai.omit,
            )
            async for chunk in chunks:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content
                reported = _openai_usage(chunk.usage)
                if reported is not None:
                    yield reported
        except openai.APIError as error:
            raise vendor_error(self.name, error) from error

    async def embed(self, model: str, texts: list[str]) -> tuple[list[list[float]], Usage]:
        """One vector per text. Raises VendorError."""
        try:
            answer = await self._client.embeddings.create(model=model, input=texts)
        except openai.APIError as error:
            raise vendor_error(self.name, error) from error
        vectors = [item.embedding for item in answer.data]
        return vectors, Usage(answer.usage.prompt_tokens, 0)


class Anthropic:
    """Anthropic, chat."""

    name = "anthropic"

    def __init__(self, settings: Settings, http: httpx2.AsyncClient | None = None) -> None:
        self._client = anthropic.AsyncAnthropic(
            base_url=settings.anthropic_url,
            api_key=settings.anthropic_key,
            timeout=settings.vendor_timeout,
            max_retries=0,
            http_client=http,
        )

    async def chat(self, model: str, prompt: str, max_tokens: int) -> Reply:
        """Ask for a whole answer. Raises VendorError."""
        try:
            answer = await self._client.messages.create(
                model=model,
                messages=[{"role": "user", "content": prompt}],
                max_tokens=max_tokens,
            )
        except anthropic.APIError as error:
            raise vendor_error(self.name, error) from error
        text = "".join(block.text for block in answer.content if block.type == "text")
        return Reply(text, _anthropic_usage(answer.usage))

    async def stream(
        self, model: str, prompt: str, max_tokens: int, usage: bool
    ) -> AsyncIterator[str | Usage]:
        """Ask for an answer in pieces; usage always comes. Raises VendorError."""
        try:
            async with self._client.messages.stream(
                model=model,
                messages=[{"role": "user", "content": prompt}],
                max_tokens=max_tokens,
            ) as pieces:
                async for text in pieces.text_stream:
                    yield text
                final = await pieces.get_final_message()
                yield _anthropic_usage(final.usage)
        except anthropic.APIError as error:
            raise vendor_error(self.name, error) from error


def _openai_usage(usage: openai.types.CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    return Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cached_input_tokens=(details.cached_tokens or 0) if details else 0,
    )


def _anthropic_usage(usage: anthropic.types.Usage) -> Usage:
    # Anthropic counts cached tokens apart from the input; the event contract counts them in.
    cached = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    return Usage(
        input_tokens=usage.input_tokens + cached + written,
        output_tokens=usage.output_tokens,
        cached_input_tokens=cached,
        cache_write_tokens=written,
    )
