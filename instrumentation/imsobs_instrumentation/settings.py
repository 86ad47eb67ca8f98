"""What the SDK's configuration file says of how much of its work is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
VARIABLE = "OTEL_CONFIG_FILE"
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Settings:
    """What of measurements is needed.

    kept: instrument -> attributes that its view keeps; all other instruments are dropped. None:
    views do something else. exemplars: whether measurements may become some.
    """

    kept: Mapping[str, frozenset[str]] | None = None
    exemplars: bool = True


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
    return Settings(_kept(metrics.get("views") or ()), exemplars)


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
