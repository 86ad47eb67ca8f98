"""Seen or not: what was expected beside what was seen, for every ``expected_with``.

Two metrics, by service, environment and the metric that is expected. Both are counted over the
same time, so a source that was seen last week and not since is not seen. A source that never
told of anything has no series at all: there a 0 is recorded, wherever its cause was counted, so
that no query need ask for what is absent.
"""

from __future__ import annotations

from collections.abc import Callable

from imsobs.model import conventions
from imsobs.model.labels import apart_in
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.rules import Record
from imsobs.promql.matchers import quoted, selector
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.queries import CountedBy, ExpectedWith
from imsobs.spec.schema.root import Spec

GROUP = "expected"
# The label that says which metric is expected.
WHICH = "metric"
_BY = conventions.BY_IDENTITY


def expectations(spec: Spec) -> dict[str, ExpectedWith]:
    """Return each metric that is expected, and what causes its signals."""
    return {
        name: metric.expected_with
        for name, metric in spec.metrics.items()
        if metric.expected_with is not None
    }


def expected_metrics(spec: Spec, _metrics: dict[str, ResolvedMetric]) -> dict[str, Metric]:
    """Return the two metrics by their names; empty where nothing is expected."""
    if not expectations(spec):
        return {}
    causes = conventions.expected_causes(spec.service.namespace)
    seen = conventions.expected_seen(spec.service.namespace)
    described = {
        causes: (
            "What was counted that causes the signals of `metric`, within `expected_with.within`.",
            _of_each(_causes, spec),
        ),
        seen: (
            "What was counted of `metric` in the same time; 0, too, where it never had a series.",
            f"{_of_each(_seen, spec)}\nor {causes} * 0",
        ),
    }
    return {
        name: Metric(
            type="gauge",
            group="pipeline",
            description=description,
            rule=rule,
            labels=[*conventions.IDENTITY_LABELS, WHICH],
        )
        for name, (description, rule) in described.items()
    }


def expected_records(spec: Spec, metrics: dict[str, ResolvedMetric]) -> list[Record]:
    """Return the records of the two metrics, in the order in which they read each other."""
    interval, path = spec.alerting.fast, ("service", "namespace")
    return [
        Record(name, metric.rule or "", metric.description, GROUP, interval, path, metric=True)
        for name, metric in expected_metrics(spec, metrics).items()
    ]


def selector_of(given: CountedBy, spec: Spec) -> str:
    """Return the selector of what is counted, as one may ask Prometheus for it."""
    metric = spec.metrics.get(given.metric)
    histogram = metric is not None and metric.type == "histogram"
    name = conventions.histogram_series(given.metric)[2] if histogram else given.metric
    return selector(name, given.where, apart_in(given.metric, spec))


def cause(given: ExpectedWith, spec: Spec) -> str:
    """Return what causes it as a person reads it: ``a{...}``, or ``a{...} - b{...}``."""
    both = [given] if given.minus is None else [given, given.minus]
    return " - ".join(selector_of(one, spec) for one in both)


def _of_each(query: Callable[[str, ExpectedWith, Spec], str], spec: Spec) -> str:
    return "\nor ".join(
        f'label_replace(\n  {query(name, given, spec)},\n  "{WHICH}", {quoted(name)}, "", ""\n)'
        for name, given in expectations(spec).items()
    )


def _counted(given: CountedBy, window: str, spec: Spec) -> str:
    return f"sum by ({_BY}) (increase({selector_of(given, spec)}[{window}] anchored))"


def _causes(_name: str, given: ExpectedWith, spec: Spec) -> str:
    caused = _counted(given, given.within, spec)
    if given.minus is None:
        return caused
    others = _counted(given.minus, given.within, spec)
    return f"clamp_min({caused}\n    - ({others}\n      or {caused} * 0), 0)"


def _seen(name: str, given: ExpectedWith, spec: Spec) -> str:
    if spec.metrics[name].type == "gauge":
        # What a gauge shows was reported, whatever its value is.
        return f"count by ({_BY}) (present_over_time({name}[{given.within}]))"
    return _counted(CountedBy(metric=name), given.within, spec)
