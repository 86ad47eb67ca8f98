"""Dialects of model calls: how each instrumentation names what it reports of a call.

The data (data/dialects) belongs to the program: it changes with the releases of the packages,
not with a service. What a real release of each sends is recorded under tests/golden/dialects,
and the page of the dialects is made from that. A spec says which dialects it accepts.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).resolve().parent / "data/dialects"

# What every dialect is translated to: the GenAI conventions of OpenTelemetry.
OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FIRST_TOKEN = "gen_ai.response.time_to_first_chunk"  # noqa: S105 - an attribute's name
USAGE = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cached_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_write.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
    "audio_input": "gen_ai.usage.audio.input_tokens",
    "audio_output": "gen_ai.usage.audio.output_tokens",
    "audio_cached_read": "gen_ai.usage.audio.cache_read.input_tokens",
    "image_input": "gen_ai.usage.image.input_tokens",
    "image_output": "gen_ai.usage.image.output_tokens",
    "image_cached_read": "gen_ai.usage.image.cache_read.input_tokens",
}
# The tier that was served; where only the requested one is reported, that.
SERVICE_TIER = "openai.response.service_tier"
SERVICE_TIERS = [
    SERVICE_TIER,
    "gen_ai.openai.response.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
]


class Strict(BaseModel):
    """Data of this program: unknown keys are faults, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Within(Strict):
    """Where inside a longer text something stands. pattern: RE2 with one group, ``value``."""

    attribute: str
    pattern: str


class Named(Strict):
    """A word of a dialect. values: the dialect's word -> the one of the GenAI conventions."""

    attributes: list[str] = Field(min_length=1)
    values: dict[str, str] = {}


class Provider(Named):
    """Who was called. prefix: attributes of the form ``provider/model``, where no other is."""

    prefix: list[str] = []


class Tokens(Strict):
    """Attributes with token counts, first present one wins.

    within: kind of tokens -> texts that hold the number, where no attribute does.
    """

    input: list[str] = []
    output: list[str] = []
    cached_read: list[str] = []
    cache_write: list[str] = []
    reasoning: list[str] = []
    audio_input: list[str] = []
    audio_output: list[str] = []
    audio_cached_read: list[str] = []
    image_input: list[str] = []
    image_output: list[str] = []
    image_cached_read: list[str] = []
    within: dict[str, list[Within]] = {}


class FirstToken(Strict):
    """How the time to the first token is reported: attributes (s), or the first event so named."""

    attributes: list[str] = []
    event: str | None = None


class Dialect(Strict):
    """One dialect.

    service_tier: the tier that was served, then that which was asked for.

    scopes: instrumentation scopes (``*`` matches the rest); wrappers: those of them that see
    a call above another of the same dialect; kinds: span kinds; where: OTTL condition of a
    span that is a call; operation: values of calls, all others are none; prefixed_model:
    attributes of the form ``provider/model``, which are better than those of request_model;
    echoes: attributes with what the caller called the model, which some gateways put in the place
    of the one that answered; contents: patterns of attributes that hold prompts and answers.
    """

    description: str
    scopes: list[str] = Field(min_length=1)
    wrappers: list[str] = []
    kinds: list[Literal["client", "internal", "server"]] = Field(min_length=1)
    where: str | None = None
    operation: Named
    provider: Provider
    request_model: list[str]
    request_model_within: Within | None = None
    prefixed_model: list[str] = []
    response_model: list[str]
    echoes: list[str] = []
    response_id_within: Within | None = None
    usage: Tokens
    service_tier: list[str] = SERVICE_TIERS
    service_tier_within: Within | None = None
    first_token: FirstToken = FirstToken()
    contents: list[str] = []


@functools.cache
def dialects() -> dict[str, Dialect]:
    """Return every dialect that this program knows, by name."""
    return {
        file.stem: Dialect.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        for file in sorted(FOLDER.glob("*.yaml"))
    }
