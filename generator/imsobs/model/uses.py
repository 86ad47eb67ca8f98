"""Who uses a metric: rules, alerts, objectives and panels, by reading their queries."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import BaseModel

from imsobs import promql

_WORD = re.compile(r"[a-zA-Z_:][\w:]*")
# Sections whose texts are not queries.
_NOT_QUERIES = {"service", "labels", "sources", "events", "prices", "buckets", "redaction", "stack"}


def uses_by_metric(model: Any) -> dict[str, list[str]]:
    """Return metric -> what uses it, e.g. ``alert HighErrorRate``, sorted, each once."""
    found: dict[str, set[str]] = {}
    for section in type(model.spec).model_fields:
        content = getattr(model.spec, section)
        if section in _NOT_QUERIES or not isinstance(content, dict):
            continue
        kind = section.removesuffix("s")
        for name, entry in content.items():
            for text in _texts(entry):
                for series in _series(text, model.series):
                    if series in model.series and (metric := model.series[series].metric) != name:
                        found.setdefault(metric, set()).add(f"{kind} {name}")
                if text in model.metrics and text != name:
                    found.setdefault(text, set()).add(f"{kind} {name}")
    return {metric: sorted(users) for metric, users in found.items()}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _texts(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _series(text: str, known: Collection[str]) -> list[str]:
    # Prose is no query: only what names a series is worth parsing.
    if not any(word in known for word in _WORD.findall(text)):
        return []
    try:
        return promql.metric_names(text)
    except ValueError:
        return []
