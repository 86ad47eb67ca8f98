"""Prompts and answers: which attributes hold them, whoever calls the model."""

from __future__ import annotations

import functools

import yaml
from pydantic import BaseModel, ConfigDict, Field

from imsobs.redaction.known import FOLDER

# Events whose very purpose is a content, and the attributes of theirs that hold it.
EVENTS = r"^gen_ai\."
EVENT_CONTENT = (
    r"^(arguments|body|completion|contents?|input|messages?|output|prompt|result|text|tool_calls)$"
)


class Contents(BaseModel):
    """Attributes of one product. keys: patterns (RE2) of their keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str
    keys: list[str] = Field(min_length=1)


@functools.cache
def contents() -> dict[str, Contents]:
    """Return who sets them -> what."""
    loaded = yaml.safe_load((FOLDER / "contents.yaml").read_text("utf-8"))
    return {name: Contents.model_validate(entry) for name, entry in loaded.items()}


def content_keys() -> list[str]:
    """Return every pattern."""
    return [key for entry in contents().values() for key in entry.keys]


@functools.cache
def ordinary_keys() -> tuple[str, ...]:
    """Return names of attributes that are no secrets' names."""
    return tuple(yaml.safe_load((FOLDER / "attributes.yaml").read_text("utf-8")))
