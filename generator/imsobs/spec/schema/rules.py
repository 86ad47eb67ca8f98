"""Recording rules, bands of normal values, and budgets."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec.schema.alerts import Runbook, Severity
from imsobs.spec.schema.base import (
    AlertName,
    DurationText,
    Environment,
    KebabName,
    LabelName,
    MetricName,
    Ratio,
    Section,
    SnakeName,
    Text,
)
from imsobs.spec.schema.queries import RatioOf

Interval = Literal["fast", "slow"]
Usd = Annotated[float, Field(gt=0)]
RecordName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_]*$")]


class RecordingRule(Section):
    """A recording rule. Its key is the name of the recorded series, `level:metric:operations`.

    Exactly one of `expr` and `ratio` is given.
    """

    description: Text = Field(
        description="What the recorded series measures, as one sentence for the reference."
    )
    expr: Text | None = Field(
        None, description="PromQL that is recorded. null: `ratio` says what is recorded."
    )
    ratio: RatioOf | None = Field(
        None,
        description="Ratio of two counters, 0 to 1, from which the PromQL is generated. It has no"
        " value while nothing was counted. null: `expr` says what is recorded.",
    )
    by: list[LabelName] = Field(
        [],
        description="Labels that the result of `ratio` keeps in addition to those that identify"
        " the service and its environment. Default: none.",
    )
    group: KebabName = Field(
        "service", description="Rule group. Rules of one group are evaluated in order."
    )
    interval: Interval = Field(
        "fast",
        description="How often the group is evaluated: `alerting.fast` or `alerting.slow`.",
    )
    allow: dict[str, Text] = Field(
        {},
        description=(
            "Checks that this rule fails on purpose: id of the check -> reason. Default: none."
        ),
    )


class Anomaly(Section):
    """A band of normal values for each hour of the week, from the same hour of past weeks.

    The band is the median of those weeks, plus and minus `deviations` standard deviations.
    """

    description: Text = Field(
        description="What an unusual value means; the first sentence of the alert's description."
    )
    of: RecordName = Field(
        description="Recording rule of `rules` whose value is compared with its past."
    )
    deviations: Annotated[float, Field(gt=0)] = Field(
        3, description="Half width of the band, in standard deviations of the past weeks."
    )
    floor: Ratio = Field(
        0.2,
        description="Smallest half width of the band, as a ratio of the median, 0 to 1. 0: a value"
        " that never varied has a band without width.",
    )
    weeks: Annotated[int, Field(ge=3, le=8)] = Field(
        4, description="Number of past weeks that the median is taken of."
    )
    alert: AlertName = Field(description="Name of the alert that fires outside the band.")
    enabled: bool = Field(
        False,
        description="Whether Prometheus loads the alert. false: it is rendered and tested, not"
        " loaded.",
    )
    severity: Severity = Field("info", description="Label `severity` of the alert.")
    for_: Annotated[DurationText, Field(alias="for")] = Field(
        "30m",
        description="How long the value must be outside the band before the alert fires. 0s: it"
        " fires at the first evaluation.",
    )
    team: KebabName = Field(description="Team of `alerting.teams` that owns the alert.")
    dashboard: KebabName = Field(description="Key of the dashboard that notifications link to.")
    runbook: Runbook = Field(description="What the person on call needs to know and do.")


class Budget(Section):
    """Limits for alerts and dashboards, recorded as series. Nothing is stopped at a limit."""

    monthly_usd: Usd | Annotated[dict[Environment, Usd], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Limit of the cost of model calls, in USD per calendar month (UTC) and environment,"
            " all services together: one number for every environment, or environment -> number."
            " An environment that is left out has no limit: its cost is recorded and never"
            " raises an alert. Recorded as `NAMESPACE_budget_limit_usd`. null: no environment has"
            " a limit, and nothing of it is recorded."
        ),
    )
    cost: MetricName | None = Field(
        default=None,
        description=(
            "The counter that is compared with the limit. null: the metric whose `value` is"
            " `cost`; without one, no cost is recorded."
        ),
    )
    series: Annotated[int, Field(ge=100, le=1_000_000_000)] = Field(
        20_000,
        description="Number of derived series in Prometheus that is planned for, all services and"
        " environments together. Recorded as `NAMESPACE_series_limit`.",
    )

    def monthly(self, environments: list[str]) -> dict[str, float]:
        """Return environment -> USD per calendar month, of those that have a limit."""
        if self.monthly_usd is None:
            return {}
        if isinstance(self.monthly_usd, dict):
            return self.monthly_usd
        return dict.fromkeys(environments, self.monthly_usd)


Rules = dict[RecordName, RecordingRule]
Anomalies = dict[SnakeName, Anomaly]
