"""Dashboards: what each one answers, its rows, and panels in a line or three.

A panel names a purpose and a metric; query, unit, legend, window and thresholds follow from
them. ``promql``, ``logql``, ``logs`` and ``traces`` are the way out for what the purposes do
not say.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from imsobs.spec.schema.base import (
    DurationText,
    KebabName,
    LabelName,
    LabelValue,
    MetricName,
    PositiveDuration,
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

    errors: bool = Field(
        default=False,
        description="Whether only traces in which something failed are searched. Default: all are.",
    )
    slower_than: DurationText | None = Field(
        default=None,
        description=("Only traces that took longer than this. null or 0s: of any duration."),
    )


class Limits(Section):
    """Where a value turns bad, when no alert says it; ``below``: small values are the bad ones."""

    warning: float | None = Field(
        default=None,
        description=(
            "Value from which the panel turns yellow, in its unit. null: it never does; 0: from"
            " 0 on, a limit like any other."
        ),
    )
    critical: float | None = Field(
        default=None,
        description=(
            "Value from which the panel turns red, in its unit. null: it never does; 0: from 0"
            " on, a limit like any other."
        ),
    )
    below: bool = Field(
        default=False,
        description="Whether small values are the bad ones. Default: large ones are.",
    )


def _purpose(what: str) -> Any:
    """Return the field of one of the purposes, of which a panel gives exactly one."""
    return Field(default=None, description=f"{what}. null: the panel has another purpose.")


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

    rate: MetricName | None = _purpose("Counter: increments per second, or per what `per` says")
    increase: MetricName | None = _purpose(
        "Counter: increments over the time range that is shown, or over `over`"
    )
    share: MetricName | None = _purpose(
        "Counter: increments over the time range as parts of a whole, by label; a pie"
    )
    top: MetricName | None = _purpose(
        "Counter: increments over the time range, the `limit` largest by label; bars"
    )
    value: MetricName | None = _purpose(
        "Gauge: its values, all labels but those of `by` folded as `fold` says"
    )
    percentiles: MetricName | None = _purpose("Histogram: the `quantiles` of what it observed")
    mean: MetricName | None = _purpose("Histogram: the mean of what it observed")
    heatmap: MetricName | None = _purpose("Histogram: how many observations fell into each bucket")
    ratio: MetricName | None = _purpose(
        "Counter: what it counted as a share of what `of` counted, 0 to 1"
    )
    promql: Text | dict[Text, Text] | None = _purpose(
        "One PromQL query, or legend -> query. Its ranges may name `$__range` and"
        " `$__rate_interval`"
    )
    logql: Text | dict[Text, Text] | None = _purpose(
        "One metric query in LogQL, or legend -> query"
    )
    logs: Text | None = _purpose("LogQL that selects log lines, which are shown")
    traces: TraceSearch | None = _purpose("Search in the trace store, whose hits are shown")
    of: MetricName | Annotated[list[MetricName], Field(min_length=1, max_length=2)] | None = Field(
        default=None,
        description=(
            "Of `ratio`: the counter that is the whole, or two whose sum is. null: the counter"
            " of `ratio` itself without `where`."
        ),
    )
    by: list[LabelName] = Field(
        default=[],
        description=(
            "Labels that each get a series of their own. Default: none; everything is one series."
        ),
    )
    where: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={},
        description="Only series whose labels have these values. Default: all.",
    )
    among: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={},
        description=(
            "Of a ratio: part and whole only of events with these label values. Default: of all."
        ),
    )
    over: PositiveDuration | None = Field(
        default=None,
        description=(
            "Window of `rate`, `increase` or `ratio`. null: the time range that the"
            " dashboard shows."
        ),
    )
    per: Literal["second", "minute", "hour", "day"] = Field(
        default="second",
        description="Time unit of `rate`. Default: per second.",
    )
    fold: Literal["sum", "max", "min", "avg"] = Field(
        default="sum",
        description="How the values of `value` become one. Default: their sum.",
    )
    quantiles: list[Ratio] = Field(
        default=[0.5, 0.95, 0.99],
        description=(
            "Quantiles of `percentiles`, 0 to 1. 0: the smallest observation. Default: 0.5,"
            " 0.95 and 0.99."
        ),
    )
    limit: Annotated[int, Field(ge=1, le=50)] = Field(
        default=10,
        description="Number of bars of `top`. Default: 10.",
    )
    show: Show | None = Field(
        default=None,
        description="Type of the panel. null: what fits the purpose.",
    )
    unit: UnitName | None = Field(
        default=None,
        description="Unit of the values. null: that of the metric.",
    )
    legend: Text | None = Field(
        default=None,
        description=(
            "Name of each series; `{{label}}` is a label's value. null: the labels of `by`."
        ),
    )
    thresholds: Limits | None = Field(
        default=None,
        description=(
            "Where values turn bad. null: the thresholds of the alerts on this metric, else none."
        ),
    )
    description: Text | None = Field(
        default=None,
        description="Text behind the panel's (i). null: the metric's description.",
    )
    width: Annotated[int, Field(ge=2, le=24)] | None = Field(
        default=None,
        description="Width in columns of 24. null: an equal share of the row.",
    )
    may_be_empty: Text | None = Field(
        default=None,
        description=(
            "Why a healthy system may have nothing to show; the panel says so. null: the panel"
            " always has data, which a test holds it to."
        ),
    )


class Dashboard(Section):
    """One dashboard; its key in the spec is its uid and file name."""

    title: Title = Field(description="Title, as it stands in Grafana's list.")
    description: Text = Field(description="The question that the dashboard answers.")
    variables: list[Variable] = Field(
        default=["environment", "service"],
        description="Variables besides the data source. Default: environment and service.",
    )
    range: PositiveDuration = Field(
        default="1h",
        description="Time range that is shown at first. Default: the last hour.",
    )
    refresh: PositiveDuration = Field(
        default="30s",
        description="How often the page loads again. Default: every 30 seconds.",
    )
    objectives: bool = Field(
        default=False,
        description=(
            "Whether rows of every objective (budget left, bad events, burn rate) and of every"
            " band of `anomalies` come before those of `rows`, whose keys override theirs."
        ),
    )
    rows: dict[Title, dict[Title, Panel]] = Field(
        default={},
        validate_default=True,
        min_length=1,
        description="Title of a row -> title of a panel -> the panel. Default: those of"
        " `objectives`; else one is required.",
    )


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
