"""The ASGI app of the stub vendors.

    uvicorn --factory gateway.vendors.app:create_app --port 8090

OpenAI's base URL is `/openai/v1`, Azure's `/azure`, Anthropic's `/anthropic`, Google's
`/google`. `POST /control` makes a
vendor fail from outside; `GET /control` answers how many calls each one has had.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from gateway.vendors import answers, directives, google

# Longer than any client of the demo waits; a timeout fault sleeps this long.
_TIMEOUT_FAULT_SECONDS = 30.0
# What answers behind every Azure deployment, whatever its name.
_AZURE_MODEL = "gpt-4o-2024-08-06"


def create_app(latency_seconds: float | None = None) -> FastAPI:
    """Build the app. `latency_seconds` is added to every answer.

    Without it, `IMS_STUB_LATENCY_SECONDS` decides (default 0.01).
    """
    if latency_seconds is None:
        latency_seconds = float(os.environ.get("IMS_STUB_LATENCY_SECONDS", "0.01"))
    app = FastAPI(title="Stub vendors", openapi_url=None)
    book = directives.FaultBook()

    async def begin(
        vendor: str, prompt: str, model: str | None = None
    ) -> tuple[directives.TokenCounts, Response | None]:
        directive = directives.parse(prompt)
        await asyncio.sleep(latency_seconds + directive.numbers.get("slow_ms", 0) / 1000)
        fault = book.next_fault(vendor, directive, model)
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
            book.control(
                order["vendor"], order.get("fault"), order.get("count"), order.get("model")
            )
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return {"status": "ok"}

    async def openai_answer(model: str, body: dict[str, Any]) -> Response:
        tokens, failure = await begin("openai", _prompt(body), model)
        if failure is not None:
            return failure
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            return _stream(answers.openai_stream(model, tokens, usage), _prompt(body))
        return JSONResponse(answers.openai_chat(model, tokens))

    @app.post("/openai/v1/chat/completions")
    async def openai_chat(request: Request) -> Response:
        body = await request.json()
        return await openai_answer(body["model"], body)

    @app.post("/azure/openai/deployments/{deployment}/chat/completions")
    async def azure_chat(deployment: str, request: Request) -> Response:
        body = await request.json()
        return await openai_answer(_AZURE_MODEL, body)

    @app.post("/openai/v1/responses")
    async def openai_responses(request: Request) -> Response:
        body = await request.json()
        tokens, failure = await begin("openai", str(body["input"]))
        return failure or JSONResponse(answers.openai_response(body["model"], tokens))

    @app.post("/google/{version}/models/{model}:{operation}")
    async def google_models(model: str, operation: str, request: Request) -> Response:
        body = await request.json()
        tokens, failure = await begin("google", str(body))
        if failure is not None:
            return failure
        if operation == "streamGenerateContent":
            return _stream(google.stream(model, tokens), str(body))
        if operation == "batchEmbedContents":
            return JSONResponse(google.embeddings(len(body["requests"])))
        return JSONResponse(google.content(model, tokens))

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
            return _stream(answers.anthropic_stream(body["model"], tokens), _prompt(body))
        return JSONResponse(answers.anthropic_message(body["model"], tokens))

    return app


def _prompt(body: dict[str, Any]) -> str:
    """The text of the last message, which is what the gateway was asked."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else " ".join(part["text"] for part in content)


def _stream(events: Iterator[str], prompt: str) -> StreamingResponse:
    numbers = directives.parse(prompt).numbers

    async def body() -> AsyncIterator[str]:
        for count, event in enumerate(events):
            if count == numbers.get("break_after"):
                raise ConnectionError("the stub vendor breaks the stream")
            await asyncio.sleep(numbers.get("pause_ms", 0) / 1000)
            yield event

    return StreamingResponse(body(), media_type="text/event-stream")
