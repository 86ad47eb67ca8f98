"""Resolve: the parsed spec to a model in which nothing is optional.

Stage 3 of load -> parse -> resolve -> check -> plan -> render.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from imsobs.dialects import dialects
from imsobs.measurements import Measurement
from imsobs.model.alerts import resolve_alerts
from imsobs.model.anomalies import anomaly_records
from imsobs.model.budget import budget_metrics, budget_records, stack_limits
from imsobs.model.dashboards import ResolvedDashboard, resolve_dashboards
from imsobs.model.expected import expected_metrics, expected_records
from imsobs.model.labels import ResolvedLabel, resolve_label
from imsobs.model.metrics import ResolvedMetric, catalogue, resolve_metric
from imsobs.model.prices import PriceRow, price_rows
from imsobs.model.processes import alive_metric, fold_records
from imsobs.model.rules import Record, ResolvedAlert, record_series, spec_records
from imsobs.model.series_budget import limit_metric, limit_records, process_limits
from imsobs.model.slos import slo_records
from imsobs.promql.labels import Finding
from imsobs.promql.series import Series
from imsobs.redaction.contents import content_keys
from imsobs.spec.schema.root import Spec


@dataclass(frozen=True)
class Model:
    """Everything an output needs.

    spec: the parsed sections; labels, metrics: resolved, in the spec's order; prices:
    oldest first; series: every name that PromQL may select; records: recorded
    series in order of evaluation; alerts: those of objectives and bands included; limits: selector
    of a recorded limit of the stack -> its value; unsure: metrics and rules whose declaration is
    at fault, of which nothing else is known; measured: alert -> what its last drill in real time
    measured.
    """

    spec: Spec
    labels: dict[str, ResolvedLabel]
    metrics: dict[str, ResolvedMetric]
    prices: tuple[PriceRow, ...]
    series: dict[str, Series]
    records: tuple[Record, ...]
    alerts: dict[str, ResolvedAlert]
    limits: dict[str, float]
    dashboards: dict[str, ResolvedDashboard]
    unsure: frozenset[str] = frozenset()
    measured: dict[str, Measurement] = field(default_factory=dict)

    @cached_property
    def dropped(self) -> list[str]:
        """Patterns of attributes that are not stored.

        They are the spec's, and those that hold prompts and answers, whoever sets them: also
        where a call is not counted from them.
        """
        counted = [pattern for dialect in dialects().values() for pattern in dialect.contents]
        return list(dict.fromkeys([*self.spec.redaction.drop, *counted, *content_keys()]))

    @cached_property
    def judged(self) -> dict[str, list[Finding]]:
        """Expression -> its faults: filled by the checks, several of which ask for the same one."""
        return {}

    @cached_property
    def recorded(self) -> dict[str, str]:
        """Recorded series -> its expression."""
        return {record.name: record.expr for record in self.records}

    @cached_property
    def computed(self) -> dict[str, str]:
        """Recorded series -> its expression, without folded gauges: those stand for themselves."""
        folded = {name for name, metric in self.metrics.items() if metric.fold is not None}
        return {name: expr for name, expr in self.recorded.items() if name not in folded}

    @cached_property
    def uses_spans(self) -> bool:
        """Whether spans are counted or stored; when not, none are sent and none taken."""
        counted = (one for m in self.metrics.values() for one in m.kind.counted(m, self))
        is_counted = any(one.signal == "span" and not one.stored for one in counted)
        return is_counted or self.spec.stack.jaeger is not None

    @cached_property
    def group_of(self) -> dict[str, str]:
        """Recorded series -> the rule group that records it."""
        return {record.name: record.group for record in self.records}

    @cached_property
    def groups(self) -> dict[str, int]:
        """Every rule group -> its place in the order of evaluation: those that record first."""
        names = [record.group for record in self.records]
        names += [alert.group for alert in self.alerts.values()]
        return {name: place for place, name in enumerate(dict.fromkeys(names))}


def resolve(spec: Spec, unsure: frozenset[str] = frozenset()) -> Model:
    """Return the model of a spec. Total: checks read the model of a faulty spec too.

    unsure: metrics and rules whose declaration is at fault, whether the spec has them or not.
    """
    labels = {name: resolve_label(name, spec) for name in spec.labels}
    metrics = {
        name: resolve_metric(name, metric, spec, labels)
        for name, metric in {**spec.metrics, **budget_metrics(spec)}.items()
    }
    # The spec's own metric of such a name stays; the check metric/derived-name reports it.
    for further in (alive_metric, limit_metric, expected_metrics):
        metrics |= {
            name: resolve_metric(name, metric, spec, labels)
            for name, metric in further(spec, metrics).items()
            if name not in metrics
        }
    series = catalogue(metrics, unsure)
    own = spec_records(spec, metrics)
    records = [
        *fold_records(spec, metrics),
        *limit_records(spec, metrics),
        *own,
        *budget_records(spec),
        *expected_records(spec, metrics),
        *slo_records(spec),
    ]
    series |= record_series(records, series, labels)
    bands = anomaly_records(spec, series)
    series |= record_series(bands, series, labels)
    limits = {**stack_limits(spec), **process_limits(spec, metrics)}
    return Model(
        spec=spec,
        labels=labels,
        metrics=metrics,
        prices=price_rows(spec),
        series=series,
        records=(*records, *bands),
        alerts=resolve_alerts(spec, metrics, series, limits),
        limits=limits,
        unsure=unsure,
        dashboards=resolve_dashboards(
            spec, metrics, series, {record.name: record.expr for record in own}
        ),
    )
