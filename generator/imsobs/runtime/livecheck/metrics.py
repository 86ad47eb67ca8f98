"""The metrics of the spec: which were seen, which never, and what of them is not in the spec."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imsobs.model import Model, conventions
from imsobs.model.kinds import pipeline, stack
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.reporters import reporters
from imsobs.runtime.livecheck.window import Counted, Labels, Window

# Component -> how the names begin of what it exposes only where samples are sent on, or where
# there are peers: not on one machine, of a spec that has a cluster besides.
OF_SEVERAL = {
    "prometheus": "prometheus_remote_storage_",
    "alertmanager": "alertmanager_cluster_",
}


class State(StrEnum):
    """What was seen of a metric in the window."""

    # It was counted, or its series had samples.
    seen = "seen"
    # Its series are there, and nothing was counted.
    quiet = "quiet"
    # It counts what went wrong, and nothing did.
    none = "none"
    # It has no series.
    missing = "missing"
    # Its component, or what it is about, is not part of what runs.
    absent = "absent"


@dataclass(frozen=True)
class Outside:
    """A label of series that were seen, or a value of it, that the spec does not have.

    value: None when it is the label itself. count: what was counted with it, or series of a gauge.
    overflow: whether it is the value that stands for all that the spec does not list.
    """

    label: str
    value: str | None
    count: float
    overflow: bool = False

    @property
    def text(self) -> str:
        """Return it as a person reads it: ``model="other"``."""
        return self.label if self.value is None else f'{self.label}="{self.value}"'


@dataclass(frozen=True)
class Seen:
    """A metric of a service.

    service: who reports it; the component of a metric of the stack; "" of a rule that has no
    service. count: what was counted, of a counter or histogram that the service sends, else None.
    """

    metric: str
    service: str
    state: State
    series: int
    count: float | None = None
    outside: tuple[Outside, ...] = ()


def seen(
    model: Model, window: Window, series: Sequence[Labels], service: str | None = None
) -> Iterator[Seen]:
    """Yield a row for each metric of the spec and each service that reports it.

    series: those of the window. service: only what this one reports.
    """
    there: defaultdict[str, list[Labels]] = defaultdict(list)
    for labels in series:
        there[labels.get("__name__", "")].append(labels)
    jobs = {labels.get("job", "") for labels in there["scrape_samples_scraped"]}
    for name in model.spec.metrics:
        metric = model.metrics[name]
        found = there[_first_series(metric)]
        if metric.kind is stack.KIND:
            if service is None:
                yield _of_component(metric, found, jobs)
            continue
        who = _reporters(metric, model, service)
        if not _is_counted(metric):
            each = [Counted(labels, 1) for labels in found]
        else:
            each = _sums(metric, window) if found else []
        yield from _of_services(metric, model, who, each, found)


def _first_series(metric: ResolvedMetric) -> str:
    """Return the series by which a metric is seen."""
    if metric.type == "histogram":
        return conventions.histogram_series(metric.name)[2]
    return metric.name


def _is_counted(metric: ResolvedMetric) -> bool:
    return metric.type != "gauge" and metric.kind.exposed


def _sums(metric: ResolvedMetric, window: Window) -> list[Counted]:
    return window.counted(_first_series(metric), [*conventions.IDENTITY_LABELS, *metric.labels])


def _of_component(metric: ResolvedMetric, found: list[Labels], jobs: set[str]) -> Seen:
    component = metric.sources[0]
    if found:
        state = State.seen
    elif component not in jobs or metric.name.startswith(tuple(OF_SEVERAL.values())):
        state = State.absent
    else:
        # A component shows many counters from the first thing that it counts.
        state = State.missing if metric.type == "gauge" else State.none
    return Seen(metric.name, component, state, len(found))


def _reporters(
    metric: ResolvedMetric, model: Model, service: str | None
) -> Mapping[str, tuple[str, ...]]:
    if conventions.SERVICE_NAME in {*metric.labels, *metric.kind.common_labels(metric)}:
        return reporters(model.spec, metric.name, service)
    return {"": ()} if service is None else {}


def _of_services(
    metric: ResolvedMetric,
    model: Model,
    who: Mapping[str, tuple[str, ...]],
    counted: Sequence[Counted],
    found: Sequence[Labels],
) -> Iterator[Seen]:
    unknown = _unknown_labels(metric, found)
    for service, names in who.items():
        own = [one for one in counted if _is_of(one.labels, names)]
        own_series = [labels for labels in found if _is_of(labels, names)]
        if own:
            state = State.seen
        elif own_series:
            state = State.quiet
        else:
            state = State.none if metric.kind is pipeline.KIND else State.missing
        yield Seen(
            metric.name,
            service,
            state,
            len(own_series),
            sum(one.count for one in own) if _is_counted(metric) else None,
            (*_values(metric, model, own), *unknown),
        )


def _is_of(labels: Labels, names: tuple[str, ...]) -> bool:
    return not names or labels.get(conventions.SERVICE_NAME) in names


def _values(metric: ResolvedMetric, model: Model, counted: Sequence[Counted]) -> Iterator[Outside]:
    for label, allowed in metric.labels.items():
        if allowed is None or label in metric.when:
            continue
        declared = model.labels.get(label)
        counts: defaultdict[str, float] = defaultdict(float)
        for one in counted:
            counts[one.labels.get(label, "")] += one.count
        for value, count in sorted(counts.items()):
            overflow = (
                declared is not None
                and value == declared.overflow
                and value not in declared.matches
            )
            if overflow or (value and value not in allowed):
                yield Outside(label, value, count, overflow)


def _unknown_labels(metric: ResolvedMetric, found: Sequence[Labels]) -> list[Outside]:
    known = {*metric.labels, *metric.kind.common_labels(metric), "__name__", "le"}
    if metric.fold is not None:
        known |= {*conventions.IDENTITY_LABELS}
    counts: defaultdict[str, int] = defaultdict(int)
    for labels in found:
        for label in labels:
            counts[label] += label not in known
    return [Outside(label, None, count) for label, count in sorted(counts.items()) if count]
