"""Resolved metrics, and the catalogue of series that queries may name."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imsobs.model import conventions
from imsobs.model.kinds import KINDS, stack
from imsobs.model.kinds.kind import Kind
from imsobs.model.labels import ResolvedLabel, apart_in
from imsobs.promql.series import Allowed, Series
from imsobs.spec.schema.metrics import AttributeValue, Fold, Metric, MetricType
from imsobs.spec.schema.root import Spec


@dataclass(frozen=True)
class ResolvedMetric:
    """One metric with its source made explicit.

    sources: names of span sources or events, the SDK's metric name, the probe, PromQL, or
    the stack's component. labels: own labels -> allowed values. apart: label ->
    values that are none of what the metric is about. sdk_attributes: label ->
    SDK attribute. fold: of a gauge that each process reports; None of what is no such gauge.
    exemplars: from kept traces, pointing at them. series_budget: the most series one service in
    one environment may have (and one process, of what is per process), histogram buckets
    counted (le and +Inf, sum, count).
    """

    name: str
    type: MetricType
    unit: str
    description: str
    group: str
    source_kind: str
    sources: tuple[str, ...]
    value: str | tuple[str, ...]
    when: dict[str, tuple[str, ...]]
    labels: dict[str, Allowed]
    apart: dict[str, tuple[str, ...]]
    sdk_attributes: dict[str, str]
    buckets: tuple[float, ...]
    fold: Fold | None
    exemplars: bool
    interval: str
    series_budget: int

    @property
    def kind(self) -> Kind:
        """The kind of its source."""
        return KINDS[self.source_kind]

    @property
    def exposed(self) -> str:
        """The name under which the Collector exposes it: a gauge that is folded has another."""
        match self.fold:
            case None:
                return self.name
            case "last":
                return conventions.last_reported(self.name)
        return conventions.per_process(self.name)

    @property
    def by_process(self) -> bool:
        """Whether the Collector exposes it once for each process."""
        if self.fold is None:
            return self.kind.by_process(self)
        return self.fold != "last"


def source_of(metric: Metric, spec: Spec) -> tuple[Kind, tuple[str, ...]] | None:
    """Return the metric's one source, or None when it names none or several."""
    given = [(kind, sources) for kind in KINDS.values() for sources in kind.given(metric, spec)]
    return given[0] if len(given) == 1 else None


def resolve_metric(
    name: str, metric: Metric, spec: Spec, labels: dict[str, ResolvedLabel]
) -> ResolvedMetric:
    """Return the metric with every default filled in.

    Total even for a faulty spec (unknown labels are open, a missing source is the stack),
    so that the checks can look at everything at once.
    """
    kind, sources = source_of(metric, spec) or (stack.KIND, ("",))
    own = {label: labels[label].values if label in labels else None for label in metric.labels}
    buckets = tuple(spec.buckets.get(metric.buckets or "", ()))
    value = metric.value
    when = {
        label: (value,) if isinstance(value, str) else tuple(value)
        for label, value in metric.when.items()
    }
    series = math.prod(_size(label, labels, when) for label in metric.labels)
    if (most := kind.most_series(sources, spec)) is not None:
        series = min(series, most)
    per_series = len(buckets) + 3 if metric.type == "histogram" else 1
    return ResolvedMetric(
        name=name,
        type=metric.type,
        unit=metric.unit or conventions.unit_of(name),
        description=metric.description,
        group=metric.group,
        source_kind=kind.name,
        sources=sources,
        value=tuple(value.attributes) if isinstance(value, AttributeValue) else value,
        when=when,
        labels=kind.own_labels(own, metric, spec),
        apart=apart_in(name, spec),
        sdk_attributes=metric.labels if isinstance(metric.labels, dict) else {},
        buckets=buckets,
        fold=metric.fold if metric.type == "gauge" and kind.folded else None,
        exemplars=metric.exemplars,
        interval=metric.interval,
        series_budget=per_series * series,
    )


def _size(label: str, labels: dict[str, ResolvedLabel], when: dict[str, tuple[str, ...]]) -> int:
    if label in when:
        return len(when[label])
    return labels[label].limit if label in labels else 1


def identity_values(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Return the values that the labels of service and environment may have.

    Queries are not held to them: a test, or an overlay, may speak of a service of its own.
    """
    service = spec.service
    return {
        conventions.SERVICE_NAME: (*service.names, conventions.OTHER),
        conventions.ENVIRONMENT: (*service.environments, conventions.UNKNOWN, conventions.OTHER),
    }


def catalogue(
    metrics: dict[str, ResolvedMetric], unsure: frozenset[str] = frozenset()
) -> dict[str, Series]:
    """Return every series name that exists once the stack runs, with its labels.

    unsure: entries whose declaration is at fault; all that they could be is in the catalogue.
    """
    series: dict[str, Series] = {}
    for metric in metrics.values():
        labels = {**metric.labels, **metric.kind.common_labels(metric)}
        apart = metric.apart
        if metric.type == "histogram":
            bucket, total, count = conventions.histogram_series(metric.name)
            bounds = (*(conventions.bucket_bound(bound) for bound in metric.buckets), "+Inf")
            le: Allowed = bounds if metric.buckets else None
            series[bucket] = Series(bucket, metric.name, metric.type, {**labels, "le": le}, apart)
            series[total] = Series(total, metric.name, metric.type, labels, apart)
            series[count] = Series(count, metric.name, metric.type, labels, apart)
        elif metric.fold is not None:
            # The series of each process, and the folded one that a rule records.
            series[metric.exposed] = Series(metric.exposed, metric.name, metric.type, labels, apart)
            folded = {**metric.labels, **dict.fromkeys(conventions.IDENTITY_LABELS)}
            series[metric.name] = Series(metric.name, metric.name, metric.type, folded, apart)
        else:
            series[metric.name] = Series(metric.name, metric.name, metric.type, labels, apart)
    for name in sorted(unsure):
        for each in (name, *conventions.histogram_series(name)):
            series[each] = Series(each, name, "gauge", {}, unsure=True)
    return series
