"""Duplicate spans: where several instrumentations report one operation, one span is counted.

SQLAlchemy and the driver below it each send a span for one statement; a model call can be
reported by three instrumentations and a proxy. OTTL processes one span at a time, but the spans
of one export share a resource. Each span has a rank by its scope; zero is the best. Where an
export has spans of several ranks, each first writes its rank to the resource, under a key that
the spans of one operation share. Then spans whose rank is worse than the best under their key
lose their mark, and are not counted. The keys of a statement are its parent span and itself, since
the span of the driver lies beside that of the library above it or in it; the keys of a call are the
outermost call around it and the id of the response.

The resource is the derivation's own copy; only named attributes of it become labels.
"""

from __future__ import annotations

from typing import Any

from imsobs.dialects import RESPONSE_ID
from imsobs.model import conventions
from imsobs.outputs.collector import dialects
from imsobs.outputs.collector.ottl import attribute, in_scopes, matches, set_to, text
from imsobs.spec.schema.signals import Sources, SpanSource

Statements = list[str]
_RANK = attribute("span", f"{conventions.MARKS}rank")
_SEVERAL_KEY = f"{conventions.MARKS}several"
_SEVERAL, _SEVERAL_OF_SCOPE = attribute("resource", _SEVERAL_KEY), attribute("scope", _SEVERAL_KEY)
_OWN, _PARENT = "span.span_id.string", "span.parent_span_id.string"


def scope_statements(name: str, source: SpanSource) -> Statements:
    """Return statements that set a scope's rank, and mark the resource if ranks differ.

    They run once per scope of an export, not once per span.
    """
    rank = attribute("scope", _rank_key(name))
    statements = dialects.rank_statements(rank, source)
    if source.prefer:
        statements.append(set_to(rank, str(len(source.prefer))))
    # The last statement that applies decides: the best rank, zero, comes last.
    for place, scope in reversed(list(enumerate(source.prefer))):
        statements.append(set_to(rank, str(place), in_scopes("scope", [scope])))
    if source.prefer:
        # A preferred scope alone is enough: the others need not be known by name.
        statements.append(set_to(_SEVERAL, "true", f"{rank} < {len(source.prefer)}"))
    elif has_ranks(source):
        first = attribute("resource", f"{conventions.MARKS}first.{name}")
        other = f"{rank} != nil and {first} != nil and {first} != {rank}"
        statements.append(set_to(_SEVERAL, "true", other))
        statements.append(set_to(first, rank, f"{rank} != nil and {first} == nil"))
    return statements


def several_group(sources: Sources) -> list[dict[str, Any]]:
    """Return the group that copies the resource's mark to its scopes.

    Every span is asked for it, and a scope has fewer attributes to search than a resource.
    """
    if not any(has_ranks(source) for source in sources.values()):
        return []
    copied = set_to(_SEVERAL_OF_SCOPE, "true", f"{_SEVERAL} == true")
    return [{"context": "scope", "statements": [copied]}]


def duplicate_groups(sources: Sources) -> list[dict[str, Any]]:
    """Return the groups that take the source's mark from all spans but those of the best rank.

    Each group is one pass over the spans of an export.
    """
    ranked = {name: source for name, source in sources.items() if has_ranks(source)}
    if not ranked:
        return []
    several = [f"{attribute('instrumentation_scope', _SEVERAL_KEY)} == true"]
    passes = _outermost_passes([name for name, source in ranked.items() if source.dialects])
    ranking, choosing = [], []
    for name, source in ranked.items():
        if source.dialects:
            ranking += _response_ids(name, source)
        rank = attribute("instrumentation_scope", _rank_key(name))
        ranking.append(set_to(_RANK, rank, _is_of(name)))
        worse = []
        for best, guard in _best_ranks(name, source):
            better = f"{best} == nil or {best} > {_RANK}"
            ranking.append(set_to(best, _RANK, f"{_is_of(name)} and {guard}({better})"))
            worse.append(f"({guard}{_RANK} > {best})")
        forget = f"delete_key(span.attributes, {text(conventions.SOURCE_MARK)})"
        choosing.append(f"{forget} where {_is_of(name)} and ({' or '.join(worse)})")
    passes += [ranking, choosing]
    return [{"context": "span", "conditions": several, "statements": one} for one in passes]


def _outermost_passes(calls: list[str]) -> list[Statements]:
    """Return the passes that find the outermost call around each span of these sources.

    Three passes resolve up to four calls that lie in each other.
    """
    if not calls:
        return []
    is_call, outermost = f"({' or '.join(map(_is_of, calls))})", _outermost(_OWN)
    parents = _outermost(_PARENT)
    return [
        [set_to(outermost, _OWN, is_call)],
        [set_to(outermost, parents, f"{is_call} and {parents} != nil")],
        [set_to(outermost, _outermost(_outermost(_outermost(_OWN))), is_call)],
    ]


def has_ranks(source: SpanSource) -> bool:
    """Return whether several instrumentations may report one operation of a source."""
    accepted = dialects.accepted(source)
    return bool(source.prefer or len(accepted) > 1 or any(d.wrappers for d in accepted.values()))


def _best_ranks(name: str, source: SpanSource) -> list[tuple[str, str]]:
    """Return the paths of the best rank of a span's operation, each with its guard.

    guard: the beginning of a condition, empty where the path always applies.
    """
    if not source.dialects:
        same = [attribute("span", key) for key in source.same]
        return [(_entry(text(f"best.{name}"), of, *same), "") for of in (_PARENT, _OWN)]
    response = attribute("span", RESPONSE_ID)
    return [
        (_entry(text(f"best.{name}"), _outermost(_OWN)), ""),
        (_entry(text(f"best.{name}.answer"), response), f"{response} != nil and "),
    ]


def _response_ids(name: str, source: SpanSource) -> Statements:
    """Return statements that take the response's id from its text, where no attribute has it."""
    response = attribute("span", RESPONSE_ID)
    statements = []
    for dialect in dialects.accepted(source).values():
        if within := dialect.response_id_within:
            path = attribute("span", within.attribute)
            found = f"ExtractPatterns({path}, {text(within.pattern)})[{text('value')}]"
            missing = f"{_is_of(name)} and {response} == nil and {matches(path, within.pattern)}"
            statements.append(set_to(response, found, missing))
    return statements


def _is_of(name: str) -> str:
    """Return the condition that a span is one of a source."""
    return f"{attribute('span', conventions.SOURCE_MARK)} == {text(name)}"


def _rank_key(name: str) -> str:
    return f"{conventions.MARKS}rank.{name}"


def _outermost(span_id: str) -> str:
    """Return the path of the outermost call that is known around the span with this id."""
    return _entry(text("up"), span_id)


def _entry(*parts: str) -> str:
    """Return the path of the resource attribute whose key is made of these parts."""
    return f'resource.attributes[Concat([{", ".join([text(conventions.MARKS), *parts])}], "/")]'
