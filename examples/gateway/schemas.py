"""Bodies that the routes take."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from gateway.actions import Action

_MAX_PROMPT = 100_000


class GenerateRequest(BaseModel):
    """A question to a model. With `model`, the strategy is `pinned`."""

    prompt: str = Field(min_length=1, max_length=_MAX_PROMPT)
    model: str | None = Field(default=None, max_length=200)
    strategy: Literal["cost", "latency", "quality"] = "cost"
    max_tokens: int = Field(default=64, ge=1, le=8192)
    stream: bool = False
    # False: the vendor is not asked to say what a stream used.
    stream_usage: bool = True
    team: str = Field(default="default", max_length=64)
    user: str | None = Field(default=None, max_length=200)


class EmbeddingsRequest(BaseModel):
    """Texts to embed."""

    texts: list[str] = Field(min_length=1, max_length=64)


class AgentRequest(BaseModel):
    """An agent to start. Its type is free text: new kinds need no new gateway."""

    agent_type: str = Field(min_length=1, max_length=64)
    task: str = Field(min_length=1, max_length=_MAX_PROMPT)
    actions: list[Action] = Field(default_factory=list, max_length=16)


class JobRequest(BaseModel):
    """A job to queue: it waits `seconds`, and fails if its kind says so."""

    queue: Literal["default", "batch"] = "default"
    kind: Literal["report", "fail"] = "report"
    seconds: float = Field(default=0.0, ge=0.0, le=60.0)


class FaultsRequest(BaseModel):
    """Components to break; those not named work again."""

    unhealthy: set[Literal["service", "database", "cache", "queue", "router"]] = set()
    # Share of the requests to POST /v1/jobs that end in an exception, as after a bad deployment.
    failing_jobs: float = Field(default=0.0, ge=0.0, le=1.0)
