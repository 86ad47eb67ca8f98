"""Rules: recorded series, alerts, objectives, bands of what is normal, and the budget."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec.schema.base import (
    AlertName,
    DurationText,
    Environment,
    HttpUrl,
    KebabName,
    LabelName,
    LabelValue,
    PlainValue,
    Ratio,
    Section,
    Text,
)
from imsobs.spec.schema.queries import RatioOf

Severity = Literal["critical", "warning", "info", "none"]
Operator = Literal[">", ">=", "<", "<=", "==", "!="]
Interval = Literal["fast", "slow"]
Usd = Annotated[float, Field(gt=0)]
SnakeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
RecordName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_]*$")]


class Team(Section):
    """A team that owns alerts."""

    description: Text
    escalation: Text


class AlertGroup(Section):
    """What the alerts of one group share, unless an alert says otherwise."""

    team: KebabName | None = Field(
        None, description="Team of `teams` that owns the alerts of the group."
    )
    dashboard: KebabName | None = Field(
        None, description="Dashboard that notifications of the group's alerts link to."
    )


class Alerting(Section):
    """What all rules share.

    runbooks, dashboards: base of the links in notifications. fast: how often other
    rules are evaluated. teams: who is told; escalation: whom to call when that does not help.
    """

    runbooks: HttpUrl
    dashboards: HttpUrl
    fast: DurationText = "30s"
    slow: DurationText = Field(
        default="2m",
        description=(
            "How often rules over days are evaluated; at most 4m, because Prometheus finds a"
            " recorded value for 5 minutes."
        ),
    )
    teams: dict[KebabName, Team]
    groups: dict[KebabName, AlertGroup] = Field(
        {}, description="Defaults of alerts by their `group`; an alert's own keys win."
    )


class RecordingRule(Section):
    """A recorded series ``level:metric:operations``: level is the label it is kept by.

    Either ``expr`` or ``ratio`` says what is recorded.
    """

    description: Text
    expr: Text | None = Field(default=None, description="PromQL of what is recorded.")
    ratio: RatioOf | None = Field(
        default=None, description="A share of what was counted, 0 to 1: no value while idle."
    )
    by: list[LabelName] = Field(
        default=[], description="Labels that ``ratio`` keeps apart, besides whose it is."
    )
    group: KebabName = "service"
    interval: Interval = "fast"
    allow: dict[str, Text] = Field(
        default={}, description="Check id -> reason, for a check that this rule fails on purpose."
    )


class RunbookQuery(Section):
    """A query that a person runs first; it is checked like any other."""

    title: Text
    expr: Text


class Runbook(Section):
    """What a woken person needs, in the order in which it is needed."""

    meaning: Text
    impact: Text
    queries: list[RunbookQuery] = []
    causes: list[Text] = Field(min_length=1)
    mitigation: list[Text] = Field(min_length=1)


class Step(Section):
    """A series of a test: what it does while all is well, and while the alert should fire.

    Counters and histogram series rise by this much per interval, gauges stand at it;
    ``absent`` means that there is no sample. rises: how much a gauge rises per interval
    while the alert should fire.
    """

    quiet: float | Literal["absent"]
    fires: float | Literal["absent"]
    rises: float = 0


class AlertTest(Section):
    """The boundary, proven by promtool: quiet values must not fire, the others must.

    series: selector -> values; labels: the alert's own labels; value: its value once the
    window is full, as notifications show it. true_after: from the change of the series to
    the condition being true, one interval by default. settles_after: from the change until
    the value is ``value``, the longest window by default. resolves_after: longest time from
    the return to quiet values until it has resolved, by default the longest window and two
    intervals. always: it fires whatever happens.
    """

    series: dict[Text, Step] = {}
    labels: dict[LabelName, str] = {}
    value: float
    interval: DurationText = "1m"
    true_after: DurationText | None = None
    settles_after: DurationText | None = None
    resolves_after: DurationText | None = None
    warmup: DurationText | None = None
    always: bool = False


class Send(Section):
    """Telemetry for the drill: ``count`` spans of a source, or records of an event, or others.

    body: text of records that are no events.
    """

    span: SnakeName | None = None
    event: SnakeName | None = None
    body: Text | None = Field(
        default=None,
        description="Text of ERROR records that are no events. Default: spans or events are sent.",
    )
    count: Annotated[int, Field(ge=1, le=100_000)] = 20
    seconds: Annotated[float, Field(ge=0)] = 0.1
    attributes: dict[str, str | int | float | bool] = {}


class Drill(Section):
    """How `imsobs drill` makes the condition true, and how it ends it.

    send: telemetry, repeated until the notification came. health: what the health routes
    answer for these components. stop: component of the stack that is stopped meanwhile.
    corrupt_config: component that is made to reload a broken configuration.
    end: telemetry that ends it, where the silence of ``send`` does not. skip: why there is
    no drill. The attribute value ``$rising`` is a number that grows from send to send.
    """

    send: list[Send] = []
    health: dict[LabelValue, Literal["healthy", "unhealthy", "down"]] = {}
    stop: str | None = None
    corrupt_config: Literal["prometheus", "alertmanager"] | None = None
    end: list[Send] = []
    skip: Text | None = None


class Alert(Section):
    """One alert; its key is its name. It fires when ``expr op threshold`` holds for ``for``.

    guard: a comparison that must hold as well (enough traffic to judge). unit: of the
    value, for dashboards. group: what it is about; the label ``area`` of its notifications.
    labels: added to those of the expression. enabled: false renders
    and tests it without loading it.
    """

    summary: Text
    description: Text
    severity: Severity
    team: KebabName | None = None
    group: KebabName
    expr: Text
    op: Operator = ">"
    threshold: float
    unit: Literal["ratio", "seconds", "usd", "per_second", "count", "bool"] = "count"
    guard: Text | None = None
    # ``for`` is a Python keyword. Left out is a fault of its own (alert/missing-for).
    for_: Annotated[DurationText | None, Field(alias="for")] = None
    keep_firing_for: DurationText | None = None
    enabled: bool = True
    labels: dict[LabelName, PlainValue] = {}
    dashboard: KebabName | None = None
    runbook: Runbook | None = None
    test: AlertTest | None = None
    drill: Drill = Drill()
    allow: dict[str, Text] = {}


class Anomaly(Section):
    """A band of what is normal at this hour of the week: median and deviation of past weeks.

    of: a recorded rule. deviations: half width of the band in standard deviations; floor:
    its least half width as a share of the median. weeks: how many are looked at.
    """

    description: Text
    of: RecordName
    deviations: Annotated[float, Field(gt=0)] = 3
    floor: Ratio = 0.2
    weeks: Annotated[int, Field(ge=3, le=8)] = 4
    alert: AlertName
    enabled: bool = False
    severity: Severity = "info"
    for_: Annotated[DurationText, Field(alias="for")] = "30m"
    team: KebabName
    dashboard: KebabName
    runbook: Runbook


class Budget(Section):
    """Limits that ims_budget_limit_usd and ims_series_limit carry."""

    monthly_usd: Usd | Annotated[dict[Environment, Usd], Field(min_length=1)] = Field(
        description=(
            "USD that the model calls of all services of an environment may cost per calendar"
            " month in UTC: environment -> limit, or one number for each environment. An"
            " environment left out has no limit; its spending is recorded and never told."
        )
    )
    series: Annotated[int, Field(ge=100)] = Field(
        description="Derived series in Prometheus that are planned for, all environments together."
    )

    def monthly(self, environments: list[str]) -> dict[str, float]:
        """Return environment -> USD per calendar month, of those that have a limit."""
        if isinstance(self.monthly_usd, dict):
            return self.monthly_usd
        return dict.fromkeys(environments, self.monthly_usd)


Rules = dict[RecordName, RecordingRule]
Alerts = dict[AlertName, Alert]
Anomalies = dict[SnakeName, Anomaly]
