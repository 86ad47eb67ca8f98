"""Bodies in the shape of Google's Gemini API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from gateway.vendors.answers import words
from gateway.vendors.directives import TokenCounts


def usage(tokens: TokenCounts) -> dict[str, int]:
    """Usage as Gemini counts it: the prompt includes the cached, the answer no thoughts."""
    return {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "thoughtsTokenCount": tokens.reasoning,
        "cachedContentTokenCount": tokens.cached,
        "totalTokenCount": tokens.input + tokens.output,
    }


def content(model: str, tokens: TokenCounts) -> dict[str, Any]:
    """An answer of generateContent."""
    return {
        "candidates": [_candidate(" ".join(words(tokens.output)), "STOP")],
        "usageMetadata": usage(tokens),
        "modelVersion": model,
        "responseId": uuid.uuid4().hex,
    }


def stream(model: str, tokens: TokenCounts) -> Iterator[str]:
    """Server-sent events of streamGenerateContent; the last has the usage of all."""
    head = {"modelVersion": model, "responseId": uuid.uuid4().hex}
    for word in words(tokens.output):
        yield _event({**head, "candidates": [_candidate(word + " ", None)]})
    last = {**head, "candidates": [_candidate("", "STOP")], "usageMetadata": usage(tokens)}
    yield _event(last)


def embeddings(count: int) -> dict[str, Any]:
    """One short vector per text; Gemini reports no usage of embeddings."""
    return {"embeddings": [{"values": [0.5] * 8} for _ in range(count)]}


def _candidate(text: str, reason: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "index": 0,
    }
    return candidate | ({"finishReason": reason} if reason else {})


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\r\n\r\n"
