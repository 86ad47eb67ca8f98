"""What PromQL may select: the entries of the catalogue that expressions are resolved against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# Label values that a series may carry; None when the set is not known to the spec.
Allowed = tuple[str, ...] | None
Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Series:
    """A name that PromQL may select: its labels with their allowed values, and its metric.

    apart: label -> values that are none of what the metric is about; a last ``*`` is any rest.
    unsure: its declaration is at fault, so nothing can be said of its labels and its type.
    """

    name: str
    metric: str
    type: Kind
    labels: dict[str, Allowed]
    apart: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unsure: bool = False
