"""How many series the spec can make: counted before there is one.

Every label is a closed set (or has a limit), every resource label too, so the product of
their sizes is a bound that no telemetry, however hostile, can exceed.
"""

from __future__ import annotations

from dataclasses import dataclass

from imsobs.model import Model

# Kinds of source whose series the Collector exposes.
DERIVED = ("span", "event", "log", "pipeline", "sdk", "probe")


@dataclass(frozen=True)
class SeriesBudget:
    """The most series the Collector may expose.

    each: metric -> series of one service in one environment (and of one process, for the
    SDK's metrics), histogram buckets counted. planned: of the services and environments that
    the spec names. worst: also of the values that others become ("other", and "unknown"
    where no environment is given).
    """

    each: dict[str, int]
    planned: int
    worst: int

    @property
    def own(self) -> int:
        """Series of one service in one environment."""
        return sum(self.each.values())

    def largest(self, count: int = 3) -> list[tuple[str, int]]:
        """Return the metrics with the most series."""
        return sorted(self.each.items(), key=lambda item: (-item[1], item[0]))[:count]


def series_budget(model: Model) -> SeriesBudget:
    """Return the bound that the spec's labels give."""
    service = model.spec.service
    each = {
        name: metric.series_budget
        for name, metric in model.metrics.items()
        if metric.source_kind in DERIVED
    }
    own = sum(each.values())
    return SeriesBudget(
        each=each,
        planned=own * len(service.names) * len(service.environments),
        worst=own * (len(service.names) + 1) * (len(service.environments) + 2),
    )
