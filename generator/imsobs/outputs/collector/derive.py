"""Derivation: the transforms that label signals, for the metrics to be counted from them.

Each works on the derivation's own copy of the signals; what is stored is not touched.
"""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.numbers import (
    DURATION,
    fault_mark,
    largest_duration,
    largest_of,
    measured_fields,
    measures,
    span_measures,
    timed_sources,
)
from imsobs.model.signals import exact
from imsobs.outputs.collector.cost import cost_statements, drift_statements
from imsobs.outputs.collector.ottl import (
    any_of,
    attribute,
    canonical,
    forget_marks,
    is_measurement,
    is_number,
    matches,
    normalize_label,
    set_to,
    text,
)
from imsobs.spec.schema.signals import Event, EventField, SpanSource

Group = dict[str, Any]


def resource_group(model: Model) -> Group:
    """Return the statements that bound the resource: service and environment, else other."""
    service = model.spec.service
    name, env = (
        'resource.attributes["service.name"]',
        'resource.attributes["deployment.environment.name"]',
    )
    old = 'resource.attributes["deployment.environment"]'
    return {
        "context": "resource",
        "statements": [
            set_to(
                name,
                text(conventions.OTHER),
                f"{name} == nil or not {matches(name, exact(service.names))}",
            ),
            set_to(env, old, f"{env} == nil and {old} != nil"),
            set_to(env, text(conventions.UNKNOWN), f"{env} == nil"),
            set_to(
                env,
                text(conventions.OTHER),
                f"not {matches(env, exact([*service.environments, conventions.UNKNOWN]))}",
            ),
        ],
    }


def trace_groups(model: Model) -> list[Group]:
    """Return the trace transform: mark each span's source, then set its labels."""
    mark = attribute("span", conventions.SOURCE_MARK)
    marking = [forget_marks("span")]
    for name, source in model.spec.sources.items():
        marking.append(set_to(mark, text(name), _selects(source, f"{mark} == nil")))
    groups: list[Group] = [resource_group(model), {"context": "span", "statements": marking}]
    for name, source in model.spec.sources.items():
        groups.append(
            {
                "context": "span",
                "conditions": [f"{mark} == {text(name)}"],
                "statements": _span_statements(name, source, model),
            }
        )
    return groups


def span_labels(source: str, model: Model) -> list[str]:
    """Return the labels that are set on a source's spans: its own, and those that a metric
    takes from the resource."""
    used = {
        label
        for metric in model.metrics.values()
        if metric.source_kind == "span" and source in metric.sources
        for label in metric.labels
    }
    by_resource = [n for n in model.labels if n in used and model.labels[n].resource_attributes]
    return list(dict.fromkeys([*model.spec.sources[source].labels, *by_resource]))


def _selects(source: SpanSource, free: str) -> str:
    # The kind first: it is known without searching, and rules out most.
    condition = f"span.kind == SPAN_KIND_{source.kind.upper()} and {free}"
    if source.scopes:
        patterns = [
            exact([scope.removesuffix("*")]).removesuffix("$")
            if scope.endswith("*")
            else exact([scope])
            for scope in source.scopes
        ]
        condition += " and " + any_of(matches("instrumentation_scope.name", p) for p in patterns)
    if source.where:
        condition += f" and ({source.where})"
    return condition


def _span_statements(name: str, source: SpanSource, model: Model) -> list[str]:
    statements = [set_to(attribute("span", conventions.presence_mark(name)), "true")]
    statements += _span_values(name, model)
    if source.outcome:
        outcome = attribute("span", conventions.OUTCOME)
        statements.append(set_to(outcome, text("success")))
        statements.append(set_to(outcome, text("error"), "span.status.code == STATUS_CODE_ERROR"))
    for label_name in span_labels(name, model):
        label = model.labels[label_name]
        statements += normalize_label(label, "span", label.attributes)
    if source.usage is not None:
        statements += cost_statements("span", source.usage, model.prices)
    return statements


def _span_values(name: str, model: Model) -> list[str]:
    """Return the statements that leave a source's spans no number that cannot be summed.

    What is no measurement is marked, to be counted, and removed: what follows finds only
    sound numbers.
    """
    statements = []
    for measure in span_measures(model.spec, name):
        path, mark = attribute("span", measure.key), attribute("span", fault_mark(measure.key))
        sound = is_measurement(path, measure.largest)
        statements += canonical("span", measure.keys)
        statements.append(set_to(mark, "true", f"{path} != nil and not {sound}"))
        statements.append(f"delete_key(span.attributes, {text(measure.key)}) where {mark} == true")
    if name in timed_sources(model.spec):
        # A clock that was set between start and end, or never was.
        start, end = "span.start_time_unix_nano", "span.end_time_unix_nano"
        longest = int(largest_duration() * 1e9)
        faulty = f"{end} < {start} or {end} - {start} > {longest}"
        statements.append(set_to(attribute("span", fault_mark(DURATION)), "true", faulty))
    return statements


def log_groups(model: Model) -> list[Group]:
    """Return the log transform: severity for all, then each event's contract and labels."""
    event_key = attribute("log", conventions.EVENT_ATTRIBUTE)
    first = [forget_marks("log")]
    for metric in model.metrics.values():
        if metric.source_kind == "log":
            for name in metric.labels:
                first += normalize_label(model.labels[name], "log", model.labels[name].attributes)
    known = exact(list(model.spec.events))
    invalid = attribute("log", conventions.INVALID_EVENT)
    # An event that is not in the contract is counted as invalid, under the name "other".
    first += [
        set_to(
            event_key, f"String({event_key})", f"{event_key} != nil and not IsString({event_key})"
        ),
        set_to(invalid, "true", f"{event_key} != nil and not {matches(event_key, known)}"),
        set_to(event_key, text(_other(model)), f"{invalid} == true"),
    ]
    groups: list[Group] = [resource_group(model), {"context": "log", "statements": first}]
    for name, event in model.spec.events.items():
        groups.append(
            {
                "context": "log",
                "conditions": [f"{event_key} == {text(name)}"],
                "statements": [
                    set_to(attribute("log", conventions.presence_mark(name)), "true"),
                    *_event_statements(event, model),
                ],
            }
        )
    return groups


def _other(model: Model) -> str:
    return model.labels["event"].overflow if "event" in model.labels else "other"


def _event_statements(event: Event, model: Model) -> list[str]:
    invalid = attribute("log", conventions.INVALID_EVENT)
    breaks = any_of(_breaks(name, field) for name, field in event.fields.items())
    statements = [set_to(invalid, "true", breaks)]
    # What of a faulty event is sound is still counted; what is not must not be there.
    for name, largest in measured_fields(event).items():
        path = attribute("log", name)
        sound = is_measurement(path, largest)
        faulty = f"{invalid} == true and {path} != nil and not {sound}"
        statements.append(f"delete_key(log.attributes, {text(name)}) where {faulty}")
    for name, field in event.fields.items():
        if field.label is not None:
            statements += normalize_label(model.labels[field.label], "log", (name,))
    if event.usage is not None:
        statements += cost_statements("log", event.usage, model.prices)
        if "estimated_usd" in event.fields:
            statements += drift_statements("estimated_usd")
    return statements


def _breaks(name: str, field: EventField) -> str:
    """Return the condition that a field breaks the event's contract."""
    path = attribute("log", name)
    if measures(field):
        largest = largest_of(name) if field.max is None else field.max
        sound = is_measurement(path, largest, whole=field.type == "integer")
        return f"({path} != nil and not {sound})" if field.optional else f"not {sound}"
    fits = {
        "integer": f"IsInt({path})",
        "number": is_number(path),
        "boolean": f"IsBool({path})",
        "string": f"IsString({path})",
        None: f"{path} != nil",
    }[field.type]
    if field.values:
        fits = f"({fits} and {matches(path, exact(field.values))})"
    return f"({path} != nil and not {fits})" if field.optional else f"not {fits}"
