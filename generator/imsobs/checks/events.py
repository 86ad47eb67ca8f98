"""Span sources and events: what they name exists and can be measured."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import expressions
from imsobs.dialects import dialects
from imsobs.model import Model, conventions
from imsobs.model.numbers import measures
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.events import EventField
from imsobs.spec.schema.prices import TOKENS, Usage
from imsobs.spec.schema.signals import SpanSource
from imsobs.spec.values import short

# Attribute names of log records that the SDK or the logging module itself sets.
RESERVED_FIELDS = {"event", "message", "name", "args", "levelname", "msg", "module", "exc_info"}


def check(model: Model) -> Iterator[Problem]:
    """Yield the source/*, record/* and event/* problems."""
    labels = model.spec.labels
    yield from _cancelled(model)
    if conventions.EVERY_RECORD in model.spec.records:
        message = (
            f'"{conventions.EVERY_RECORD}" stands for every log record; name the entry otherwise'
        )
        yield Problem(("records", conventions.EVERY_RECORD), message, "record/name")
    for name, source in model.spec.sources.items():
        for index, label in enumerate(source.labels):
            if label not in labels:
                message = f'label "{label}" is not declared; {available(label, labels)}'
                yield Problem(("sources", name, "labels", index), message, "source/unknown-label")
        yield from _selection(("sources", name), source)
        if source.usage is not None and not source.dialects:
            yield from _tokens(("sources", name, "usage"), source.usage)
        if source.same and not source.prefer:
            message = "has no effect without prefer, the scopes of which the best is counted"
            yield Problem(("sources", name, "same"), message, "source/same")
    for name, event in model.spec.events.items():
        for field_name, event_field in event.fields.items():
            path: KeyPath = ("events", name, "fields", field_name)
            if field_name in event.labels and field_name not in labels:
                path = ("events", name, "labels", event.labels.index(field_name))
            yield from _field(path, field_name, event_field, model)
        if event.usage is not None:
            yield from _usage(("events", name, "usage"), event.usage, event.fields)


def _selection(path: KeyPath, source: SpanSource) -> Iterator[Problem]:
    """Yield what is wrong about which spans a source is made of."""
    for index, dialect in enumerate(source.dialects):
        if dialect not in dialects():
            message = f'dialect "{dialect}" is not known; {available(dialect, dialects())}'
            yield Problem((*path, "dialects", index), message, "source/unknown-dialect")
    given = [key for key in ("kind", "scopes", "where", "prefer") if getattr(source, key)]
    if source.dialects and given:
        message = f"dialects say which spans these are; leave out {', '.join(given)}"
        yield Problem((*path, given[0]), message, "source/selection")
    elif not source.dialects and source.kind is None:
        yield Problem(path, "give the kind of the spans, or their dialects", "source/selection")


def _cancelled(model: Model) -> Iterator[Problem]:
    entries = [("sources", name, entry.cancelled) for name, entry in model.spec.sources.items()]
    entries += [("records", name, entry.cancelled) for name, entry in model.spec.records.items()]
    for section, name, patterns in entries:
        for index, pattern in enumerate(patterns):
            if found := expressions.fault(pattern):
                message = f'pattern "{short(pattern)}" is not valid: {found}'
                yield Problem((section, name, "cancelled", index), message, "source/pattern")


def _field(path: KeyPath, name: str, field: EventField, model: Model) -> Iterator[Problem]:
    if field.label is not None and field.label not in model.spec.labels:
        message = (
            f'label "{field.label}" is not declared; {available(field.label, model.spec.labels)}'
        )
        where = path if "labels" in path else (*path, "label")
        yield Problem(where, message, "event/unknown-label")
    if field.label is None and (field.type is None or field.description is None):
        yield Problem(path, "a field needs a label, or a type and a description", "event/field")
    if name in RESERVED_FIELDS:
        message = f'"{name}" is taken by the logging module; name the field otherwise'
        yield Problem(path, message, "event/field")
    if field.max is not None and not measures(field):
        message = "only an integer or number that is no label measures something; drop max"
        yield Problem((*path, "max"), message, "event/field-max")


def _usage(path: KeyPath, usage: Usage, fields: dict[str, EventField]) -> Iterator[Problem]:
    yield from _tokens(path, usage)
    wanted = {**dict.fromkeys(TOKENS, "integer"), "tier": "string", "reported_cost": "number"}
    for kind, kind_of_field in wanted.items():
        for index, name in enumerate(getattr(usage, kind) or []):
            if name not in fields or fields[name].type != kind_of_field:
                fitting = [key for key, field in fields.items() if field.type == kind_of_field]
                article = "an" if kind_of_field == "integer" else "a"
                message = (
                    f'"{name}" is not {article} {kind_of_field} field of this event; '
                    f"{available(name, fitting)}"
                )
                yield Problem((*path, kind, index), message, "event/usage-field")


def _tokens(path: KeyPath, usage: Usage) -> Iterator[Problem]:
    """Yield what is missing for a cost: tokens in and out, from some field."""
    if missing := [kind for kind in ("input", "output") if not getattr(usage, kind)]:
        message = f"say where the tokens are; {' and '.join(missing)} missing"
        yield Problem(path, message, "source/usage")
