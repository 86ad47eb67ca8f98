"""The ASGI app of the stub vendors.

    uvicorn --factory gateway.vendors.app:create_app --port 8090

OpenAI's base URL is `/openai/v1`, Anthropic's `/anthropic`. `POST /control` makes a
vendor fail from outside; `GET /control` tells how many calls each one has had.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from gateway.vendors import answers, directives

# Longer than any client of the demo waits; a timeout fault sleeps this long.
_TIMEOUT_FAULT_SECONDS = 30.0


def create_app(latency_seconds: float | None = None) -> FastAPI:
    """Build the app. `latency_seconds` is added to every answer.

    Without it, `IMS_STUB_LATENCY_SECONDS` decides (default 0.01).
    """
    if latency_seconds is None:
        latency_seconds = float(os.environ.get("IMS_STUB_LATENCY_SECONDS", "0.01"))
    app = FastAPI(title="Stub vendors", openapi_url=None)
    book = directives.FaultBook()

    async def begin(vendor: str, prompt: str) -> tuple[directives.TokenCounts, Response | None]:
        directive = directives.parse(prompt)
        await asyncio.sleep(latency_seconds + directive.numbers.get("slow_ms", 0) / 1000)
        fault = book.next_fault(vendor, directive)
        if fault == "timeout":
            await asyncio.sleep(_TIMEOUT_FAULT_SECONDS)
        elif fault is not None:
            status = answers.ERRORS[vendor][fault][0]
            return directive.tokens(prompt), JSONResponse(answers.error_body(vendor, fault), status)
        return directive.tokens(prompt), None

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/control")
    async def calls() -> dict[str, int]:
        return dict(book.calls)

    @app.post("/control")
    async def control(request: Request) -> dict[str, str]:
        order = await request.json()
        try:
            book.control(order["vendor"], order.get("fault"), order.get("count"))
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return {"status": "ok"}

    @app.post("/openai/v1/chat/completions")
    async def openai_chat(request: Request) -> Response:
        body = await request.json()
        tokens, failure = await begin("openai", _prompt(body))
        if failure is not None:
            return failure
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return _stream(answers.openai_stream(body["model"], tokens, usage))
        return JSONResponse(answers.openai_chat(body["model"], tokens))

    @app.post("/openai/v1/embeddings")
    async def openai_embeddings(request: Request) -> Response:
        body = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else list(body["input"])
        tokens, failure = await begin("openai", " ".join(texts))
        if failure is not None:
            return failure
        return JSONResponse(answers.openai_embeddings(body["model"], texts, tokens.input))

    @app.post("/anthropic/v1/messages")
    async def anthropic_messages(request: Request) -> Response:
        body = await request.json()
        tokens, failure = await begin("anthropic", _prompt(body))
        if failure is not None:
            return failure
        if body.get("stream"):
            return _stream(answers.anthropic_stream(body["model"], tokens))
        return JSONResponse(answers.anthropic_message(body["model"], tokens))

    return app


def _prompt(body: dict[str, Any]) -> str:
    """The text of the last message, which is what the gateway was asked."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else " ".join(part["text"] for part in content)


def _stream(events: Iterator[str]) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        for event in events:
            yield event

    return StreamingResponse(body(), media_type="text/event-stream")
