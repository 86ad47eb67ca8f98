"""What PromQL may select: the entries of the catalogue that expressions are resolved against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Label values that a series may carry; None when the set is not known to the spec.
Allowed = tuple[str, ...] | None
Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Series:
    """A name that PromQL may select: its labels with their allowed values, and its metric."""

    name: str
    metric: str
    type: Kind
    labels: dict[str, Allowed]
