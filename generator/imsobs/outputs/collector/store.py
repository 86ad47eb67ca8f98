"""Storage: redaction of what is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from imsobs.model import Model, conventions
from imsobs.outputs.collector import sampling
from imsobs.outputs.collector.identity import Group
from imsobs.outputs.collector.ottl import attribute, matches, set_to, text
from imsobs.outputs.redaction import MASK, key_patterns, value_patterns
from imsobs.redaction import beginnings, contents, keys, plain
from imsobs.redaction.contents import ordinary_keys

KEYS, VALUES = "redaction/keys", "redaction/values"
# Loki refuses a structured metadata field of more than 64 KB for good.
_LONGEST_FIELD = 32_768
# The redaction processor leaves here how much it masked.
_COUNT = '{}.attributes["redaction.masked.count"]'
# What the sender says of that, or sets in the name of the derivation, does not count.
_FORGOTTEN = rf"^(redaction|{conventions.MARKS.removesuffix('.')})\."
# How much it did not look at is nobody's business; it leaves that on everything it saw.
_NOT_LOOKED_AT = ("redaction.ignored.count", "redaction.allowed.count")
_OF_BODIES = ("redaction.body.ignored.count", "redaction.body.allowed.count")
# Texts (closed, or cut off) and numbers of a statement, and all arguments of a command.
_LITERALS = (
    r"()'(?:[^'\\]|\\.|'')*(?:'|$)",
    r'()"(?:[^"\\]|\\.|"")*(?:"|$)',
    # Not those of %22, which would hide the quotes of a secret.
    r"(^|%[0-9A-Fa-f]{2}|[^%\w])[0-9]+(?:\.[0-9]+)?\b",
)
_ARGUMENTS = r"(?s)^(\S+)\s.*$"
# What the logging instrumentation repeats in attributes though the record carries it.
_REPEATED = r"^(otelTraceID|otelSpanID|otelTraceSampled|otelServiceName|color_message)$"


def redaction_processors(model: Model) -> dict[str, Any]:
    """Return the redaction processors: of attributes, events, bodies and resources.

    First what stands under a secret's name, then what texts hold. Apart, because the processor
    looks at the values that need no search before it looks at the names, and would store a
    number or a word under a secret's name.
    """
    own = {name for event in model.spec.events.values() for name in event.fields}
    secret = re.compile(key_patterns(model)[0])
    return {
        KEYS: {
            "allow_all_keys": True,
            "blocked_key_patterns": key_patterns(model),
            # Found in a table, where the pattern would look at every character.
            "ignored_keys": sorted(k for k in {*ordinary_keys(), *own} if not secret.search(k)),
            "ignored_key_patterns": [*model.spec.redaction.keep, keys.COUNTED],
            "summary": "info",
        },
        VALUES: {
            "allow_all_keys": True,
            "allowed_values": plain.patterns(),
            "blocked_values": value_patterns(model),
            "ignored_key_patterns": model.spec.redaction.keep,
            # Maps and lists are looked at as JSON; they stay what they are unless masked.
            "redact_all_types": True,
            "summary": "info",
        },
    }


def trace_groups(model: Model) -> list[Group]:
    """Return what the redaction processor does not reach: names, messages, dropped keys."""
    events = [
        *_drop("spanevent", model),
        f"{_deleted('spanevent.attributes', contents.EVENT_CONTENT)}"
        f" where {matches('spanevent.name', contents.EVENTS)}",
    ]
    return [
        *_forget_containers(),
        # First: what is forgotten next holds the parents that were set aside.
        sampling.parent_group(model),
        {"context": "span", "statements": _drop("span", model)},
        *_statements(model),
        _masked("span.name", "span", model),
        _masked("span.status.message", "span", model),
        {"context": "spanevent", "statements": events},
        _masked("spanevent.name", "spanevent", model),
    ]


def log_groups(model: Model) -> list[Group]:
    """Return the log store's clean-up: dropped keys and contents, repeated attributes."""
    body_is = [f"Is{kind}(log.body)" for kind in ("String", "Map", "List", "Int", "Double", "Bool")]
    # First, so that the rest has less to look at.
    statements = _drop("log", model, _REPEATED)
    statements += [
        f"{_deleted('log.body', one)} where IsMap(log.body)"
        for one in beginnings.expressions(tuple(model.dropped))
    ]
    # GenAI conventions put prompts and completions into the bodies of events.
    for path in ("log.event_name", 'log.attributes["event.name"]'):
        event = matches(path, contents.EVENTS)
        statements.append(set_to("log.body", text(""), event))
        statements.append(f"{_deleted('log.attributes', contents.EVENT_CONTENT)} where {event}")
    # Bytes cannot be searched.
    statements.append(
        set_to("log.body", text(MASK), f"log.body != nil and not ({' or '.join(body_is)})")
    )
    return [
        *_forget_containers(),
        {"context": "log", "statements": statements},
        _masked("log.event_name", "log", model),
    ]


def stored_groups(signal: str) -> list[Group]:
    """Return what follows the redaction: count what it masked around a signal, cap texts.

    signal: ``span`` or ``log``. The cap comes after, lest half of a secret escapes it.
    """
    count = _COUNT.format(signal)
    around = [_COUNT.format(path) for path in ("resource", "instrumentation_scope")]
    passed = [*_NOT_LOOKED_AT, *(_OF_BODIES if signal == "log" else ())]
    groups: list[Group] = [
        *({"context": c, "statements": _forget_passed(c)} for c in ("resource", "scope")),
        {
            "context": signal,
            "statements": [
                *(set_to(count, "1", f"{count} == nil and {path} != nil") for path in around),
                *_forget_passed(signal, passed),
                f"truncate_all({signal}.attributes, {_LONGEST_FIELD})",
            ],
        },
    ]
    if signal == "span":
        inner = _COUNT.format("spanevent")
        groups.append(
            {
                "context": "spanevent",
                "statements": [
                    set_to(count, "1", f"{count} == nil and {inner} != nil"),
                    *_forget_passed("spanevent"),
                    f"truncate_all(spanevent.attributes, {_LONGEST_FIELD})",
                ],
            }
        )
    return groups


def _forget_passed(context: str, names: Sequence[str] = _NOT_LOOKED_AT) -> list[str]:
    return [f"delete_key({context}.attributes, {text(name)})" for name in names]


def _forget_containers() -> list[Group]:
    # What the sender says was redacted does not count.
    return [
        {"context": context, "statements": [_deleted(f"{context}.attributes", _FORGOTTEN)]}
        for context in ("resource", "scope")
    ]


def _masked(path: str, context: str, model: Model) -> Group:
    """Mask a text that is there, and count its signal when that changed it."""
    count = _COUNT.format("span" if context == "spanevent" else context)
    before = f"{context}.cache[{text('before')}]"
    return {
        "context": context,
        "conditions": [f"not {matches(path, plain.WORDS)}"],
        "statements": [
            set_to(before, path),
            *(f"replace_pattern({path}, {text(p)}, {text(MASK)})" for p in value_patterns(model)),
            set_to(count, "1", f"{count} == nil and {path} != {before}"),
        ],
    }


def _statements(model: Model) -> list[Group]:
    """Literals of database statements become ``?``: the text alone shows no secret."""
    found: list[Group] = []
    redis = (
        'span.attributes["db.system.name"] == "redis" or span.attributes["db.system"] == "redis"'
    )
    for key in model.spec.redaction.statements:
        path = attribute("span", key)
        masked = [f"replace_pattern({path}, {text(_ARGUMENTS)}, {text('$1 ?')}) where {redis}"]
        masked += [f"replace_pattern({path}, {text(p)}, {text('$1?')})" for p in _LITERALS]
        found.append({"context": "span", "conditions": [f"{path} != nil"], "statements": masked})
    return found


def _drop(context: str, model: Model, *others: str) -> list[str]:
    """Return what deletes from a signal what is not stored, and what its sender must not say."""
    whole = beginnings.expressions((*model.dropped, _FORGOTTEN, *others))
    return [_deleted(f"{context}.attributes", one) for one in whole]


def _deleted(path: str, keys: str) -> str:
    return f"delete_matching_keys({path}, {text(keys)})"


def batches() -> dict[str, Any]:
    """Return what gathers the signals that are stored.

    Traces leave the sampler one by one, so what it lets through within a second is redacted
    and goes into the queue together, at most 200 spans at a time. Log records are handed on at
    once: there the processor keeps a failing store from failing the request, since a service
    that repeats it is counted again by the derivation.
    """
    return {
        "batch/traces": {"timeout": "1s", "send_batch_size": 200, "send_batch_max_size": 200},
        "batch/logs": {"timeout": "0s"},
    }
