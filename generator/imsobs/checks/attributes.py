"""Attributes: every name is one that somebody sets, of a type and in a place that fits its use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from imsobs import expressions, outside
from imsobs.model import Model, conventions
from imsobs.problems import KeyPath, Part, Problem, near, nearest
from imsobs.spec.schema.drills import Drill
from imsobs.spec.schema.metrics import AttributeValue
from imsobs.spec.schema.root import Spec

# What a name is needed for: a text, a number, a text of the resource, or only its presence.
Use = Literal["label", "resource", "number", "any"]
_IN_OTTL = re.compile(r'\b(?P<of>span|log|resource|scope)\.attributes\["(?P<name>[^"]+)"\]')
_INSTRUMENTATIONS = "opentelemetry.instrumentation"
_NUMBERS = ("int", "double")
# What these say is about who sends: nobody sets it on a span or record.
_SENDERS = ("service.", "telemetry.", "deployment.", "host.", "k8s.", "container.", "os.")


@dataclass(frozen=True)
class Named:
    """A place of the spec that names an attribute."""

    path: KeyPath
    name: str
    use: Use
    part: Part | None = None


def check(model: Model) -> Iterator[Problem]:
    """Yield the attribute/* problems, and patterns of redaction that match no attribute."""
    known = _known(model.spec)
    for named in _names(model.spec):
        yield from _name(named, known)
    yield from _patterns(model.spec, known)
    yield from _scopes(model.spec)


def _known(spec: Spec) -> Mapping[str, str]:
    """Return attribute -> type: the world's, this program's, the spec's own, and of its events."""
    own: dict[str, str] = dict.fromkeys(conventions.PROCESS_LABELS, "string")
    own[conventions.EVENT_ATTRIBUTE] = "string"
    for event in spec.events.values():
        own |= dict.fromkeys(event.labels, "string")
        own |= {
            name: "string" if f.type == "string" else "double" for name, f in event.fields.items()
        }
    return {**own, **outside.attributes(), **spec.attributes}


def _names(spec: Spec) -> Iterator[Named]:
    for name, label in spec.labels.items():
        yield from _each(("labels", name, "attributes"), label.attributes, "label")
        yield from _each(
            ("labels", name, "resource_attributes"), label.resource_attributes, "resource"
        )
        yield from _each(("labels", name, "paths"), label.paths, "label")
    for name, source in spec.sources.items():
        path: KeyPath = ("sources", name)
        for key in ("where", "cancelled_where"):
            yield from _conditions((*path, key), getattr(source, key))
        for attribute in source.set:
            yield Named((*path, "set", attribute), attribute, "any")
        yield from _each((*path, "status"), source.status, "any")
        yield from _each((*path, "same"), source.same, "any")
        if source.usage is not None:
            for key, attributes in source.usage.model_dump(exclude_unset=True).items():
                use: Use = "any" if key == "tier" else "number"
                yield from _each((*path, "usage", key), attributes or [], use)
    for name, record in spec.records.items():
        yield from _conditions(("records", name, "where"), record.where)
    for name, metric in spec.metrics.items():
        if isinstance(metric.value, AttributeValue):
            path = ("metrics", name, "value", "attributes")
            yield from _each(path, metric.value.attributes, "number")
    for path, drill in _drills(spec):
        for key, sends in (("send", drill.send), ("end", drill.end)):
            for index, send in enumerate(sends):
                if send.span is not None:
                    for attribute in send.attributes:
                        here = (*path, key, index, "attributes", attribute)
                        yield Named(here, attribute, "any")
    yield from _each(("redaction", "statements"), spec.redaction.statements, "any")


def _drills(spec: Spec) -> Iterator[tuple[KeyPath, Drill]]:
    for name, alert in spec.alerts.items():
        if alert.drill is not None:
            yield ("alerts", name, "drill"), alert.drill
    for name, slo in spec.slos.items():
        yield ("slos", name, "drill"), slo.drill


def _each(path: KeyPath, names: list[str], use: Use) -> Iterator[Named]:
    for index, name in enumerate(names):
        yield Named((*path, index), name, use)


def _conditions(path: KeyPath, text: str | None) -> Iterator[Named]:
    """Yield the attributes that an OTTL condition names, each once."""
    seen = set()
    for found in _IN_OTTL.finditer(text or ""):
        if found["name"] in seen:
            continue
        seen.add(found["name"])
        place = Part(text or "", found.start("name"))
        yield Named(path, found["name"], "resource" if found["of"] == "resource" else "any", place)


def _name(named: Named, known: Mapping[str, str]) -> Iterator[Problem]:
    name, kind = named.name, outside.typed(named.name, known)
    if kind is None:
        kind_of = "double" if named.use == "number" else "string"
        message = (
            f'"{name}" is no attribute of the conventions or of an instrumentation known here;'
            f" {_near(name, known)}one of your own is declared by attributes: {{{name}: {kind_of}}}"
        )
        yield Problem(named.path, message, "attribute/unknown", part=named.part)
    elif named.use in ("label", "resource") and kind.endswith("[]"):
        message = (
            f'"{name}" is a list ({kind}), and a label has one value; read the label from another'
            " attribute, or let the service log it as the field of an event"
        )
        yield Problem(named.path, message, "attribute/list", part=named.part)
    elif named.use == "number" and kind not in _NUMBERS:
        message = f'"{name}" is a {kind}, no number; only int and double are summed or observed'
        yield Problem(named.path, message, "attribute/number", part=named.part)
    elif named.use == "resource" and name in outside.attributes() and not _of_resource(name):
        message = f'"{name}" is set on signals, not on the resource; name it under attributes'
        yield Problem(named.path, message, "attribute/place", part=named.part)
    elif named.use == "label" and name.startswith(_SENDERS) and name in _resources():
        message = f'"{name}" is set on the resource; name it under resource_attributes'
        yield Problem(named.path, message, "attribute/place", part=named.part)


def _near(name: str, known: Mapping[str, str]) -> str:
    found = nearest(name, known, 3, 0.7)
    sure = near(name, found, 0.85)
    if sure is None:
        return f"nearest: {', '.join(found)}; " if found else ""
    return f'did you mean "{sure}"? '


def _resources() -> set[str]:
    return {*outside.resource_attributes(), *conventions.RESOURCE_LABELS}


def _of_resource(name: str) -> bool:
    """Return whether the conventions define it of resources, itself or others beside it."""
    kin = {one.split(".")[0] for one in _resources()}
    return name.split(".")[0] in kin


def _patterns(spec: Spec, known: Mapping[str, str]) -> Iterator[Problem]:
    """Yield patterns of attribute keys that are anchored at a name which nobody sets."""
    names = [*(name.replace(".*", ".0") for name in known), *spec.redaction.keys]
    for key in ("drop", "keep"):
        for index, pattern in enumerate(getattr(spec.redaction, key)):
            if not pattern.startswith("^") or expressions.fault(pattern):
                continue
            if not any(expressions.finds(pattern, name) for name in names):
                message = (
                    f'pattern "{pattern}" matches no attribute of the conventions, of an'
                    " instrumentation known here, or of attributes"
                )
                yield Problem(("redaction", key, index), message, "redaction/matches-nothing")


def _scopes(spec: Spec) -> Iterator[Problem]:
    """Yield scopes that differ from a known one by a slip; any other name may be one's own."""
    known = {scope.rpartition(".")[2]: scope for scope in outside.scopes()}
    for name, source in spec.sources.items():
        for key in ("scopes", "prefer"):
            for index, scope in enumerate(getattr(source, key)):
                begin, _, word = scope.rstrip("*").rpartition(".")
                if begin != _INSTRUMENTATIONS or any(one.startswith(word) for one in known):
                    continue
                if meant := near(word, known, 0.8):
                    message = f'no instrumentation has the scope "{scope}"; did you mean'
                    message += f' "{known[meant]}"?'
                    yield Problem(("sources", name, key, index), message, "source/unknown-scope")
