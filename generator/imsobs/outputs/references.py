"""References to the environment, and how each product writes them.

Collector, Jaeger, Loki, Grafana, compose, the SDK and the shell each expand text of their own
configuration. A plan therefore holds two kinds of value: text, which is always literal, and
``Reference``, which only this program can make. ``written`` turns both into the text of one
product, so that nothing that a spec contains can become a reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

# What a default may consist of in every dialect: nothing in it ends or opens a reference, and
# a shell takes each character for itself. The spec's schema is as strict where it can be one.
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=*~\[\]-]*")
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


class _Node:
    """A value that is not text yet. Formatting it is a mistake and raises TypeError."""

    def __str__(self) -> NoReturn:
        raise TypeError("a reference is no text: join() it, and let written() write it")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("a reference is no text: join() it, and let written() write it")


@dataclass(frozen=True, repr=True)
class Reference(_Node):
    """The environment variable ``name``, or ``default`` where it is not set.

    default: plain characters only (ValueError otherwise); None refers to the bare variable.
    required: instead of a default, the message when the variable is not set.
    """

    name: str
    default: str | None = None
    required: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not the name of a variable")
        if self.default is not None and not _PLAIN.fullmatch(self.default):
            raise ValueError(f"{self.default!r} cannot be the default of {self.name}")


@dataclass(frozen=True, repr=True)
class Joined(_Node):
    """Texts and references, one after the other."""

    parts: tuple[str | Reference, ...]


Value = str | Reference | Joined


def join(*values: Value) -> Joined:
    """Return texts and references joined to one value."""
    parts: list[str | Reference] = []
    for value in values:
        parts += value.parts if isinstance(value, Joined) else (value,)
    return Joined(tuple(parts))


@dataclass(frozen=True)
class Dialect:
    """How a product writes literal text and a reference.

    literal: raises ValueError for a text that the product cannot take literally.
    """

    name: str
    literal: Callable[[str], str]
    reference: Callable[[Reference], str]


def _doubled(text: str) -> str:
    return text.replace("$", "$$")


def _with_default(reference: Reference) -> str:
    if reference.required is not None:
        return f"${{{reference.name}:?{reference.required}}}"
    return f"${{{reference.name}{_default(reference)}}}"


def _default(reference: Reference) -> str:
    return "" if reference.default is None else f":-{reference.default}"


def _refusing(name: str, plain: re.Pattern[str]) -> Callable[[str], str]:
    def literal(text: str) -> str:
        if not plain.fullmatch(text):
            raise ValueError(f"{text!r} would not be taken literally by {name}")
        return text

    return literal


COLLECTOR = Dialect("the Collector", _doubled, lambda r: f"${{env:{r.name}{_default(r)}}}")
"""The Collector and Jaeger v2 (confmap): ``$$`` is a dollar."""
SDK = Dialect("the SDK", _doubled, _with_default)
"""OpenTelemetry's declarative configuration: ``$$`` is a dollar."""
COMPOSE = Dialect("compose", _doubled, _with_default)
"""The Compose specification: ``$$`` is a dollar."""
GRAFANA = Dialect("Grafana", _doubled, lambda r: f"${r.name}")
"""Grafana's provisioning files: ``$$`` is a dollar; there are no defaults."""
LOKI = Dialect("Loki", _refusing("Loki", re.compile(r"[^$\\]*")), _with_default)
"""Loki with -config.expand-env, which also halves backslashes: nothing to escape with."""
SHELL = Dialect("a shell", _refusing("a shell", _PLAIN), _with_default)
"""Unquoted words of a file that POSIX shells source: only what no shell takes apart."""


def names(value: Any) -> set[str]:
    """Return the names of the variables that planned data refers to."""
    match value:
        case Reference():
            return {value.name}
        case Joined():
            return {part.name for part in value.parts if isinstance(part, Reference)}
        case dict():
            return {name for inner in value.values() for name in names(inner)}
        case list() | tuple():
            return {name for inner in value for name in names(inner)}
    return set()


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return planned data with references replaced by literal text; KeyError without a value."""
    return written(value, Dialect("literal text", str, lambda r: values[r.name]))


def written(value: Any, dialect: Dialect) -> Any:
    """Return planned data as a product's own: text literal, references in its syntax.

    Keys are left as they are: none of these products expands keys. Raises ValueError for a
    text that the dialect cannot express.
    """
    match value:
        case str():
            return dialect.literal(value)
        case Reference():
            return dialect.reference(value)
        case Joined():
            return "".join(written(part, dialect) for part in value.parts)
        case dict():
            return {key: written(inner, dialect) for key, inner in value.items()}
        case list() | tuple():
            return [written(inner, dialect) for inner in value]
    return value
