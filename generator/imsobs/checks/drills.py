"""Drills: what they send is declared, and the components whose health they set exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imsobs import outside
from imsobs.model import Model
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.drills import RISING, Drill, Send

# Types of attributes and of fields that a text is not.
_NUMBERS = {"int", "double", "integer", "number"}


def of_alert(path: KeyPath, drill: Drill, model: Model) -> Iterator[Problem]:
    """Yield the drill/* problems of the drill of one alert, which stands at ``path``."""
    sends = [("send", index, send) for index, send in enumerate(drill.send)]
    sends += [("end", index, send) for index, send in enumerate(drill.end)]
    gauges = {
        name
        for name, metric in model.spec.metrics.items()
        if metric.sdk is not None and metric.type == "gauge"
    }
    for key, index, send in sends:
        known = {
            "span": set(model.spec.sources),
            "event": set(model.spec.events),
            "metric": gauges,
        }
        given = [(kind, getattr(send, kind)) for kind in known if getattr(send, kind) is not None]
        if len(given) + (send.body is not None) != 1:
            message = "send spans, an event, the body of other records or a metric, one of them"
            yield Problem((*path, key, index), message, "drill/one-kind")
            continue
        if send.body is not None:
            continue
        kind, name = given[0]
        if name not in known[kind]:
            what = "no gauge of the source sdk" if kind == "metric" else "not declared"
            message = f'{kind} "{name}" is {what}; {available(name, known[kind])}'
            yield Problem((*path, key, index, kind), message, "drill/unknown-source")
        elif kind == "event":
            # Values may be any, as an overflow is.
            fields = model.spec.events[name].fields
            for field in send.attributes.keys() - fields.keys():
                message = f'event "{name}" has no field "{field}"; {available(field, fields)}'
                where = (*path, key, index, "attributes", field)
                yield Problem(where, message, "drill/unknown-field")
            types: dict[str, str] = {
                field: entry.type for field, entry in fields.items() if entry.type
            }
            yield from _values((*path, key, index, "attributes"), send, types)
        else:
            types = {**outside.attributes(), **model.spec.attributes}
            yield from _values((*path, key, index, "attributes"), send, types)
    components = model.labels["component"].values if "component" in model.labels else None
    for component in drill.health:
        if components is not None and component not in components:
            message = f'component "{component}" is not known; {available(component, components)}'
            yield Problem((*path, "health", component), message, "drill/unknown-component")
    stack = model.spec.stack
    if drill.stop in type(stack).model_fields and drill.stop not in stack.components():
        message = f"stack.{drill.stop} is null, so it cannot be stopped"
        yield Problem((*path, "stop"), message, "stack/left-out")


def _values(path: KeyPath, send: Send, types: Mapping[str, str]) -> Iterator[Problem]:
    """Yield texts that are sent in place of numbers: what counts them would not."""
    for name, value in send.attributes.items():
        wanted = types.get(name)
        if wanted in _NUMBERS and (isinstance(value, bool) or not _is_numeric(value)):
            message = f'{name} is a number ({wanted}); found "{value}"'
            yield Problem((*path, name), message, "drill/value")


def _is_numeric(value: object) -> bool:
    return isinstance(value, int | float) or value == RISING
