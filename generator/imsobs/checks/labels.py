"""Labels: closed sets, sound patterns, no personal data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imsobs import expressions
from imsobs.model import Model, conventions
from imsobs.problems import KeyPath, Problem, available
from imsobs.promql.matchers import is_one_of
from imsobs.spec.schema.signals import Label
from imsobs.spec.values import short

# Attributes and names that identify a person or a single request. As labels they would
# leak personal data and multiply series without bound.
PERSONAL = re.compile(
    r"(^|[._-])(user|enduser|email|e_mail|phone|ip|address|ssn|account|customer|client_id|session"
    r"|full_name|birth|token|trace_id|span_id|request_id)([._-]|$)",
    re.IGNORECASE,
)
_SETS = (
    "values",
    "patterns",
    "values_of",
    "values_of_labels",
    "values_of_events",
    "values_of_measures",
    "values_of_sources",
)


_RESERVED = {
    **{
        name: f"Prometheus gives {what} this label"
        for name, what in conventions.PROMETHEUS_LABELS.items()
    },
    **dict.fromkeys(conventions.SCRAPE_LABELS, "each scrape gives every series this label"),
    **dict.fromkeys(conventions.RENAMED_LABELS, "each scrape drops this label"),
    **dict.fromkeys(
        conventions.PROCESS_LABELS.values(), "every series has this label from its sender"
    ),
}


def check(model: Model) -> Iterator[Problem]:
    """Yield the label/* problems."""
    for name, label in model.spec.labels.items():
        path: KeyPath = ("labels", name)
        if name in _RESERVED:
            other = f"{model.spec.service.namespace.replace('-', '_')}_{name}"
            message = f"{_RESERVED[name]}; name this one otherwise, as {other}"
            yield Problem(path, message, "label/reserved")
        given = [key for key in _SETS if getattr(label, key)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            message = f"give exactly one of {', '.join(_SETS)}; found {found}"
            yield Problem(path, message, "label/one-set")
        if label.values_of and label.values_of not in model.spec.labels:
            message = f'label "{label.values_of}" is not declared; '
            message += available(label.values_of, model.spec.labels)
            yield Problem((*path, "values_of"), message, "label/unknown")
        yield from _circle(path, name, model.spec.labels)
        yield from _twice(path, label)
        yield from _patterns(path, label)
        templates = [value for value in label.values or [] if value.startswith("/")]
        if label.paths and not templates:
            message = "the values of a label with paths are URL templates, which begin with /"
            yield Problem((*path, "paths"), message, "label/paths")
        yield from _apart(path, label, model.labels[name].values)
        for attribute in [name, *label.attributes, *label.resource_attributes]:
            if PERSONAL.search(attribute):
                message = (
                    f'"{attribute}" can identify a person or a single request; a label must not'
                )
                yield Problem(path, message, "label/personal-data")


def _circle(path: KeyPath, name: str, labels: dict[str, Label]) -> Iterator[Problem]:
    """Yield a label whose values are those of a label that has none of its own."""
    way, label = [name], labels[name]
    while label.values_of in labels and label.values_of not in way:
        way.append(label.values_of)
        label = labels[label.values_of]
    if label.values_of in way or len(way) > 2:
        way += [label.values_of] if label.values_of else []
        own = next((each for each in way if labels[each].values or labels[each].patterns), None)
        message = f"{' -> '.join(way)}: values_of names a label that has values or patterns itself"
        message += f"; write {own}" if own else ""
        yield Problem((*path, "values_of"), message, "label/values-of")


def _twice(path: KeyPath, label: Label) -> Iterator[Problem]:
    """Yield what is given twice, so that the second never counts."""
    if not isinstance(label.values, dict):
        given = label.values or []
        for index, value in enumerate(given):
            if value in given[:index]:
                yield Problem((*path, "values", index), f'"{value}" is given twice', "label/twice")
        return
    seen: dict[str, str] = {}
    for value, texts in label.values.items():
        for text in dict.fromkeys([value, *texts]):
            if seen.setdefault(text, value) != value:
                message = f'"{text}" is given twice; "{seen[text]}" has it already'
                yield Problem((*path, "values", value), message, "label/twice")


def _apart(path: KeyPath, label: Label, values: tuple[str, ...] | None) -> Iterator[Problem]:
    for index, value in enumerate(label.apart):
        if values is not None and not any(is_one_of(known, [value]) for known in values):
            message = f'"{value}" is no value of the label; {available(value, values)}'
            yield Problem((*path, "apart", index), message, "label/unknown-apart")


def _patterns(path: KeyPath, label: Label) -> Iterator[Problem]:
    for value, pattern in (label.patterns or {}).items():
        if found := expressions.fault(pattern):
            message = f'pattern "{short(pattern)}" is not valid: {found}'
            yield Problem((*path, "patterns", value), message, "label/pattern")
    is_open = "*" in (label.patterns or {})
    if is_open and label.limit is None:
        message = (
            "the pattern * keeps any matching text; say with limit: N how many values to plan for"
        )
        yield Problem(path, message, "label/limit")
    if label.limit is not None and not is_open:
        message = (
            "limit is for the pattern * only; the number of values is the limit of a closed set"
        )
        yield Problem((*path, "limit"), message, "label/limit")
