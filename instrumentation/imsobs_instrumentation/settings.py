"""What the SDK's configuration file says of how much of its work is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import SpanLimits

# https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
VARIABLE = "OTEL_CONFIG_FILE"
# https://opentelemetry.io/docs/specs/otel/common/#configurable-parameters
_MOST = 128
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Settings:
    """What is kept.

    kept: instrument -> attributes that its view keeps; all other instruments are dropped. None:
    views do something else. exemplars: whether measurements may become some.
    """

    kept: Mapping[str, frozenset[str]] | None = None
    exemplars: bool = True
    # Limits of spans; None: those of a file that has some of their own.
    spans: SpanLimits | None = None


def has_file(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the SDK is configured by a file."""
    return bool(environment.get(VARIABLE))


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return what the file says; without a file, that everything is needed."""
    if not has_file(environment):
        return Settings()
    # It comes with what reads the file for the SDK.
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(Path(environment[VARIABLE]).read_bytes(), loader)  # noqa: S506 - one of the safe ones
    metrics = document.get("meter_provider") or {}
    exemplars = metrics.get("exemplar_filter") != "always_off"
    return Settings(_kept(metrics.get("views") or ()), exemplars, _limits(document))


def _limits(document: Mapping[str, Any]) -> SpanLimits | None:
    """Return the limits that the SDK gives its spans by a file."""
    general = document.get("attribute_limits") or {}
    most = general.get("attribute_count_limit", _MOST)
    longest = general.get("attribute_value_length_limit", SpanLimits.UNSET)
    if (document.get("tracer_provider") or {}).get("limits"):
        return None
    if type(most) is not int or type(longest) is not int:
        return None
    return SpanLimits(
        max_span_attributes=most,
        max_attribute_length=longest,
        max_span_attribute_length=longest,
        max_events=_MOST,
        max_links=_MOST,
        max_event_attributes=_MOST,
        max_link_attributes=_MOST,
    )


def _kept(views: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]] | None:
    """Return what views keep that each name one instrument, before one that drops all others."""
    found: dict[str, frozenset[str]] = {}
    for view in views:
        selector, stream = view["selector"], view["stream"]
        # The SDK compares with names in small letters.
        name = str(selector.get("instrument_name", ""))
        drops = "drop" in (stream.get("aggregation") or {})
        included = (stream.get("attribute_keys") or {}).get("included")
        if list(selector) != ["instrument_name"] or included is None or name in found:
            return None
        if name == "*":
            return found if drops and view is views[-1] else None
        if drops or "name" in stream or _WILDCARDS & set(name) or name != name.lower():
            return None
        found[name] = frozenset(included)
    return None
