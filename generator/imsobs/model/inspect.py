"""The resolved model as plain data: what ``imsobs inspect`` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.problems import available


def describe(model: Model, metric: str | None) -> dict[str, Any]:
    """Return the model's metrics (or one), labels and counts, ready for JSON."""
    if metric is not None:
        if metric not in model.metrics:
            raise ImsobsError(
                f'metric "{metric}" is not in the catalogue',
                remedy=available(metric, model.metrics),
                exit_code=ExitCode.INPUT,
            )
        return asdict(model.metrics[metric])
    kinds = [m.source_kind for m in model.metrics.values()]
    return {
        "metrics": {name: asdict(m) for name, m in model.metrics.items()},
        "labels": {name: asdict(label) for name, label in model.labels.items()},
        "events": {name: event.model_dump() for name, event in model.spec.events.items()},
        "counts": {
            "metrics": len(kinds),
            "by_source": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
            "series_names": len(model.series),
            "series_budget": sum(m.series_budget for m in model.metrics.values()),
        },
    }
