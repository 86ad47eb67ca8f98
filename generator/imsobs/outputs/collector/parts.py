"""Parts of the Collector's configuration that belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# The connector that forwards what OTLP brought to everything that reads it.
ACCEPTED = "forward/accepted"


@dataclass(frozen=True)
class Parts:
    """Components and pipelines, each by its name in the configuration."""

    receivers: dict[str, Any] = field(default_factory=dict)
    processors: dict[str, Any] = field(default_factory=dict)
    connectors: dict[str, Any] = field(default_factory=dict)
    pipelines: dict[str, Any] = field(default_factory=dict)


def together(several: Iterable[Parts]) -> Parts:
    """Return the components of several parts, in their order."""
    given = [vars(parts) for parts in several]
    found = Parts()
    for kind, components in vars(found).items():
        for parts in given:
            components.update(parts[kind])
    return found
