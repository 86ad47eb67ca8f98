"""Names of the outside world: what instrumentations set and measure, what the stack exposes.

The data (data/registry) are collected by ``make registry`` from the pinned packages and the
running binaries, and read when a name is first asked for.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "data/registry"
# Components of the stack whose binaries are not built here: what they expose is not known.
NOT_READ = ("grafana",)
# What the rendered Prometheus does not scrape: Promtail runs only when its profile is on, and a
# target that is not there would be reported as down.
NOT_SCRAPED = ("promtail",)


@dataclass(frozen=True)
class Instrument:
    """An instrument of the SDK. attributes: those it was seen with; None when never seen."""

    type: str
    unit: str
    attributes: list[str] | None = None


@dataclass(frozen=True)
class Exposed:
    """A series of a component. labels: besides those of the scrape; None when not known."""

    type: str
    labels: list[str] | None = None


def _read(part: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{part}.json").read_text(encoding="utf-8"))
    return data


@functools.cache
def attributes() -> Mapping[str, str]:
    """Return attribute -> type, e.g. ``string[]``; a name that ends in ``.*`` is a template."""
    found: dict[str, str] = _read("attributes")["attributes"]
    return found


@functools.cache
def ottl_functions() -> frozenset[str]:
    """Return the functions that a condition of the Collector may call."""
    return frozenset(_read("ottl")["functions"])


@functools.cache
def ottl_names(context: str) -> frozenset[str]:
    """Return the paths and enums of a condition on spans or log records.

    context: span or log.
    """
    data = _read("ottl")
    return frozenset([*data["paths"][context], *data["enums"][context]])


@functools.cache
def resource_attributes() -> frozenset[str]:
    """Return the attributes that the conventions define of resources."""
    return frozenset(_read("attributes")["resource"])


def typed(name: str, known: Mapping[str, str]) -> str | None:
    """Return the type of an attribute, by itself or by a template; None of one not known."""
    if name in known:
        return known[name]
    prefix = name
    while "." in prefix:
        prefix = prefix.rpartition(".")[0]
        if f"{prefix}.*" in known:
            return known[f"{prefix}.*"]
    return None


@functools.cache
def instruments() -> Mapping[str, dict[str, Any]]:
    """Return the instruments of the conventions and of instrumentations, by name."""
    found: dict[str, dict[str, Any]] = _read("instruments")["instruments"]
    return found


def instrument(name: str) -> Instrument | None:
    """Return what is known of an instrument, None when there is none of this name."""
    found = instruments().get(name)
    return Instrument(**found) if found is not None else None


@functools.cache
def scopes() -> tuple[str, ...]:
    """Return the scopes of known instrumentations; others may call theirs otherwise."""
    return tuple(_read("instruments")["scopes"])


@functools.cache
def _series() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = _read("series")["components"]
    return found


def components() -> Iterable[str]:
    """Return the components of which it is known what they expose."""
    return _series()


def exposed(component: str) -> Iterable[str]:
    """Return the names that a component exposes."""
    return _series()[component]


def series(component: str, name: str) -> Exposed | None:
    """Return what is known of a component's series, None when it exposes none of this name."""
    found = _series()[component].get(name)
    return Exposed(**found) if found is not None else None


def exposing(name: str) -> list[str]:
    """Return the components that expose a series of this name."""
    return [component for component, names in _series().items() if name in names]
