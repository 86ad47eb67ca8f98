"""Promtail's configuration file, as far as the rendered one may use it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from imsobs.runtime.verify.models import Documented


def _groups(pattern: str) -> int:
    # RE2 takes flags anywhere, Python at the start only; apart from that Python's syntax
    # contains what is used of RE2's.
    try:
        return re.compile(re.sub(r"\(\?[a-z]+\)", "", pattern)).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


def _captures(pattern: str) -> str:
    if _groups(pattern) == 0:
        raise ValueError("captures nothing")
    return pattern


def _captures_whole(pattern: str) -> str:
    # Each group is replaced on its own: an inner one would be masked twice.
    if _groups(pattern) != 1:
        raise ValueError("must capture exactly once what is replaced; write (?:...) inside")
    return pattern


Capturing = Annotated[str, AfterValidator(_captures)]
CapturingOnce = Annotated[str, AfterValidator(_captures_whole)]


class Server(Documented):
    http_listen_address: str
    http_listen_port: int
    grpc_listen_address: str
    grpc_listen_port: int
    log_level: Literal["debug", "info", "warn", "error"]
    health_check_target: bool


class Client(Documented):
    url: str


class Json(Documented):
    expressions: dict[str, str]
    source: str | None = None


class Regex(Documented):
    expression: Capturing
    source: str | None = None


class Replace(Documented):
    expression: CapturingOnce
    source: str | None = None
    replace: str


class Template(Documented):
    source: str
    template: str


class Timestamp(Documented):
    source: str
    format: str


class Output(Documented):
    source: str


class Stage(Documented):
    """Exactly one stage."""

    json_: Json | None = Field(None, alias="json")
    regex: Regex | None = None
    replace: Replace | None = None
    template: Template | None = None
    timestamp: Timestamp | None = None
    structured_metadata: dict[str, str] | None = None
    labels: dict[str, str | None] | None = None
    labeldrop: list[str] | None = None
    output: Output | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given: dict[str, Any] = self.model_dump(exclude_none=True)
        if len(given) != 1:
            raise ValueError(f"a stage has one key, not {len(given)}")
        return self


class StaticConfig(Documented):
    targets: list[str]
    labels: dict[str, str]


class ScrapeConfig(Documented):
    job_name: str
    static_configs: list[StaticConfig]
    pipeline_stages: list[Stage]


class PromtailFile(Documented):
    """The whole file."""

    server: Server
    clients: list[Client]
    scrape_configs: list[ScrapeConfig]
