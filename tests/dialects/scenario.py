"""Calls of real client libraries to the stub vendors; run in the environment of a dialect.

    python scenario.py CLIENT...      CLIENT: openai, azure, anthropic, google, litellm, proxy

VENDORS is the stub vendors' address, PROXY that of a LiteLLM proxy in front of them. Prints
what was called as JSON, one call per line: what the stub vendors counted, not what anybody
tells of it. Nothing here imports the project or OpenTelemetry.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

VENDORS = os.environ["VENDORS"]
GPT, GPT_MINI, EMBEDDING = "gpt-4o", "gpt-4o-mini", "text-embedding-3-small"
CLAUDE, GEMINI = "claude-haiku-4-20251015", "gemini-2.5-flash"
# Of every chat that is answered; the input is the call's own number.
TOKENS = {"output": 10, "cached": 40, "reasoning": 4}
WRITTEN = {"output": 10, "cached": 40, "cache_write": 20}


def tell(vendor: str, model: str, outcome: str = "success", **known: Any) -> None:
    """Print one call: operation (chat), tokens by kind, streamed."""
    call = {"vendor": vendor, "model": model, "operation": "chat", "outcome": outcome, **known}
    print(json.dumps(call), flush=True)


def prompt(input: int = 0, **numbers: Any) -> str:
    """Return a prompt whose directive makes the vendor count these tokens."""
    names = {"input": "in", "output": "out"}
    given = {**({"input": input} if input else {}), **numbers}
    parts = [f"{names.get(key, key)}={value}" for key, value in given.items()]
    return f"hello [stub {' '.join(parts)}]"


def messages(text: str) -> list[dict[str, str]]:
    """Return a conversation of one message."""
    return [{"role": "user", "content": text}]


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Expect an error of the client library."""
    try:
        yield
    except Exception as error:
        print(f"as expected: {type(error).__name__}", file=sys.stderr)
    else:
        raise AssertionError("the call should have failed")


async def given_up(stream: Callable[[], Awaitable[AsyncIterator[Any]]]) -> None:
    """Read a stream in a task that is cancelled after its first pieces.

    A server does so when its user leaves.
    """
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in await stream():
            begun.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 20)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def openai() -> None:
    """OpenAI: sync, async, streams with and without usage, embeddings, responses, failures."""
    import openai as library

    settings: dict[str, Any] = {
        "base_url": f"{VENDORS}/openai/v1",
        "api_key": "k",
        "max_retries": 0,
    }
    client, other = library.OpenAI(**settings), library.AsyncOpenAI(**settings)
    create, acreate = client.chat.completions.create, other.chat.completions.create
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    create(model=GPT, messages=messages(prompt(101, **TOKENS)))
    tell("openai", GPT, input=101, **TOKENS)
    await acreate(model=GPT_MINI, messages=messages(prompt(102, **TOKENS)))
    tell("openai", GPT_MINI, input=102, **TOKENS)
    for _ in create(model=GPT, messages=messages(prompt(103, pause_ms=20, **TOKENS)), **usage):
        pass
    tell("openai", GPT, input=103, streamed=True, **TOKENS)
    told = await acreate(model=GPT, messages=messages(prompt(104, **TOKENS)), stream=True)
    async for _ in told:
        pass
    tell("openai", GPT, streamed=True)
    client.embeddings.create(model=EMBEDDING, input=prompt(7))
    tell("openai", EMBEDDING, operation="embeddings", input=7)
    client.responses.create(model=GPT, input=prompt(105, **TOKENS))
    tell("openai", GPT, input=105, **TOKENS)
    with refused():
        create(model=GPT, messages=messages(prompt(openai="rate_limit")))
    tell("openai", GPT, "error", error="rate_limit")
    with refused():
        broken = messages(prompt(106, break_after=3, **TOKENS))
        for _ in create(model=GPT, messages=broken, **usage):
            pass
    tell("openai", GPT, "error", streamed=True, error="connection")
    endless = messages(prompt(107, output=4000, pause_ms=50))
    await given_up(lambda: acreate(model=GPT, messages=endless, **usage))
    tell("openai", GPT, "cancelled", streamed=True)


async def azure() -> None:
    """Azure: the name of a deployment is no model; the answer tells which one it was."""
    import openai as library

    client = library.AzureOpenAI(
        azure_endpoint=f"{VENDORS}/azure", api_key="k", api_version="2024-10-21", max_retries=0
    )
    client.chat.completions.create(model="our-deployment", messages=messages(prompt(111, **TOKENS)))
    tell("openai", "gpt-4o-2024-08-06", input=111, asked="our-deployment", **TOKENS)


async def anthropic() -> None:
    """Anthropic: sync, async, both ways to stream, failures."""
    import anthropic as library

    settings: dict[str, Any] = {
        "base_url": f"{VENDORS}/anthropic",
        "api_key": "k",
        "max_retries": 0,
    }
    client, other = library.Anthropic(**settings), library.AsyncAnthropic(**settings)
    asked = {"model": CLAUDE, "max_tokens": 50}
    client.messages.create(messages=messages(prompt(121, **WRITTEN)), **asked)
    tell("anthropic", CLAUDE, input=121, **WRITTEN)
    await other.messages.create(messages=messages(prompt(122, **WRITTEN)), **asked)
    tell("anthropic", CLAUDE, input=122, **WRITTEN)
    text = prompt(123, pause_ms=20, **WRITTEN)
    for _ in client.messages.create(messages=messages(text), stream=True, **asked):
        pass
    tell("anthropic", CLAUDE, input=123, streamed=True, **WRITTEN)
    with client.messages.stream(messages=messages(prompt(124, **WRITTEN)), **asked) as pieces:
        for _ in pieces.text_stream:
            pass
    tell("anthropic", CLAUDE, input=124, streamed=True, **WRITTEN)
    with refused():
        client.messages.create(messages=messages(prompt(anthropic="overloaded")), **asked)
    tell("anthropic", CLAUDE, "error", error="overloaded")
    endless = messages(prompt(125, output=4000, pause_ms=50))
    await given_up(lambda: other.messages.create(messages=endless, stream=True, **asked))
    # The stream begins with the usage so far.
    tell("anthropic", CLAUDE, "cancelled", streamed=True, input=125, output=1)


async def google() -> None:
    """Gemini: sync, async, streams, embeddings, failures."""
    from google import genai

    options = {"base_url": f"{VENDORS}/google", "retry_options": {"attempts": 1}}
    client = genai.Client(api_key="k", http_options=options)
    generate, stream = client.models.generate_content, client.models.generate_content_stream
    generate(model=GEMINI, contents=prompt(131, **TOKENS))
    tell("google", GEMINI, input=131, **TOKENS)
    await client.aio.models.generate_content(model=GEMINI, contents=prompt(132, **TOKENS))
    tell("google", GEMINI, input=132, **TOKENS)
    for _ in stream(model=GEMINI, contents=prompt(133, pause_ms=20, **TOKENS)):
        pass
    tell("google", GEMINI, input=133, streamed=True, **TOKENS)
    client.models.embed_content(model="gemini-embedding-001", contents="hello")
    tell("google", "gemini-embedding-001", operation="embeddings")
    with refused():
        generate(model=GEMINI, contents=prompt(google="rate_limit"))
    tell("google", GEMINI, "error", error="rate_limit")
    endless = prompt(134, output=4000, pause_ms=50)
    await given_up(
        lambda: client.aio.models.generate_content_stream(model=GEMINI, contents=endless)
    )
    tell("google", GEMINI, "cancelled", streamed=True)


async def litellm() -> None:
    """LiteLLM as a library, in front of OpenAI and Anthropic."""
    import litellm as library

    library.callbacks = ["otel"]
    library.num_retries = 0
    openai_: dict[str, Any] = {"api_base": f"{VENDORS}/openai/v1", "api_key": "k"}
    claude: dict[str, Any] = {"api_base": f"{VENDORS}/anthropic", "api_key": "k"}
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    ask = library.acompletion
    await ask(model=f"openai/{GPT}", messages=messages(prompt(141, **TOKENS)), **openai_)
    tell("openai", GPT, input=141, **TOKENS)
    text = prompt(142, pause_ms=20, **TOKENS)
    async for _ in await ask(model=f"openai/{GPT}", messages=messages(text), **usage, **openai_):
        pass
    tell("openai", GPT, input=142, streamed=True, **TOKENS)
    library.completion(model=f"openai/{GPT_MINI}", messages=messages(prompt(143)), **openai_)
    tell("openai", GPT_MINI, input=143, output=20)
    await library.aembedding(model=f"openai/{EMBEDDING}", input=[prompt(7)], **openai_)
    tell("openai", EMBEDDING, operation="embeddings", input=7)
    name = f"anthropic/{CLAUDE}"
    await ask(model=name, messages=messages(prompt(144, **WRITTEN)), max_tokens=50, **claude)
    tell("anthropic", CLAUDE, input=144, **WRITTEN)
    with refused():
        await ask(model=f"openai/{GPT}", messages=messages(prompt(openai="rate_limit")), **openai_)
    tell("openai", GPT, "error", error="rate_limit")
    endless = messages(prompt(145, output=4000, pause_ms=50))
    await given_up(lambda: ask(model=f"openai/{GPT}", messages=endless, **usage, **openai_))
    tell("openai", GPT, "cancelled", streamed=True)
    # Its callbacks run in a thread, and the spans are sent by one more.
    await asyncio.sleep(7)


async def proxy() -> None:
    """A LiteLLM proxy, asked over HTTP."""
    import httpx

    headers = {"authorization": "Bearer sk-stub"}
    proxy = os.environ["PROXY"]
    async with httpx.AsyncClient(base_url=proxy, headers=headers, timeout=60) as client:
        path = "/v1/chat/completions"
        body: dict[str, Any] = {"model": "ours", "messages": messages(prompt(151, **TOKENS))}
        (await client.post(path, json=body)).raise_for_status()
        tell("openai", GPT, input=151, **TOKENS)
        body["messages"] = messages(prompt(152, pause_ms=20, **TOKENS))
        usage = {"stream": True, "stream_options": {"include_usage": True}}
        (await client.post(path, json={**body, **usage})).raise_for_status()
        tell("openai", GPT, input=152, streamed=True, **TOKENS)
        body["messages"] = messages(prompt(openai="bad_request"))
        assert (await client.post(path, json=body)).status_code == 400
        tell("openai", GPT, "error", error="invalid_request")


async def main() -> None:
    """Call each client that the command line names, one after the other."""
    for name in sys.argv[1:]:
        await globals()[name]()
    # What was given up is told when it is collected.
    import gc

    gc.collect()
    await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
