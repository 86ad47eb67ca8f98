"""Plan of docs/reference: metrics, labels, the event contract and the spec's schema."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.reporters import named
from imsobs.model.uses import uses_by_metric
from imsobs.outputs.docs.schema import spec_schema
from imsobs.pages import JsonPage, Page, TextPage
from imsobs.spec.schema.events import EventField
from imsobs.spec.schema.pipeline import Redaction
from imsobs.spec.schema.root import Spec

_SAMPLES = {"integer": "12", "number": "0.25", "boolean": "True", "string": '"text"'}
# Types by the names that JSON Schema gives them.
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def plan(model: Model) -> Iterator[Page]:
    """Yield the reference pages."""
    groups: dict[str, list[dict[str, Any]]] = {}
    uses = uses_by_metric(model)
    for metric in model.metrics.values():
        groups.setdefault(metric.group, []).append(
            _metric(metric, model, uses.get(metric.name, []))
        )
    budget = sum(metric.series_budget for metric in model.metrics.values())
    yield TextPage(
        f"{artifacts.REFERENCE}/metrics.md",
        "docs/metrics.md.j2",
        {"groups": groups, "count": len(model.metrics), "budget": budget},
    )
    yield TextPage(
        f"{artifacts.REFERENCE}/labels.md",
        "docs/labels.md.j2",
        {"labels": model.labels.values(), "counter": counter_of("label_overflow", model)},
    )
    derived: dict[str, list[str]] = {}
    for metric in model.metrics.values():
        for event in metric.kind.events(metric):
            derived.setdefault(event, []).append(metric.name)
    yield TextPage(
        f"{artifacts.REFERENCE}/events.md",
        "docs/events.md.j2",
        {
            "events": [_event(name, derived.get(name, []), model) for name in model.spec.events],
            "counter": counter_of("invalid_event", model),
        },
    )
    yield JsonPage(f"{artifacts.REFERENCE}/spec.schema.json", spec_schema())
    yield TextPage(f"{artifacts.REFERENCE}/spec.md", "docs/spec.md.j2", {"sections": _sections()})


def counter_of(what: str, model: Model) -> str | None:
    """Return the metric that counts what the pipeline does to signals, None without one."""
    metrics = model.spec.metrics.items()
    return next((name for name, metric in metrics if metric.pipeline == what), None)


def _metric(metric: ResolvedMetric, model: Model, uses: list[str]) -> dict[str, Any]:
    labels = [
        {"name": name, "values": list(allowed) if allowed is not None else None}
        for name, allowed in metric.labels.items()
    ]
    return {
        "name": metric.name,
        "type": metric.type,
        "unit": metric.unit,
        "description": metric.description,
        "labels": labels,
        "source": metric.kind.described(metric, model.spec),
        "rule": metric.sources[0] if metric.kind.recorded else None,
        "value": _value(metric),
        "when": {key: list(values) for key, values in metric.when.items()},
        "buckets": list(metric.buckets),
        "budget": metric.series_budget,
        "fold": _fold(metric),
        "by_process": metric.by_process,
        "events": metric.kind.events(metric),
        "uses": uses,
        "services": named(model.spec, metric.name),
    }


def _fold(metric: ResolvedMetric) -> str | None:
    """Return how the values of the processes become one."""
    match metric.fold:
        case None:
            return None
        case "sum":
            how = "the sum over the processes"
        case "max" | "min":
            how = f"the {'largest' if metric.fold == 'max' else 'smallest'} of any process"
        case "last":
            how = "what any process reported last"
    return f"{how}, from `{metric.exposed}`"


def _value(metric: ResolvedMetric) -> str:
    match metric.value:
        case "count":
            return "1 each"
        case "duration":
            return "duration of the span, seconds"
        case "cost":
            return "cost of the call, USD"
        case "cost_drift":
            return "distance of actual from estimated cost, percent"
        case tuple():
            return "attribute " + " or ".join(f"`{key}`" for key in metric.value)
    return f"field `{metric.value}`"


def _event(name: str, metrics: list[str], model: Model) -> dict[str, Any]:
    event = model.spec.events[name]
    fields = [_field(key, field, model) for key, field in event.fields.items()]
    extra = ", ".join(f'"{field["name"]}": {field["sample"]}' for field in fields)
    return {
        "name": name,
        "description": event.description,
        "level": event.level,
        "fields": fields,
        "metrics": metrics,
        "line": f'logger.{event.level.lower()}("{name.replace("_", " ")}", '
        f'extra={{"{conventions.EVENT_ATTRIBUTE}": "{name}", {extra}}})',
    }


def _field(name: str, field: EventField, model: Model) -> dict[str, Any]:
    label = model.labels[field.label] if field.label else None
    allowed = list(label.matches) if label else list(field.values)
    kind = field.type or "string"
    sample = (
        json.dumps(allowed[0], ensure_ascii=False)
        if allowed and kind == "string"
        else _SAMPLES[kind]
    )
    if label is not None and kind == "integer":
        sample = allowed[0]
    return {
        "name": name,
        "type": kind,
        "allowed": allowed,
        "optional": field.optional,
        "description": field.description or (label.description if label else ""),
        "sample": sample,
    }


def _sections() -> list[dict[str, Any]]:
    """Return the spec's models as tables: each once, in the order in which they are met."""
    found: dict[str, dict[str, Any]] = {}

    def visit(kind: type[BaseModel]) -> None:
        if kind.__name__ in found:
            return
        found[kind.__name__] = {
            "name": kind.__name__,
            "doc": inspect.getdoc(kind) or "",
            "keys": [
                {
                    "name": info.alias or name,
                    "type": _type_name(info.annotation),
                    "default": _default(info),
                    "description": info.description or "",
                }
                for name, info in kind.model_fields.items()
            ],
        }
        for info in kind.model_fields.values():
            for inner in _models(info.annotation):
                visit(inner)

    visit(Spec)
    return list(found.values())


def _default(info: FieldInfo) -> str:
    """Return a default as a spec would say it; a section's own table shows those of its keys."""
    if info.is_required():
        return "required"
    if isinstance(info.default, BaseModel) or info.default_factory is Redaction:
        return "its defaults"
    if info.default_factory is not None:
        return "as shipped"
    return info.default if isinstance(info.default, str) else json.dumps(info.default)


def _models(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for inner in get_args(kind) for model in _models(inner)]


def _type_name(kind: Any) -> str:
    if isinstance(kind, type) and not get_args(kind):
        return _TYPES.get(kind, kind.__name__)
    arguments = get_args(kind)
    origin = getattr(kind, "__origin__", None)
    if origin is dict:
        return f"mapping of {_type_name(arguments[1])}"
    if origin is list:
        return f"list of {_type_name(arguments[0])}"
    if hasattr(kind, "__metadata__"):
        return _type_name(arguments[0])
    parts = [
        f"`{a}`" if isinstance(a, str) else _type_name(a) for a in arguments if a is not type(None)
    ]
    return " or ".join(parts) if parts else str(kind)
