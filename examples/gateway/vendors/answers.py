"""Bodies that the stub vendors answer with, in the shapes of the real APIs."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

from gateway.vendors.directives import TokenCounts

# Status, type and message of each fault, by vendor.
ERRORS: dict[str, dict[str, tuple[int, str]]] = {
    "openai": {
        "rate_limit": (429, "rate_limit_exceeded"),
        "server_error": (500, "server_error"),
        "overloaded": (503, "service_unavailable"),
        "bad_request": (400, "invalid_request_error"),
        "authentication": (401, "invalid_api_key"),
    },
    "anthropic": {
        "rate_limit": (429, "rate_limit_error"),
        "server_error": (500, "api_error"),
        "overloaded": (529, "overloaded_error"),
        "bad_request": (400, "invalid_request_error"),
        "authentication": (401, "authentication_error"),
    },
    "google": {
        "rate_limit": (429, "RESOURCE_EXHAUSTED"),
        "server_error": (500, "INTERNAL"),
        "overloaded": (503, "UNAVAILABLE"),
        "bad_request": (400, "INVALID_ARGUMENT"),
        "authentication": (401, "UNAUTHENTICATED"),
    },
}
_EMBEDDING_SIZE = 8


def error_body(vendor: str, fault: str) -> dict[str, Any]:
    """Error body of a vendor for a fault named in `ERRORS`."""
    code, kind = ERRORS[vendor][fault]
    if vendor == "google":
        return {"error": {"code": code, "message": f"stub vendor: {fault}", "status": kind}}
    error = {"type": kind, "message": f"stub vendor: {fault}"}
    if vendor == "openai":
        return {"error": {**error, "code": kind, "param": None}}
    return {"type": "error", "error": error}


def words(tokens: int) -> list[str]:
    """An answer of so many words, one per token."""
    return ["word"] * tokens


def openai_usage(tokens: TokenCounts) -> dict[str, Any]:
    """Usage as OpenAI counts it: prompt tokens include the cached ones."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def openai_chat(model: str, tokens: TokenCounts) -> dict[str, Any]:
    """A chat completion."""
    return {
        "id": _id("chatcmpl"),
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": " ".join(words(tokens.output))},
            }
        ],
        "usage": openai_usage(tokens),
    }


def openai_stream(model: str, tokens: TokenCounts, usage: bool) -> Iterator[str]:
    """Server-sent events of a chat completion; usage only when the client asked."""
    head = {"id": _id("chatcmpl"), "object": "chat.completion.chunk", "created": 0, "model": model}
    for word in words(tokens.output):
        choice = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
        yield _event({**head, "choices": [choice]})
    yield _event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if usage:
        yield _event({**head, "choices": [], "usage": openai_usage(tokens)})
    yield "data: [DONE]\n\n"


def openai_response(model: str, tokens: TokenCounts) -> dict[str, Any]:
    """An answer of the responses API."""
    part = {"type": "output_text", "text": " ".join(words(tokens.output)), "annotations": []}
    return {
        "id": _id("resp"),
        "object": "response",
        "created_at": 0,
        "model": model,
        "status": "completed",
        "output": [
            {
                "type": "message",
                "id": _id("msg"),
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": tokens.input,
            "input_tokens_details": {"cached_tokens": tokens.cached},
            "output_tokens": tokens.output,
            "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
            "total_tokens": tokens.input + tokens.output,
        },
    }


def openai_embeddings(model: str, texts: list[str], input_tokens: int) -> dict[str, Any]:
    """One short vector per text, the same each time for the same text."""
    vectors = [hashlib.sha256(text.encode()).digest()[:_EMBEDDING_SIZE] for text in texts]
    return {
        "object": "list",
        "model": model,
        "data": [
            {"object": "embedding", "index": i, "embedding": [byte / 255 for byte in vector]}
            for i, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": input_tokens, "total_tokens": input_tokens},
    }


def anthropic_usage(tokens: TokenCounts) -> dict[str, int]:
    """Usage as Anthropic counts it: input tokens leave the cached ones out."""
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation_input_tokens": tokens.cache_write,
        "output_tokens": tokens.output,
    }


def anthropic_message(model: str, tokens: TokenCounts) -> dict[str, Any]:
    """A message."""
    return {
        "id": _id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": " ".join(words(tokens.output))}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": anthropic_usage(tokens),
    }


def anthropic_stream(model: str, tokens: TokenCounts) -> Iterator[str]:
    """Server-sent events of a message; usage is always there."""
    message = {**anthropic_message(model, tokens), "content": [], "stop_reason": None}
    message["usage"] = {**anthropic_usage(tokens), "output_tokens": 1}
    yield _named("message_start", {"message": message})
    block = {"type": "text", "text": ""}
    yield _named("content_block_start", {"index": 0, "content_block": block})
    for word in words(tokens.output):
        delta = {"type": "text_delta", "text": word + " "}
        yield _named("content_block_delta", {"index": 0, "delta": delta})
    yield _named("content_block_stop", {"index": 0})
    usage = {"output_tokens": tokens.output}
    yield _named("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": usage})
    yield _named("message_stop", {})


def _id(kind: str) -> str:
    """An id that no other answer has."""
    return f"{kind}-{uuid.uuid4().hex}"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


def _named(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"
