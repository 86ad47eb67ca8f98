"""Dialects of model calls: which spans are calls, and their words translated to one.

A scope's dialect is found once per export; a span of another scope is passed over after one
look at it. What the GenAI instrumentations of OpenTelemetry send needs no translation.
"""

from __future__ import annotations

from typing import Any

from imsobs import dialects as data
from imsobs.dialects import Dialect, Within, dialects
from imsobs.model import conventions
from imsobs.model.labels import exact
from imsobs.outputs.collector.ottl import (
    any_of,
    attribute,
    canonical,
    in_scopes,
    matches,
    set_to,
    text,
)
from imsobs.spec.schema.signals import Sources, SpanSource

_DIALECT = f"{conventions.MARKS}dialect"
# Cheap to ask of every span: scopes have few attributes, mostly none.
HAS_DIALECT = f"{attribute('instrumentation_scope', _DIALECT)} != nil"


def accepted(source: SpanSource) -> dict[str, Dialect]:
    """Return the dialects of a source, in the order of the spec; unknown names are left out."""
    known = dialects()
    return {name: known[name] for name in source.dialects if name in known}


def scope_statements(source: SpanSource) -> list[str]:
    """Return statements that set the dialect of each scope."""
    path = attribute("scope", _DIALECT)
    statements = []
    for name, dialect in accepted(source).items():
        mine = [*dialect.scopes, *dialect.wrappers]
        statements.append(set_to(path, text(name), f"{path} == nil and {in_scopes('scope', mine)}"))
    return statements


def rank_statements(rank: str, source: SpanSource) -> list[str]:
    """Return statements that set the rank of each scope: by dialect, in each the wrappers last.

    rank: the attribute of the scope.
    """
    path = attribute("scope", _DIALECT)
    statements = []
    for place, (name, dialect) in enumerate(accepted(source).items()):
        here = f"{path} == {text(name)}"
        statements.append(set_to(rank, str(2 * place), here))
        if dialect.wrappers:
            above = in_scopes("scope", dialect.wrappers)
            statements.append(set_to(rank, str(2 * place + 1), f"{here} and {above}"))
    return statements


def selects(source: SpanSource) -> str:
    """Return the condition that a span is a call in one of the source's dialects."""
    dialect_of_scope = attribute("instrumentation_scope", _DIALECT)
    return any_of(
        f"({dialect_of_scope} == {text(name)} and {_is_call(dialect)})"
        for name, dialect in accepted(source).items()
    )


def _is_call(dialect: Dialect) -> str:
    kinds = any_of(f"span.kind == SPAN_KIND_{kind.upper()}" for kind in dialect.kinds)
    words = exact(list(dialect.operation.values))
    operation = any_of(
        matches(attribute("span", key), words) for key in dialect.operation.attributes
    )
    where = f" and ({dialect.where})" if dialect.where else ""
    return f"{kinds} and {operation}{where}"


def groups(sources: Sources) -> list[dict[str, Any]]:
    """Return the translation of each dialect that a source accepts."""
    mark = attribute("span", conventions.SOURCE_MARK)
    dialect_of_scope = attribute("instrumentation_scope", _DIALECT)
    found: list[dict[str, Any]] = []
    for source_name, source in sources.items():
        for name, dialect in accepted(source).items():
            here = f"{dialect_of_scope} == {text(name)} and {mark} == {text(source_name)}"
            if dialect.first_token.event is not None:
                found.append(_first_token(dialect.first_token.event, here))
            found.append(
                {"context": "span", "conditions": [here], "statements": translation(dialect)}
            )
    return found


def _first_token(event: str, here: str) -> dict[str, Any]:
    """The time to the first event of this name; further events come later."""
    target = attribute("span", data.FIRST_TOKEN)
    waited = "Double(spanevent.time_unix_nano - span.start_time_unix_nano) / 1000000000.0"
    return {
        "context": "spanevent",
        "conditions": [f"spanevent.name == {text(event)} and {here} and {target} == nil"],
        "statements": [set_to(target, waited)],
    }


def translation(dialect: Dialect) -> list[str]:
    """Return the statements that put a dialect's words into those of the GenAI conventions."""
    statements = [*_named(data.OPERATION, dialect.operation.attributes, dialect.operation.values)]
    provider = dialect.provider
    statements += _named(data.PROVIDER, provider.attributes, {})
    said = attribute("span", data.PROVIDER)
    for key in provider.prefix:
        path = attribute("span", key)
        unknown = f'({said} == nil or {said} == "")'
        split = f'Split({path}, "/")[0]'
        statements.append(set_to(said, split, f"{unknown} and {matches(path, '^[a-z_]+/')}"))
    statements += _words(data.PROVIDER, provider.values)
    statements += _models(dialect)
    for kind, target in data.USAGE.items():
        statements += _first(target, getattr(dialect.usage, kind))
        for within in dialect.usage.within.get(kind, []):
            statements += _within(target, within, number=True)
    statements += _first(data.SERVICE_TIER, dialect.service_tier)
    statements += _within(data.SERVICE_TIER, dialect.service_tier_within)
    return statements + _first(data.FIRST_TOKEN, dialect.first_token.attributes)


def _models(dialect: Dialect) -> list[str]:
    """Return the statements that set which model was asked for, and which answered."""
    statements = _first(data.REQUEST_MODEL, dialect.request_model)
    statements += _within(data.REQUEST_MODEL, dialect.request_model_within)
    statements += _first(data.RESPONSE_MODEL, dialect.response_model)
    asked, answered = (
        attribute("span", name) for name in (data.REQUEST_MODEL, data.RESPONSE_MODEL)
    )
    for key in dialect.echoes:
        echo = attribute("span", key)
        forget = f"delete_key(span.attributes, {text(data.RESPONSE_MODEL)})"
        statements.append(f"{forget} where {answered} != nil and {answered} == {echo}")
    for key in reversed(dialect.prefixed_model):
        path = attribute("span", key)
        statements.append(set_to(asked, path, f"{path} != nil"))
        statements.append(f'replace_pattern({asked}, "^[a-z0-9_]+/", "") where {path} != nil')
    return statements


def _within(target: str, within: Within | None, *, number: bool = False) -> list[str]:
    """Return what extracts from a longer text what no attribute holds."""
    if within is None:
        return []
    asked, path = attribute("span", target), attribute("span", within.attribute)
    taken = f"ExtractPatterns({path}, {text(within.pattern)})[{text('value')}]"
    if number:
        taken = f"Int({taken})"
    return [set_to(asked, taken, f"{asked} == nil and {matches(path, within.pattern)}")]


def _first(target: str, keys: list[str]) -> list[str]:
    """Return what copies the first present of the keys to a target, which may be one of them."""
    if not keys or keys == [target]:
        return []
    if keys[0] == target:
        return canonical("span", keys)
    path = attribute("span", target)
    return [
        set_to(path, attribute("span", key), f"{attribute('span', key)} != nil")
        for key in reversed(keys)
    ]


def _named(target: str, keys: list[str], values: dict[str, str]) -> list[str]:
    return [*_first(target, keys), *_words(target, values)]


def _words(target: str, values: dict[str, str]) -> list[str]:
    path = attribute("span", target)
    return [
        set_to(path, text(ours), f"{path} == {text(theirs)}")
        for theirs, ours in values.items()
        if theirs != ours
    ]
