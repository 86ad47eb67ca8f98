"""Spans that tell of the same thing: where several instrumentations see it, one is counted.

SQLAlchemy and the driver below it send a span each for one statement. The Collector sees one
span after the other, but those of one export together: where an export has spans of a preferred
scope and of another, every span leaves its rank at the resource, under its parent's id, and then
those of a worse rank than the best there lose their mark. The resource is the derivation's own
copy; what is exposed takes named attributes of it alone.
"""

from __future__ import annotations

from typing import Any

from imsobs.model import conventions
from imsobs.outputs.collector.ottl import attribute, in_scopes, set_to, text
from imsobs.spec.schema.signals import Sources, SpanSource

_RANK = attribute("span", f"{conventions.MARKS}rank")


def scope_statements(name: str, source: SpanSource) -> list[str]:
    """Return what gives a scope its rank: once per export, not once per span."""
    rank = attribute("scope", f"{conventions.MARKS}rank.{name}")
    # The best is zero, hence the reversed order.
    return [
        set_to(rank, str(place), in_scopes("scope", [scope]))
        for place, scope in reversed(list(enumerate(source.prefer)))
    ]


def marked_statements(name: str, source: SpanSource) -> list[str]:
    """Return what tells the resource which kinds of spans of a source an export has."""
    if not source.prefer:
        return []
    here = f"{attribute('span', conventions.SOURCE_MARK)} == {text(name)}"
    rank = _scope_rank(name)
    return [
        set_to(_flag("better", name), "true", f"{here} and {rank} != nil"),
        set_to(_flag("worse", name), "true", f"{here} and {rank} == nil"),
    ]


def twin_groups(sources: Sources) -> list[dict[str, Any]]:
    """Return what takes the mark from all but the best, in two goes over the spans."""
    preferring = {name: source for name, source in sources.items() if source.prefer}
    if not preferring:
        return []
    both = [
        f"{_flag('better', name)} == true and {_flag('worse', name)} == true" for name in preferring
    ]
    ranking, choosing = [], []
    for name, source in preferring.items():
        here, best = (
            f"{attribute('span', conventions.SOURCE_MARK)} == {text(name)}",
            _best(name, source),
        )
        rank = _scope_rank(name)
        ranking += [
            set_to(_RANK, str(len(source.prefer)), here),
            set_to(_RANK, rank, f"{here} and {rank} != nil"),
            set_to(best, _RANK, f"{here} and ({best} == nil or {best} > {_RANK})"),
        ]
        forget = f"delete_key(span.attributes, {text(conventions.SOURCE_MARK)})"
        choosing.append(f"{forget} where {here} and {_RANK} > {best}")
    return [
        {"context": "span", "conditions": both, "statements": statements}
        for statements in (ranking, choosing)
    ]


def _scope_rank(name: str) -> str:
    return attribute("instrumentation_scope", f"{conventions.MARKS}rank.{name}")


def _flag(kind: str, name: str) -> str:
    return attribute("resource", f"{conventions.MARKS}{kind}.{name}")


def _best(name: str, source: SpanSource) -> str:
    parts = [text(f"{conventions.MARKS}best.{name}"), "span.parent_span_id.string"]
    parts += [attribute("span", key) for key in source.same]
    return f'resource.attributes[Concat([{", ".join(parts)}], "/")]'
