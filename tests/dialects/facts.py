"""What a recording's calls were, and what the Collector's metrics say of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from imsobs.model import Model
from tests.dialects.recording import Recording

# Kind of fact -> what it is of ("openai gpt-4o") -> how many.
Facts = dict[str, dict[str, float]]
Series = dict[str, dict[tuple[tuple[str, str], ...], float]]
TOKENS = {
    "input": "ims_input_tokens_total",
    "output": "ims_output_tokens_total",
    "cached": "ims_cached_tokens_total",
    "cache_write": "ims_cache_write_tokens_total",
    "reasoning": "ims_reasoning_tokens_total",
}
_COUNTED = {
    "calls": ("ims_model_calls_total", ("vendor", "model", "operation", "outcome")),
    "errors": ("ims_api_errors_total", ("vendor", "vendor_error_type")),
    "first token": ("ims_time_to_first_token_seconds_count", ("vendor", "model")),
    **{kind: (metric, ("vendor", "model")) for kind, metric in TOKENS.items()},
}
KINDS = tuple(_COUNTED)


def truth(recording: Recording, model: Model) -> Facts:
    """Return what the stub vendors counted, in the words of the labels."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for call in recording.calls:
        name = _family(call["model"], model)
        who = f"{call['vendor']} {name}"
        found["calls"][f"{who} {call['operation']} {call['outcome']}"] += 1
        if "error" in call:
            found["errors"][f"{call['vendor']} {call['error']}"] += 1
        found["first token"][who] += bool(call.get("streamed"))
        for kind in TOKENS:
            found[kind][who] += call.get(kind, 0)
    return {kind: _without_zeros(counted) for kind, counted in found.items()}


def derived(series: Series, service: str) -> Facts:
    """Return what the metrics of a service say."""
    found: Facts = {}
    for kind, (metric, labels) in _COUNTED.items():
        counted: Counter[str] = Counter()
        for row, value in series.get(metric, {}).items():
            given = dict(row)
            if given["service_name"] == service:
                counted[" ".join(given[label] for label in labels)] += int(value)
        found[kind] = _without_zeros(counted)
    return found


def as_service(recording: Recording, service: str) -> dict[str, Any]:
    """Return the recorded export request under the name of a service."""
    (resource,) = recording.traces["resourceSpans"]
    attributes = [{"key": "service.name", "value": {"stringValue": service}}]
    return {"resourceSpans": [{**resource, "resource": {"attributes": attributes}}]}


def told(recording: Recording, send: Callable[[dict[str, Any]], Series]) -> Facts:
    """Return what the metrics say once a recording was sent. send: returns all series."""
    service = f"dialect-{recording.name}"
    return derived(send(as_service(recording, service)), service)


def _family(name: str, model: Model) -> str:
    label = model.labels["model"]
    fits = (value for value, pattern in label.matches.items() if re.search(pattern, name))
    return next(fits, label.overflow)


def _without_zeros(counted: Counter[str]) -> dict[str, float]:
    return {key: value for key, value in sorted(counted.items()) if value}
