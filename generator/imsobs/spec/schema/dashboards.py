"""Dashboards: what each one answers, its rows, and panels in a line or three.

A panel names a purpose and a metric; query, unit, legend, window and thresholds follow from
them. ``promql``, ``logql``, ``logs`` and ``traces`` are the way out for what the purposes do
not say.
"""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec.schema.base import (
    DurationText,
    KebabName,
    LabelName,
    LabelValue,
    MetricName,
    Ratio,
    Section,
    Text,
)

Title = Annotated[str, Field(min_length=2, max_length=60)]
Variable = Literal["service", "environment", "vendor", "model"]
Show = Literal["stat", "series", "area", "bars", "pie", "table", "heatmap", "states", "logs"]
UnitName = Literal[
    "count",
    # A count with all its digits, 1,234 instead of 1.23 K.
    "whole",
    "s",
    "By",
    "USD",
    "ratio",
    "percent",
    "per_second",
    "per_minute",
    "requests_per_second",
    "By_per_second",
    "bool",
    "unix_s",
]


class TraceSearch(Section):
    """A search in the trace store: only traces with errors, or slower than ``slower_than``."""

    errors: bool = False
    slower_than: DurationText | None = None


class Limits(Section):
    """Where a value turns bad, when no alert says it; ``below``: small values are the bad ones."""

    warning: float | None = None
    critical: float | None = None
    below: bool = False


class Panel(Section):
    """One panel; its key in the row is its title. Exactly one purpose is given:

      rate         counter: increments per second (``per``: minute, hour or day)
      increase     counter: increments over the time range shown, or over ``over``
      share        counter: as increase, the parts of a whole by label (pie)
      top          counter: as increase, the ``limit`` largest by label (bars)
      value        gauge: its values, folded over all other labels (``fold``)
      percentiles  histogram: the ``quantiles`` of what it observed
      mean         histogram: the mean of what it observed
      heatmap      histogram: how many observations fell into each bucket
      ratio        counter: what it counted as a share of what ``of`` did (one counter or the
                   sum of two; left out: itself without ``where``), 0 to 1
      promql       a query as it is, or legend -> query
      logql        a metric query over logs, or legend -> query
      logs         a log query; its lines are shown
      traces       a search in the trace store

    by: labels that are kept apart. where: only series whose labels have these values.
    unit, legend, thresholds, description: only where the derived ones do not fit.
    width: columns of 24, when an equal share does not fit. may_be_empty: why there may be
    nothing to show in a healthy system; the panel then says so.
    """

    rate: MetricName | None = None
    increase: MetricName | None = None
    share: MetricName | None = None
    top: MetricName | None = None
    value: MetricName | None = None
    percentiles: MetricName | None = None
    mean: MetricName | None = None
    heatmap: MetricName | None = None
    ratio: MetricName | None = None
    promql: Text | dict[Text, Text] | None = None
    logql: Text | dict[Text, Text] | None = None
    logs: Text | None = None
    traces: TraceSearch | None = None
    of: MetricName | Annotated[list[MetricName], Field(min_length=1, max_length=2)] | None = None
    by: list[LabelName] = []
    where: dict[LabelName, LabelValue | list[LabelValue]] = {}
    among: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={},
        description="Of a ratio: part and whole only of events with these label values.",
    )
    over: DurationText | None = None
    per: Literal["second", "minute", "hour", "day"] = "second"
    fold: Literal["sum", "max", "min", "avg"] = "sum"
    quantiles: list[Ratio] = [0.5, 0.95, 0.99]
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    show: Show | None = None
    unit: UnitName | None = None
    legend: Text | None = None
    thresholds: Limits | None = None
    description: Text | None = None
    width: Annotated[int, Field(ge=2, le=24)] | None = None
    may_be_empty: Text | None = None


class Dashboard(Section):
    """One dashboard; its key in the spec is its uid and file name.

    description: the question it answers. variables: variables besides the data source.
    range: the time shown at first; refresh: how often it reloads.
    """

    title: Title
    description: Text
    variables: list[Variable] = ["environment", "service"]
    range: DurationText = "1h"
    refresh: DurationText = "30s"
    rows: dict[Title, dict[Title, Panel]] = Field(min_length=1)


Dashboards = dict[KebabName, Dashboard]
PURPOSES = (
    "rate",
    "increase",
    "share",
    "top",
    "value",
    "percentiles",
    "mean",
    "heatmap",
    "ratio",
    "promql",
    "logql",
    "logs",
    "traces",
)


def purposes_of(panel: Panel) -> list[str]:
    """Return the purposes that a panel gives; a sound one gives one."""
    return [name for name in PURPOSES if getattr(panel, name) is not None]
