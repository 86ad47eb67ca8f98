"""Conditions of sources and records: they parse, and name what the pinned Collector has."""

from __future__ import annotations

import json
from collections.abc import Iterator

from imsobs import expressions, ottl, outside
from imsobs.model import Model
from imsobs.problems import KeyPath, Problem, available, near, part


def check(model: Model) -> Iterator[Problem]:
    """Yield ottl/* problems; what is found nowhere else is found by ``imsobs verify``."""
    for name, source in model.spec.sources.items():
        for key in ("where", "cancelled_where"):
            text = getattr(source, key)
            if text is not None:
                yield from _condition(("sources", name, key), text, "span")
    for name, record in model.spec.records.items():
        yield from _condition(("records", name, "where"), record.where, "log")


def _condition(path: KeyPath, text: str, context: str) -> Iterator[Problem]:
    try:
        found = ottl.parse(text)
    except ottl.Fault as fault:
        message = f"the condition does not parse: {fault}"
        yield Problem(path, message, "ottl/syntax", part=part(text, fault.at))
        return
    functions = outside.ottl_functions()
    for token in found.functions:
        if token.text not in functions:
            message = f'no condition has a function "{token.text}"; {_hint(token.text, functions)}'
            yield Problem(path, message, "ottl/unknown-function", part=part(text, token.at))
    names = outside.ottl_names(context)
    for token in [*found.paths, *found.enums]:
        if token.text not in names:
            what = "spans have" if context == "span" else "log records have"
            message = f'{what} no "{token.text}"; {_path_hint(token.text, names, context)}'
            yield Problem(path, message, "ottl/unknown-path", part=part(text, token.at))
    for token in found.patterns:
        fault_of = expressions.fault(_unquoted(token.text))
        if fault_of:
            message = f"pattern {token.text} does not compile: {fault_of}"
            yield Problem(path, message, "ottl/pattern", part=part(text, token.at))


def _hint(name: str, known: frozenset[str]) -> str:
    alike = [one for one in known if one.lower() == name.replace("_", "").lower()]
    return f'did you mean "{alike[0]}"?' if alike else available(name, known)


def _path_hint(name: str, known: frozenset[str], context: str) -> str:
    if name.lower() in ("null", "none"):
        return 'did you mean "nil"?'
    inside = f"{context}.{name}"
    if inside in known:
        return f'did you mean "{inside}"?'
    owner, _, rest = name.partition(".")
    if near(name, known) is None and rest and owner in (context, "resource", "scope"):
        return f'attributes are in brackets: {owner}.attributes["{rest}"]'
    return available(name, known)


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]
