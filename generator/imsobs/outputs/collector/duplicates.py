"""Duplicate spans: where several instrumentations report one operation, one span is counted.

SQLAlchemy and the driver below it each send a span for one statement; a model call can be
reported by three instrumentations and a proxy. OTTL processes one span at a time, but the spans
of one export share a resource. Each span has a rank by its scope; zero is the best. Where an
export has spans of several ranks, each first writes its rank to the resource, under a key that
the spans of one operation share. Then spans whose rank is worse than the best under their key
lose their mark, and are not counted. The key of a statement is its parent span; the keys of a
call are the outermost call around it and the id of the response.

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
_SEVERAL, _TOLD = attribute("resource", _SEVERAL_KEY), attribute("scope", _SEVERAL_KEY)
_OWN, _PARENT = "span.span_id.string", "span.parent_span_id.string"


def scope_statements(name: str, source: SpanSource) -> Statements:
    """Return what gives a scope its rank, and notes at the resource whether there are several.

    Once per export, not once per span.
    """
    rank = attribute("scope", _rank_key(name))
    statements = dialects.rank_statements(rank, source)
    if source.prefer:
        statements.append(set_to(rank, str(len(source.prefer))))
    # The best is zero, hence the reversed order.
    for place, scope in reversed(list(enumerate(source.prefer))):
        statements.append(set_to(rank, str(place), in_scopes("scope", [scope])))
    if source.prefer:
        # Whether there is another, the spans will show.
        statements.append(set_to(_SEVERAL, "true", f"{rank} < {len(source.prefer)}"))
    elif _told_twice(source):
        first = attribute("resource", f"{conventions.MARKS}first.{name}")
        other = f"{rank} != nil and {first} != nil and {first} != {rank}"
        statements.append(set_to(_SEVERAL, "true", other))
        statements.append(set_to(first, rank, f"{rank} != nil and {first} == nil"))
    return statements


def several_group(sources: Sources) -> list[dict[str, Any]]:
    """Return what tells each scope, which has few attributes, whether there are several."""
    if not any(_told_twice(source) for source in sources.values()):
        return []
    told = set_to(_TOLD, "true", f"{_SEVERAL} == true")
    return [{"context": "scope", "statements": [told]}]


def duplicate_groups(sources: Sources) -> list[dict[str, Any]]:
    """Return what takes the mark from all but the best.

    It goes over the spans as many times as the longest way needs.
    """
    told = {name: source for name, source in sources.items() if _told_twice(source)}
    several = [f"{attribute('instrumentation_scope', _SEVERAL_KEY)} == true"]
    goes: list[Statements] = []
    # Calls lie in each other: outermost, in three goes for up to four of them.
    nested = [_here(name) for name, source in told.items() if source.dialects]
    if nested:
        here, up = f"({' or '.join(nested)})", _up(_OWN)
        goes.append([set_to(up, _OWN, here)])
        goes.append([set_to(up, _up(_PARENT), f"{here} and {_up(_PARENT)} != nil")])
        goes.append([set_to(up, _up(_up(_up(_OWN))), here)])
    ranking, choosing = [], []
    for name, source in told.items():
        rank = attribute("instrumentation_scope", _rank_key(name))
        if source.dialects:
            ranking += _answers(name, source)
        ranking.append(set_to(_RANK, rank, _here(name)))
        worse = []
        for best, there in _common(name, source):
            better = f"{best} == nil or {best} > {_RANK}"
            ranking.append(set_to(best, _RANK, f"{_here(name)} and {there}({better})"))
            worse.append(f"({there}{_RANK} > {best})")
        forget = f"delete_key(span.attributes, {text(conventions.SOURCE_MARK)})"
        choosing.append(f"{forget} where {_here(name)} and ({' or '.join(worse)})")
    goes += [ranking, choosing] if told else []
    return [{"context": "span", "conditions": several, "statements": go} for go in goes]


def _told_twice(source: SpanSource) -> bool:
    accepted = dialects.accepted(source)
    return bool(source.prefer or len(accepted) > 1 or any(d.wrappers for d in accepted.values()))


def _common(name: str, source: SpanSource) -> list[tuple[str, str]]:
    """Return where the best rank of one thing is noted, each with a condition to be in front."""
    if not source.dialects:
        return [(_noted(text(f"best.{name}"), _PARENT, *_values(source.same)), "")]
    answer = attribute("span", RESPONSE_ID)
    return [
        (_noted(text(f"best.{name}"), _up(_OWN)), ""),
        (_noted(text(f"best.{name}.answer"), answer), f"{answer} != nil and "),
    ]


def _answers(name: str, source: SpanSource) -> Statements:
    """Return what finds the answer's id in the text of the answer, where no attribute has it."""
    answer = attribute("span", RESPONSE_ID)
    statements = []
    for dialect in dialects.accepted(source).values():
        if within := dialect.response_id_within:
            path = attribute("span", within.attribute)
            taken = f"ExtractPatterns({path}, {text(within.pattern)})[{text('value')}]"
            there = f"{_here(name)} and {answer} == nil and {matches(path, within.pattern)}"
            statements.append(set_to(answer, taken, there))
    return statements


def _values(keys: list[str]) -> Statements:
    return [attribute("span", key) for key in keys]


def _here(name: str) -> str:
    return f"{attribute('span', conventions.SOURCE_MARK)} == {text(name)}"


def _rank_key(name: str) -> str:
    return f"{conventions.MARKS}rank.{name}"


def _up(identity: str) -> str:
    """Return where the outermost call is noted that is known of the span with this id."""
    return _noted(text("up"), identity)


def _noted(*parts: str) -> str:
    return f'resource.attributes[Concat([{", ".join([text(conventions.MARKS), *parts])}], "/")]'
