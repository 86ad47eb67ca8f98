"""The exposition format: names, types and labels of what a component exposes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

_TYPE = re.compile(r"^# TYPE (?P<name>\S+) (?P<type>\w+)$", re.MULTILINE)
_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? \S", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')


def asked(url: str) -> dict[str, Any]:
    """Return name -> type and labels of each metric that an address exposes."""
    return dict(exposed(httpx.get(url).raise_for_status().text))


def exposed(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name -> type and labels of each metric of a text in the exposition format."""
    types = {match["name"]: match["type"] for match in _TYPE.finditer(text)}
    labels: dict[str, set[str]] = {name: set() for name in types}
    for sample in _SAMPLE.finditer(text):
        name = sample["name"]
        base = re.sub(r"_(?:bucket|sum|count)$", "", name)
        metric = base if types.get(base) in ("histogram", "summary") else name
        if metric in labels:
            labels[metric] |= set(_LABEL.findall(sample["labels"] or "")) - {"le"}
    for name, kind in types.items():
        yield name, {"type": _known(kind), "labels": sorted(labels[name])}


def _known(kind: str) -> str:
    return kind if kind in ("counter", "gauge", "histogram", "summary") else "gauge"
