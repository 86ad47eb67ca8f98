"""Derivation: the transforms that label signals, for the metrics to be counted from them.

Each works on the derivation's own copy of the signals; what is stored is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.model import Model, conventions
from imsobs.model.kinds import event as event_kind
from imsobs.model.kinds import span
from imsobs.model.labels import exact
from imsobs.outputs.collector import dialects, events
from imsobs.outputs.collector import scopes as received
from imsobs.outputs.collector.cost import cost_statements, reserved
from imsobs.outputs.collector.duplicates import duplicate_groups, scope_statements, several_group
from imsobs.outputs.collector.identity import (
    Group,
    forget_marks_of_resource,
    process_group,
    resource_group,
)
from imsobs.outputs.collector.ottl import (
    attribute,
    forget_marks,
    in_scopes,
    matches,
    normalize_label,
    set_to,
    text,
)
from imsobs.outputs.collector.outcome import cancellation, exception_group, outcome_statements
from imsobs.outputs.collector.unpriced import unpriced_statements
from imsobs.outputs.collector.values import value_statements
from imsobs.problems import KeyPath
from imsobs.spec.schema.signals import SpanSource


def trace_groups(model: Model) -> list[Group]:
    """Return the trace transform: mark each span's source, then set its labels."""
    mark = attribute("span", conventions.SOURCE_MARK)
    marking = [forget_marks("span")]
    scopes = [forget_marks("scope"), *received.scope_statements(model)]
    for name, source in model.spec.sources.items():
        scopes += dialects.scope_statements(source)
        if source.scopes:
            inside = attribute("scope", _inside(name))
            scopes.append(set_to(inside, "true", in_scopes("scope", source.scopes)))
        scopes += scope_statements(name, source)
        marking.append(set_to(mark, text(name), _selects(name, source, f"{mark} == nil")))
    groups: list[Group] = [
        {"context": "resource", "statements": forget_marks_of_resource()},
        resource_group(model),
        process_group(),
        # Once per export and scope, not once per span.
        {"context": "scope", "statements": scopes},
        *several_group(model.spec.sources),
        {"context": "span", "statements": [*marking, *received.taken_statements(model)]},
    ]
    groups += duplicate_groups(model.spec.sources)
    groups.append(exception_group())
    groups += dialects.groups(model.spec.sources)
    for name, source in model.spec.sources.items():
        groups.append(
            {
                "context": "span",
                "conditions": [f"{_may_be(source)} and {mark} == {text(name)}"],
                "statements": _span_statements(name, source, model),
            }
        )
    return [*groups, *received.untaken_group(model)]


def _inside(source: str) -> str:
    """Return the attribute of the scopes that a source's spans come from."""
    return f"{conventions.MARKS}in.{source}"


def _may_be(source: SpanSource) -> str:
    """Return a cheap condition that most other spans fail: it reads none of their attributes."""
    if source.dialects:
        return dialects.HAS_DIALECT
    return f"span.kind == SPAN_KIND_{source.kind.upper()}" if source.kind else "true"


def _selects(name: str, source: SpanSource, free: str) -> str:
    condition = f"{_may_be(source)} and {free}"
    if source.dialects:
        return f"{condition} and {dialects.selects(source)}"
    if source.scopes:
        condition += f" and {attribute('instrumentation_scope', _inside(name))} == true"
    if source.where:
        condition += f" and ({source.where})"
    return condition


def _span_statements(name: str, source: SpanSource, model: Model) -> list[str]:
    usage = source.priced()
    statements = [*(reserved("span") if usage else ()), *value_statements(name, model)]
    statements += [set_to(attribute("span", mark), "true") for mark in span.KIND.marks(name, model)]
    for key, given in source.set.items():
        gone = f"delete_key(span.attributes, {text(key)})"
        wanted = text(given) if isinstance(given, str) else str(given)
        statements.append(gone if given is None else set_to(attribute("span", key), wanted))
    statements += outcome_statements(source)
    for label_name in span.KIND.labels_set(name, model):
        label = model.labels[label_name]
        statements += normalize_label(label, "span", label.attributes)
    if usage is not None:
        statements += [*cost_statements("span", usage, model), *unpriced_statements(model)]
    return statements


def log_groups(model: Model) -> list[Group]:
    """Return the log transform: severity for all, then each event's contract and labels."""
    event_key = attribute("log", conventions.EVENT_ATTRIBUTE)
    first = [forget_marks("log")]
    for metric in model.metrics.values():
        if metric.kind.labels_of_records:
            for name in metric.labels:
                first += normalize_label(model.labels[name], "log", model.labels[name].attributes)
    first += _record_statements(model)
    known = exact(list(model.spec.events))
    invalid = attribute("log", conventions.INVALID_EVENT)
    # An event that is not in the contract is counted as invalid, under the name "other".
    first += [
        set_to(
            event_key, f"String({event_key})", f"{event_key} != nil and not IsString({event_key})"
        ),
        set_to(
            invalid,
            text("unknown_event"),
            f"{event_key} != nil and not {matches(event_key, known)}",
        ),
        set_to(event_key, text(_other(model)), f"{invalid} != nil"),
    ]
    groups: list[Group] = [
        resource_group(model),
        process_group(),
        {"context": "log", "statements": first},
    ]
    for name, event in model.spec.events.items():
        groups.append(
            {
                "context": "log",
                "conditions": [f"{event_key} == {text(name)}"],
                "statements": [
                    *(
                        set_to(attribute("log", mark), "true")
                        for mark in event_kind.KIND.marks(name, model)
                    ),
                    *events.statements(event, model),
                ],
            }
        )
    return [*groups, *events.fault_groups(model)]


def _record_statements(model: Model) -> list[str]:
    """Return statements that mark the records that each entry of ``records`` selects.

    Not those of a cancelled request: a client that disconnects is no failure.
    """
    kind = attribute("log", "exception.type")
    return [
        set_to(
            attribute("log", conventions.presence_mark(name)),
            "true",
            f"({record.where}) and not ({kind} != nil and {cancellation(kind, record.cancelled)})",
        )
        for name, record in model.spec.records.items()
    ]


def _other(model: Model) -> str:
    return model.labels["event"].overflow if "event" in model.labels else "other"


def places(model: Model) -> Iterator[tuple[str, KeyPath]]:
    """Yield each statement and condition with the entry of the spec that it is made from."""
    mark = attribute("span", conventions.SOURCE_MARK)
    for name, source in model.spec.sources.items():
        path: KeyPath = ("sources", name)
        selected = set_to(mark, text(name), _selects(name, source, f"{mark} == nil"))
        yield selected, (*path, "where" if source.where else "dialects")
        for label in span.KIND.labels_set(name, model):
            resolved = model.labels[label]
            for statement in normalize_label(resolved, "span", resolved.attributes):
                yield statement, ("labels", label)
        for statement in _span_statements(name, source, model):
            own = source.cancelled_where
            yield statement, (*path, "cancelled_where") if own and own in statement else path
    for name, statement in zip(model.spec.records, _record_statements(model), strict=True):
        yield statement, ("records", name, "where")
    for name, event in model.spec.events.items():
        for statement in events.statements(event, model):
            yield statement, ("events", name)
