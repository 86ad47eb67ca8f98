"""How many series the spec can make: counted before there is one.

Every label is a closed set (or has a limit), every resource label too, so the product of
their sizes is a bound that no telemetry, however hostile, can exceed. Only the ids of processes
are open: how many are planned for is in the spec, and Prometheus takes no more of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from imsobs.model import conventions
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.processes import GROUP, is_state
from imsobs.model.rules import Record
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

# How often a process may restart while the series of its earlier runs are still exposed: within
# keep_gone, and within keep_idle.
_STARTS = {"processes": 2, "state": 10}


@dataclass(frozen=True)
class SeriesBudget:
    """The most series the Collector may expose, histogram buckets counted.

    each: metric -> series of one service in one environment. processes, state: metric -> series
    of one process, of what the SDK reports and of the gauges of events and spans. planned: of
    the services and environments that the spec names, and of its processes. worst: also of the
    values that others become ("other", and "unknown" where no environment is given). limits:
    job -> the most samples that a scrape of it may have, of the jobs whose series are per
    process.
    """

    each: dict[str, int]
    processes: dict[str, int]
    state: dict[str, int]
    planned: int
    worst: int
    limits: dict[str, int]

    @property
    def own(self) -> int:
        """Series of one service in one environment."""
        return sum(self.each.values())

    @property
    def of_process(self) -> int:
        """Series of one process."""
        return sum(self.processes.values()) + sum(self.state.values())

    def largest(self, count: int = 3) -> list[tuple[str, int]]:
        """Return the metrics with the most series."""
        each = {**self.each, **self.processes, **self.state}
        return sorted(each.items(), key=lambda item: (-item[1], item[0]))[:count]


def series_budget(spec: Spec, metrics: dict[str, ResolvedMetric]) -> SeriesBudget:
    """Return the bound that the spec's labels and processes give."""
    service, count = spec.service, spec.collector.max_processes
    each: dict[str, int] = {}
    processes: dict[str, int] = {}
    state: dict[str, int] = {}
    for name, metric in metrics.items():
        if metric.kind.exposed:
            of = each if not metric.by_process else state if is_state(metric) else processes
            of[name] = metric.series_budget
    own, others = sum(each.values()), (len(service.names) + 1) * (len(service.environments) + 2)
    # Gauges with ``fold: last`` are exposed at the state endpoint, too, but not per process.
    last = sum(m.series_budget for m in metrics.values() if m.fold == "last")
    of_process = sum(processes.values()) + sum(state.values())
    return SeriesBudget(
        each,
        processes,
        state,
        planned=own * len(service.names) * len(service.environments) + of_process * count,
        worst=own * others + of_process * count,
        limits={
            conventions.scrape_job(service.namespace, what): limit
            for what, limit in {
                "processes": sum(processes.values()) * count * _STARTS["processes"],
                "state": sum(state.values()) * count * _STARTS["state"] + last * others,
            }.items()
            if limit
        },
    )


def limit_metric(spec: Spec, metrics: dict[str, ResolvedMetric]) -> dict[str, Metric]:
    """Return the metric that says how many samples each such scrape may have; empty without."""
    limits = series_budget(spec, metrics).limits
    if not limits:
        return {}
    rule = "\n  or ".join(
        f'label_replace(vector({limit}), "job", "{job}", "", "")' for job, limit in limits.items()
    )
    description = (
        "Samples that a scrape of the series of processes may have; one with more is refused."
    )
    name = conventions.process_series_limit(spec.service.namespace)
    return {
        name: Metric(
            type="gauge", group="pipeline", description=description, rule=rule, labels=["job"]
        )
    }


def process_limits(spec: Spec, metrics: dict[str, ResolvedMetric]) -> dict[str, float]:
    """Return the values of that metric: selector -> samples."""
    name = conventions.process_series_limit(spec.service.namespace)
    limits = series_budget(spec, metrics).limits
    return {f'{name}{{job="{job}"}}': limit for job, limit in limits.items()}


def limit_records(spec: Spec, metrics: dict[str, ResolvedMetric]) -> list[Record]:
    """Return the record of that metric."""
    interval, path = spec.scrape.interval, ("collector", "max_processes")
    return [
        Record(name, metric.rule or "", metric.description, GROUP, interval, path, metric=True)
        for name, metric in limit_metric(spec, metrics).items()
    ]
