"""Recordings: which there are, what they hold, and how two of them differ."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
HERE = Path(__file__).parent
FOLDER = HERE.parent / "golden/dialects"


@dataclass(frozen=True)
class Difference:
    """Where a dialect tells something else than the vendors counted. said: what it says."""

    why: str
    said: dict[str, float]


@dataclass(frozen=True)
class Plan:
    """What is to be recorded.

    packages: requirements, pinned. clients: of the scenario. environment: variables that they are
    started with. differs: kind of fact -> how the dialect differs from the truth. alone: no other
    instrumentation sees the same calls.
    """

    name: str
    dialect: str
    packages: tuple[str, ...]
    clients: tuple[str, ...]
    environment: dict[str, str]
    differs: dict[str, Difference]
    alone: bool


@dataclass(frozen=True)
class Recording:
    """What was recorded.

    packages: name -> version of those that the plan names; calls: what the stub vendors
    counted, in order; traces: an OTLP/JSON export request; prompts: attributes that carried
    what was asked or answered.
    """

    name: str
    dialect: str
    packages: dict[str, str]
    calls: list[Json]
    traces: Json
    prompts: list[str] = field(default_factory=list)


def plans() -> dict[str, Plan]:
    """Return every plan of recordings.yaml, by name."""
    data = yaml.safe_load((HERE / "recordings.yaml").read_text(encoding="utf-8"))
    return {
        name: Plan(
            name,
            given["dialect"],
            (*data["common"], *given["packages"]),
            tuple(given["clients"]),
            given.get("environment", {}),
            {
                kind: Difference(entry["why"], entry.get("said", {}))
                for kind, entry in given.get("differs", {}).items()
            },
            not given.get("shared", False),
        )
        for name, given in data["recordings"].items()
    }


def load(name: str) -> Recording:
    """Return a stored recording. Raises FileNotFoundError."""
    return Recording(**json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def store(recording: Recording) -> None:
    """Write a recording: a span on a line, so that a change is seen as one."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    parts = {key: value for key, value in recording.__dict__.items() if key != "traces"}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in parts.items()]
    text = json.dumps(recording.traces, ensure_ascii=False)
    # The beginning of each span, which nothing else looks like.
    text = text.replace('{"traceId"', '\n  {"traceId"').replace('{"scope"', '\n {"scope"')
    body = "\n".join(["{", *lines, f' "traces": {text}', "}"])
    (FOLDER / f"{recording.name}.json").write_text(body + "\n", encoding="utf-8")


def spans(traces: Json) -> list[tuple[str, Json]]:
    """Return every span with the name of its scope, in order."""
    return [
        (scope["scope"]["name"], span)
        for resource in traces["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def differences(old: Recording, new: Recording) -> list[str]:
    """Return what a new recording says otherwise, one line each; times and ids do not count."""
    found = [
        f"{name}: {old.packages.get(name, 'none')} -> {new.packages.get(name, 'none')}"
        for name in sorted({*old.packages, *new.packages})
        if old.packages.get(name) != new.packages.get(name)
    ]
    if old.calls != new.calls:
        found.append("the scenario made other calls")
    before, after = _facts(old), _facts(new)
    found += [f"- {count} x {fact}" for fact, count in sorted((before - after).items())]
    found += [f"+ {count} x {fact}" for fact, count in sorted((after - before).items())]
    return found


def _facts(recording: Recording) -> Counter[str]:
    """Return each span, and each attribute and event of one, as a line of text."""
    found: Counter[str] = Counter()
    for scope, span in spans(recording.traces):
        name = f"{scope} {span['name']}"
        found[f"{name}: kind {span['kind']}, status {span.get('status', {}).get('code', 0)}"] += 1
        for item in span.get("attributes", []):
            volatile = item["key"].endswith(_VOLATILE)
            value = "..." if volatile else json.dumps(item["value"], sort_keys=True)
            found[f"{name}: {item['key']} = {value[:200]}"] += 1
        for event in {event["name"] for event in span.get("events", [])}:
            found[f"{name}: event {event}"] += 1
    return found


# Attributes whose values differ from run to run.
_VOLATILE = (
    *(".id", ".created", "call_id", "hidden_params", "duration"),
    *("time_to_first_chunk", ".messages", "value", "content"),
)
