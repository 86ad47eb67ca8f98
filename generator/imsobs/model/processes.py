"""State of processes: gauges that each process reports, folded to one value of the service.

The Collector exposes such a gauge per process, under a name of its own. A rule records the
fold under the metric's name, of the processes that still report (ADR 12).
"""

from __future__ import annotations

from imsobs.model import conventions
from imsobs.model.kinds.pipeline import ALIVE
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.rules import Record
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

GROUP = "processes"


def is_state(metric: ResolvedMetric) -> bool:
    """Return whether the gauge keeps its last value after its process has ended.

    So the rule that folds it asks whether the process is alive. The SDK exports its gauges
    every interval: those of a process that ended expire by themselves.
    """
    return metric.fold is not None and not metric.kind.repeated


def alive_metric(spec: Spec, metrics: dict[str, ResolvedMetric]) -> dict[str, Metric]:
    """Return the metric that says which processes report, by its name; empty without need."""
    if not any(is_state(metric) for metric in metrics.values()):
        return {}
    metric = Metric(
        type="gauge",
        group="runtime",
        description="1 for each process that reports: metrics of the SDK, or one of the gauges of"
        " its events and spans. It is gone collector.keep_gone after the last report.",
        pipeline=ALIVE,
    )
    return {conventions.process_alive(spec.service.namespace): metric}


def fold_records(spec: Spec, metrics: dict[str, ResolvedMetric]) -> list[Record]:
    """Return the rules that record each folded gauge under its own name."""
    alive = conventions.process_alive(spec.service.namespace)
    return [
        Record(
            metric.name,
            _fold(metric, alive),
            metric.description,
            GROUP,
            spec.scrape.interval,
            ("metrics", metric.name, "fold"),
            metric=True,
        )
        for metric in metrics.values()
        if metric.fold is not None
    ]


def _fold(metric: ResolvedMetric, alive: str) -> str:
    by = ", ".join([*conventions.IDENTITY_LABELS, *metric.labels])
    # `last` leaves one value in each Collector; of several Collectors the largest is taken.
    operator = "max" if metric.fold == "last" else metric.fold
    if not is_state(metric):
        return f"{operator} by ({by}) ({metric.exposed})"
    whose = list(
        conventions.PROCESS_LABELS.values() if metric.by_process else conventions.IDENTITY_LABELS
    )
    return f"{operator} by ({by}) (\n  {metric.exposed}\n    and on ({', '.join(whose)}) {alive}\n)"
