"""The files that a project begins with: a spec of some forty lines, and what goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imsobs import yamlio
from imsobs.runtime.start.openapi import Routes

SPEC = "spec/spec.yaml"
WORKFLOW = ".github/workflows/observability.yaml"
# Pack -> distributions, as one spelling has them, that a service would use it for.
_SUBJECTS = {
    "agents": (
        "ag2",
        "agno",
        "autogen-agentchat",
        "autogen-core",
        "claude-agent-sdk",
        "crewai",
        "google-adk",
        "langchain",
        "langgraph",
        "openai-agents",
        "pyautogen",
        "pydantic-ai",
        "pydantic-ai-slim",
        "semantic-kernel",
        "smolagents",
        "strands-agents",
    ),
    "cache": ("aiocache", "django-redis", "dogpile-cache", "redis", "valkey"),
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
    "queue": (
        "aio-pika",
        "aiokafka",
        "arq",
        "celery",
        "confluent-kafka",
        "dramatiq",
        "faststream",
        "huey",
        "kafka-python",
        "kombu",
        "nats-py",
        "pika",
        "procrastinate",
        "rq",
        "saq",
        "taskiq",
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
}
# Packs that count events, which the service has to log -> labels whose values only it knows.
_VALUES = {"agents": ("agent_type", "action"), "cache": ("cache",), "queue": ("queue",)}
_ALWAYS = ("http", "pipeline", "runtime")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:%\[\]-]+")
# What pip installs: no option of pip, no expression of the CI, no password.
INSTALLED = re.compile(r"(?!.*://[^/]*:[^/]*@)[A-Za-z0-9./][A-Za-z0-9._~:/@%+=#&?,-]*")
IGNORED = (".imsobs/", "secrets/", "stack/.env", "/logs/")


@dataclass(frozen=True)
class Beginning:
    """What a spec begins with.

    use: packs, in the order in which they are named. series: the most that the labels allow, None
    where the default is enough. install: what pip installs imsobs from, None when that is
    unknown.
    """

    name: str
    address: str
    routes: Routes
    use: list[str]
    series: int | None = None
    install: str | None = None


_EVENTS = """\
# agents, cache and queue count what the service logs as events: docs/reference/events.md
# (rendered). Their labels have the names that these give, instead of `default`."""
_NO_EVENTS = "# Packs for what the service logs as events: agents, cache, queue."


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


def of_events(use: list[str]) -> list[str]:
    """Return the packs that count what the service logs as events."""
    return [name for name in use if name in _VALUES]


def files(begun: Beginning) -> dict[str, str]:
    """Return path -> text of the files that a project begins with."""
    return {SPEC: spec(begun), WORKFLOW: _workflow(begun.install)}


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
    events = of_events(begun.use)
    parts = [
        "# How this service is observed. Edit it, run `imsobs render`, commit both.",
        "# Every key: docs/reference/spec.md (rendered). What packs bring: imsobs inspect --origin",
        "version: 1",
        _section("use", begun.use, flow=True),
        _EVENTS if events else _NO_EVENTS,
        "",
        "# Metrics are named after the namespace. The first environment is that of a process which",
        "# is told none (IMSOBS_ENVIRONMENT), the last the one that tests speak of.",
        "# health: a route that answers 2xx while the service works and costs nothing; null: none.",
        _section("service", service),
    ]
    labels = [f"  {of}: {{values: [default]}}" for use in events for of in _VALUES[use]]
    if "http" in begun.use:
        parts += [
            "# The routes as the application writes them; what is not listed counts as `other`.",
            "# FastAPI's converters are part of a template: /files/{path:path}.",
            _section("labels", {"route": {"values": begun.routes.templates or ["/"]}}).rstrip(),
            *labels,
            "",
        ]
    elif labels:
        parts += ["labels:", *labels, ""]
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


def _workflow(install: str | None) -> str:
    where = _VARIABLE if install is None else yamlio.dump({"IMSOBS": install}).strip()
    return _WORKFLOW_TEXT.replace("IMSOBS_IS", where)


_VARIABLE = """\
# imsobs is in no package index: set this variable of the repository to what pip installs, such
          # as a wheel's URL or git+https://HOST/PATH@REVISION.
          IMSOBS: ${{ vars.IMSOBS }}"""
_WORKFLOW_TEXT = """\
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
      - run: python -m pip install "${IMSOBS:?the variable of the repository is not set}"
        env:
          IMSOBS_IS
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
