"""The files that a project begins with: a spec of some forty lines, and what goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imsobs import yamlio
from imsobs.runtime.start.openapi import Routes

SPEC = "spec/spec.yaml"
_WORKFLOW = ".github/workflows/observability.yaml"
# Pack -> distributions, as one spelling has them, that a service would use it for.
_SUBJECTS = {
    "llm": (
        "anthropic",
        "boto3",
        "cohere",
        "google-genai",
        "groq",
        "langchain-core",
        "litellm",
        "llama-index-core",
        "mistralai",
        "openai",
        "pydantic-ai-slim",
    ),
    "sql": (
        "aiosqlite",
        "asyncpg",
        "django",
        "mysqlclient",
        "psycopg",
        "psycopg2",
        "psycopg2-binary",
        "pymysql",
        "sqlalchemy",
        "tortoise-orm",
    ),
    "cache": ("redis", "valkey"),
}
_ALWAYS = ("http", "pipeline", "runtime")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:@%\[\]-]+")
IGNORED = (".imsobs/", "secrets/", "stack/.env", "/logs/")


@dataclass(frozen=True)
class Beginning:
    """What a spec begins with.

    use: packs, in the order in which they are named. series: the most that the labels allow, None
    where the default is enough.
    """

    name: str
    address: str
    routes: Routes
    use: list[str]
    series: int | None = None


def name_of(text: str) -> str | None:
    """Return the name of a service that a text stands for, None when it has none."""
    parts = re.findall(r"[a-z0-9]+", text.lower())
    name = "-".join(parts).lstrip("0123456789-")[:40].rstrip("-")
    return name if _NAME.fullmatch(name) else None


def packs_for(installed: dict[str, str]) -> dict[str, list[str]]:
    """Return pack -> the distributions that are why; none for those that every service has."""
    found = {name: [lib for lib in libs if lib in installed] for name, libs in _SUBJECTS.items()}
    return {
        **{name: [] for name in _ALWAYS[:1]},
        **{name: libs for name, libs in found.items() if libs},
        **{name: [] for name in _ALWAYS[1:]},
    }


def files(begun: Beginning) -> dict[str, str]:
    """Return path -> text of the files that a project begins with."""
    return {SPEC: spec(begun), _WORKFLOW: _workflow()}


def spec(begun: Beginning) -> str:
    """Return the text of the spec: each section is dumped, only comments are written."""
    health = begun.routes.health
    service = {
        "namespace": begun.name,
        "names": [begun.name],
        "environments": ["development", "production"],
        "url": begun.address,
        "health": health,
    }
    parts = [
        "# How this service is observed. Edit it, run `imsobs render`, commit both.",
        "# Every key: docs/reference/spec.md (rendered). What packs bring: imsobs inspect --origin",
        "version: 1",
        _section("use", begun.use, flow=True),
        "# Packs for what the service logs as events: cache, queue, agents.",
        "",
        "# Metrics are named after the namespace. The first environment is that of a process which",
        "# is told none (IMSOBS_ENVIRONMENT), the last the one that tests speak of.",
        "# health: a route that answers 2xx while the service works and costs nothing; null: none.",
        _section("service", service),
    ]
    if "http" in begun.use:
        parts += [
            "# The routes as the application writes them; what is not listed counts as `other`.",
            "# FastAPI's converters are part of a template: /files/{path:path}.",
            _section("labels", {"route": {"values": begun.routes.templates or ["/"]}}),
        ]
    if begun.series is not None:
        parts += [
            "# What that many routes and labels allow together; a service has far fewer.",
            _section("collector", {"max_series": begun.series}),
        ]
    if "llm" in begun.use:
        parts += [
            "# What the model calls of a month may cost, USD; without it nothing warns.",
            "# budget: {monthly_usd: 100}",
            "",
        ]
    parts += [
        "# Who is notified. Without this, alerts stay on Alertmanager's page.",
        "# receivers:",
        '#   team: {slack: {url_file: slack_url, channel: "#alerts"}}',
        "",
        "# Parts of the stack that this service does not need:",
        "# stack: {grafana: null, loki: null, jaeger: null}",
    ]
    return "\n".join(parts) + "\n"


def _section(name: str, value: object, *, flow: bool = False) -> str:
    if flow and isinstance(value, list):
        return f"{name}: [{', '.join(map(str, value))}]"
    return yamlio.dump({name: value})


def _workflow() -> str:
    return """\
# What is rendered must be what the spec says, and what reads it must accept it.
name: observability
on: [push, pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.11"}
      # Where imsobs is had from: docs/guide/integration.md.
      - run: pip install imsobs
      - run: imsobs render --check
      - run: imsobs verify
"""


README = """
## Observability

`spec/spec.yaml` says how this service is observed; `imsobs render` makes the rest.

    imsobs up                            # the stack
    imsobs run -- uvicorn your.app:app   # the service, instrumented
    imsobs status
"""
