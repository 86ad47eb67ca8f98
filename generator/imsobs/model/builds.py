"""Which series shows that a new version of the service runs."""

from __future__ import annotations

from dataclasses import dataclass

from imsobs.model import Model

VERSION = "service.version"


@dataclass(frozen=True)
class Builds:
    """A gauge with one series per running version. label: the one that holds the version."""

    metric: str
    label: str


def builds(model: Model) -> Builds | None:
    """Return the gauge by which deployments are marked, None where no metric has versions."""
    for metric in model.metrics.values():
        for label in metric.labels:
            read = model.labels[label].resource_attributes if label in model.labels else ()
            if metric.type == "gauge" and VERSION in read:
                return Builds(metric.name, label)
    return None
