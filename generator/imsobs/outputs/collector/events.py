"""Events: records held against their contract, their labels and costs, as OTTL statements."""

from __future__ import annotations

from imsobs.model import Model, conventions
from imsobs.model.labels import exact
from imsobs.model.numbers import largest_of, measures
from imsobs.outputs.collector.cost import cost_statements, drift_statements, reserved
from imsobs.outputs.collector.identity import Group
from imsobs.outputs.collector.ottl import (
    any_of,
    attribute,
    is_measurement,
    is_number,
    matches,
    normalize_label,
    set_to,
    text,
)
from imsobs.spec.schema.events import Event, EventField


def statements(event: Event, model: Model) -> list[str]:
    """Return the statements that hold an event's records against its contract and label them.

    A record that breaks it is marked with its fault. What of it is sound is still counted.
    """
    invalid = attribute("log", conventions.INVALID_EVENT)
    found = _contract(event, invalid)
    # Valid fields of an invalid event are still counted; invalid ones are removed.
    for name, field in event.fields.items():
        if measures(field):
            path = attribute("log", name)
            faulty = f"{invalid} != nil and {path} != nil and not {_sound(name, field)}"
            found.append(f"delete_key(log.attributes, {text(name)}) where {faulty}")
    for name, field in event.fields.items():
        if field.label is not None:
            found += normalize_label(model.labels[field.label], "log", (name,))
    if event.usage is not None:
        found += [*reserved("log"), *cost_statements("log", event.usage, model)]
        if "estimated_usd" in event.fields:
            found += drift_statements("estimated_usd")
    return found


def _contract(event: Event, invalid: str) -> list[str]:
    """Return the statements that say how an event breaks its contract, the gravest fault last."""
    # An event without fields has no contract to break.
    if not event.fields:
        return []
    breaks = any_of(_breaks(name, field) for name, field in event.fields.items())
    found = [set_to(invalid, text("wrong_value"), breaks)]
    # Asked of broken events only.
    mistyped = [
        f"({attribute('log', name)} != nil and not {_of_type(attribute('log', name), field)})"
        for name, field in event.fields.items()
        if field.type is not None
    ]
    lacks = [
        f"{attribute('log', name)} == nil"
        for name, field in event.fields.items()
        if not field.optional
    ]
    for fault, conditions in (("wrong_type", mistyped), ("missing_field", lacks)):
        if conditions:
            found.append(set_to(invalid, text(fault), f"{invalid} != nil and {any_of(conditions)}"))
    return found


def _of_type(path: str, field: EventField) -> str:
    """Return the condition that a field is there, and of its type if it has one."""
    return {
        "integer": f"IsInt({path})",
        "number": is_number(path),
        "boolean": f"IsBool({path})",
        "string": f"IsString({path})",
        None: f"{path} != nil",
    }[field.type]


def _sound(name: str, field: EventField) -> str:
    """Return the condition that a measured field holds what its contract allows."""
    largest = largest_of(name) if field.max is None else field.max
    return is_measurement(attribute("log", name), largest, whole=field.type == "integer")


def _breaks(name: str, field: EventField) -> str:
    """Return the condition that a field breaks the event's contract."""
    path = attribute("log", name)
    if measures(field):
        sound = _sound(name, field)
        return f"({path} != nil and not {sound})" if field.optional else f"not {sound}"
    fits = _of_type(path, field)
    if field.values:
        fits = f"({fits} and {matches(path, exact(field.values))})"
    return f"({path} != nil and not {fits})" if field.optional else f"not {fits}"


def fault_groups(model: Model) -> list[Group]:
    """Return the group that makes a label of a record's fault, where a metric has it."""
    if not any(conventions.EVENT_FAULT in metric.labels for metric in model.metrics.values()):
        return []
    invalid = attribute("log", conventions.INVALID_EVENT)
    label = set_to(attribute("log", conventions.EVENT_FAULT), invalid)
    return [{"context": "log", "conditions": [f"{invalid} != nil"], "statements": [label]}]
