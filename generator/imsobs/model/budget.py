"""The budget as metrics: what may be spent, what was, what is left, what is to be expected."""

from __future__ import annotations

from imsobs.model import conventions
from imsobs.model.conventions import BY_IDENTITY, ENVIRONMENT
from imsobs.model.numbers import span_sources
from imsobs.model.rules import Record, number
from imsobs.model.sampling import most_held
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.prices import Usage
from imsobs.spec.schema.root import Spec

GROUP = "budget"

_HOURS_LEFT = (
    "scalar((days_in_month(vector(time())) - day_of_month(vector(time())) + 1) * 24 -"
    " hour(vector(time())))"
)


def _named(spec: Spec, what: str) -> str:
    """Return the name of a metric of money: that of the namespace, and what it tells."""
    return f"{spec.service.namespace.replace('-', '_')}_{what}"


def _limit_usd(spec: Spec) -> str:
    return _named(spec, "budget_limit_usd")


def _used_usd(spec: Spec) -> str:
    return _named(spec, "budget_used_usd")


def _used(hourly: str, spec: Spec) -> str:
    """Return the query of what was used this month.

    Every full hour's cost is taken at its end; the hour belongs to the month in which its
    last second lies. The month of today is recorded, because inside a subquery the clock is
    the subquery's own. Exact to the last full hour.
    """
    return f"""\
sum by ({ENVIRONMENT}) (
  sum_over_time((
    {hourly}
      and on () (month(vector(time() - 1)) == on () ({_month(spec)} @ end()))
  )[31d:1h])
) or {_limit_usd(spec)} * 0"""


def _forecast(hourly: str, spec: Spec) -> str:
    used = _used_usd(spec)
    return f"""\
{used}
  + (sum by ({ENVIRONMENT}) (avg_over_time({hourly}[3d])) or {used} * 0)
    * {_HOURS_LEFT}"""


def costs(spec: Spec) -> list[str]:
    """Return the counters of what model calls cost, in the spec's order."""
    return [
        name
        for name, metric in spec.metrics.items()
        if metric.type == "counter" and metric.value == "cost" and _is_priced(metric, spec)
    ]


def _is_priced(metric: Metric, spec: Spec) -> bool:
    return bool(usages(metric, spec))


def usages(metric: Metric, spec: Spec) -> list[Usage]:
    """Return where what a call used is read, of each source and event of a metric that says it."""
    events = [metric.event] if isinstance(metric.event, str) else metric.event or []
    found = [spec.sources[name].priced() for name in span_sources(metric) if name in spec.sources]
    found += [spec.events[name].usage for name in events if name in spec.events]
    return [usage for usage in found if usage is not None]


def counted_cost(spec: Spec) -> str | None:
    """Return the counter whose cost is held against the budget, None where none is."""
    return spec.budget.cost or next(iter(costs(spec)), None)


def hourly_cost(metric: str) -> str:
    """Return the series of what was spent in the last hour, by service and environment."""
    return f"service:{metric.removesuffix('_total')}:increase1h"


def _month(spec: Spec) -> str:
    return f"{spec.service.namespace.replace('-', '_')}:calendar:month"


def stack_limits(spec: Spec) -> dict[str, float]:
    """Return the limits of the stack itself, which serves every environment, by their series."""
    namespace = spec.service.namespace
    return {
        conventions.series_limit(namespace): spec.budget.series,
        conventions.held_traces_limit(namespace): most_held(spec),
    }


def budget_metrics(spec: Spec) -> dict[str, Metric]:
    """Return the metrics that the spec's ``budget`` adds to the catalogue."""
    rules = {**_of_money(spec), **_of_the_stack(spec)}
    return {
        name: Metric(
            type="gauge",
            group="cost",
            description=description,
            rule=rule,
            labels=[] if name in stack_limits(spec) else [ENVIRONMENT],
        )
        for name, (description, rule) in rules.items()
        if name not in spec.metrics
    }


def _of_money(spec: Spec) -> dict[str, tuple[str, str]]:
    """Return name -> description and rule; none where no metric counts what is spent."""
    cost = counted_cost(spec)
    if cost is None or not _limits(spec):
        return {}
    hourly = hourly_cost(cost)
    return {
        _limit_usd(spec): (
            "What all model calls of an environment may cost in a calendar month (UTC).",
            _limits(spec),
        ),
        _used_usd(spec): (
            "Cost of an environment's model calls this month, up to the last full hour.",
            _used(hourly, spec),
        ),
        _named(spec, "budget_remaining_usd"): (
            "What is left of the environment's budget of the month; below 0 when it is overdrawn.",
            f"{_limit_usd(spec)} - {_used_usd(spec)}",
        ),
        _named(spec, "cost_forecast_usd"): (
            "Cost to expect at the end of the month, at the hourly mean of the last 3 days.",
            _forecast(hourly, spec),
        ),
    }


def _of_the_stack(spec: Spec) -> dict[str, tuple[str, str]]:
    texts = (
        "Derived series that Prometheus is meant to hold at most.",
        "Undecided traces that one Collector holds at most.",
    )
    limits = stack_limits(spec).items()
    return {
        name: (text, f"vector({number(limit)})")
        for (name, limit), text in zip(limits, texts, strict=True)
    }


def _limits(spec: Spec) -> str:
    """Return the query that gives each environment's limit as a series of its own."""
    limits = spec.budget.monthly(spec.service.environments)
    return "\n  or ".join(
        f'label_replace(vector({number(usd)}), "{ENVIRONMENT}", "{environment}", "", "")'
        for environment, usd in limits.items()
    )


def budget_records(spec: Spec) -> list[Record]:
    """Return the records of the budget, in the order in which they read each other."""
    interval = spec.alerting.fast
    records = []
    if (cost := counted_cost(spec)) and _limits(spec):
        records = [
            Record(
                hourly_cost(cost),
                f"sum by ({BY_IDENTITY}) (increase({cost}[1h] anchored))",
                "Cost of model calls in the last hour, USD.",
                GROUP,
                interval,
                ("budget",),
            ),
            Record(
                _month(spec),
                "month(vector(time()))",
                "Month of the year (UTC), for sums over one month.",
                GROUP,
                interval,
                ("budget",),
            ),
        ]
    for name, metric in budget_metrics(spec).items():
        rule = metric.rule or ""
        records.append(
            Record(name, rule, metric.description, GROUP, interval, ("budget",), metric=True)
        )
    return records
