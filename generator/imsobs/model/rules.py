"""Recorded series and alerts, resolved: what the rule files, tests and runbooks are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from imsobs import promql
from imsobs.model import conventions
from imsobs.model.labels import ResolvedLabel, apart_in
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.ratios import expression
from imsobs.problems import KeyPath
from imsobs.promql import labels as promql_labels
from imsobs.promql.series import Allowed, Series
from imsobs.spec.schema.alerts import AlertTest, Runbook, Severity
from imsobs.spec.schema.drills import Drill
from imsobs.spec.schema.root import Spec


@dataclass(frozen=True)
class Record:
    """One recorded series.

    group: of the rule file; interval: how often it is evaluated, e.g. ``30s``; file:
    ``recording`` or ``slo``; path: the place of the spec that asks for it; metric: it is
    in the catalogue already.
    """

    name: str
    expr: str
    description: str
    group: str
    interval: str
    path: KeyPath
    file: str = "recording"
    metric: bool = False


@dataclass(frozen=True)
class ResolvedAlert:
    """One alert.

    expr: the whole condition; value, op, threshold, guard: its parts. for_: duration of
    ``for``. carried: labels of a firing alert, those added included; None when unknown.
    facts: what the description ends with, as Prometheus' template. reads: the recorded series
    that these are read from. labels: those added. file: ``alerting`` or ``slo``. path: its
    place in the spec.
    """

    name: str
    expr: str
    value: str
    op: str
    threshold: float
    unit: str
    guard: str | None
    for_: str | None
    keep_firing_for: str | None
    severity: Severity
    team: str
    group: str
    interval: str
    labels: dict[str, str]
    carried: frozenset[str] | None
    summary: str
    description: str
    facts: str
    reads: tuple[str, ...]
    runbook_url: str
    dashboard: str
    dashboard_url: str
    enabled: bool
    runbook: Runbook | None
    test: AlertTest | None
    drill: Drill
    file: str
    path: KeyPath

    @property
    def fixed_labels(self) -> dict[str, str]:
        """Return the labels that it has whatever it fires on, its name among them."""
        return {**self.labels, "alertname": self.name}

    @property
    def why_no_drill(self) -> str | None:
        """Why `imsobs drill` does not make the alert fire; None: it does."""
        if self.drill.skip:
            return self.drill.skip
        if not self.enabled:
            return "the alert is off"
        always = self.test is not None and self.test.always
        return None if always or self.drill != Drill() else "the spec gives none"


# Service and environment, as the texts of alerts name them.
WHO = " in ".join(f"{{{{ $labels.{label} }}}}" for label in conventions.IDENTITY_LABELS)


def example_labels(spec: Spec, service: str | None = None) -> dict[str, str]:
    """Return the labels of the service that generated tests and pages speak of.

    service: the one that it has to be; the first of the spec when None.
    """
    return {
        conventions.SERVICE_NAME: service or spec.service.names[0],
        conventions.ENVIRONMENT: spec.service.environments[-1],
    }


def number(value: float) -> str:
    """Return a number as short as it can be written without losing what was meant."""
    return f"{value:.12g}"


def output_labels(expr: str, series: dict[str, Series]) -> frozenset[str] | None:
    """Return the labels of an expression's result; None when they cannot be known."""
    try:
        return promql_labels.output_labels(promql.parse(expr), series)
    except ValueError:
        return None


def spec_records(spec: Spec, metrics: dict[str, ResolvedMetric]) -> list[Record]:
    """Return the records of ``rules`` and of metrics that are rules, in the spec's order."""
    apart = partial(apart_in, spec=spec)
    intervals = {"fast": spec.alerting.fast, "slow": spec.alerting.slow}
    records = [
        Record(
            name,
            # A rule without either is a fault that is reported.
            rule.expr or (expression(rule.ratio, rule.by, apart) if rule.ratio else ""),
            rule.description,
            rule.group,
            intervals[rule.interval],
            ("rules", name, "expr" if rule.ratio is None else "ratio"),
        )
        for name, rule in spec.rules.items()
    ]
    for name, metric in metrics.items():
        if metric.kind.recorded and name in spec.metrics:
            records.append(
                Record(
                    name,
                    metric.sources[0],
                    metric.description,
                    f"metrics-{metric.group}",
                    intervals[metric.interval],
                    ("metrics", name, metric.kind.key_of(spec.metrics[name])),
                    metric=True,
                )
            )
    return records


def recorded_in(expression: str, records: Mapping[str, Record]) -> list[str]:
    """Return the recorded series that an expression reads, also through one another.

    One that does not parse reads none.
    """
    found: set[str] = set()
    waiting = [expression]
    while waiting:
        try:
            read = promql.metric_names(waiting.pop())
        except ValueError:
            continue
        new = {name for name in read if name in records} - found
        found |= new
        waiting += [records[name].expr for name in sorted(new)]
    return sorted(found)


def record_series(
    records: list[Record],
    series: dict[str, Series],
    labels: dict[str, ResolvedLabel],
) -> dict[str, Series]:
    """Return the series that the records add to the catalogue.

    Labels are inferred; a record that reads a later one is inferred in the second round.
    """
    found = dict(series)
    for is_last in (False, True):
        for record in records:
            if record.metric:
                continue
            # A check reports labels that cannot be inferred; most rules have these.
            inferred = output_labels(record.expr, found)
            carried = frozenset(conventions.IDENTITY_LABELS) if inferred is None else inferred
            allowed: dict[str, Allowed] = {
                label: labels[label].values if label in labels else None
                for label in sorted(carried)
            }
            apart = _apart(record.expr, carried, found)
            unsure = is_last and inferred is None and _is_unsure(record.expr, found)
            found[record.name] = Series(record.name, record.name, "gauge", allowed, apart, unsure)
    return {record.name: found[record.name] for record in records if not record.metric}


def _is_unsure(expr: str, series: dict[str, Series]) -> bool:
    """Return whether an expression does not parse, or reads what is unknown or at fault."""
    try:
        names = promql.metric_names(expr)
    except ValueError:
        return True
    synthetic = promql_labels.SYNTHETIC
    return any(n not in synthetic and (n not in series or series[n].unsure) for n in names)


def _apart(
    expr: str, carried: frozenset[str], series: dict[str, Series]
) -> dict[str, tuple[str, ...]]:
    """Return the values set apart that a record has kept: those that no selector chose among."""
    try:
        selectors = promql.selectors(promql.parse(expr))
    except ValueError:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for selector in selectors:
        entry = series.get(promql.selector_name(selector))
        chosen = {matcher.name for matcher in selector.matchers.matchers}
        for label, values in entry.apart.items() if entry else ():
            if label in carried and label not in chosen:
                found[label] = values
    return found
