"""Alerts: condition, runbook, promtool test and fire drill."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from imsobs.spec.schema.base import (
    AlertName,
    DurationText,
    KebabName,
    LabelName,
    PlainValue,
    PositiveDuration,
    Section,
    Text,
)
from imsobs.spec.schema.drills import Drill

Severity = Literal["critical", "warning", "info", "none"]
Operator = Literal[">", ">=", "<", "<=", "==", "!="]


class Runbook(Section):
    """The page that a notification links to, in the order in which its reader needs it."""

    meaning: Text = Field(description="What the alert says about the system.")
    impact: Text = Field(description="What users notice.")
    queries: dict[Text, Text] = Field(
        {},
        description="Queries to run first: what each shows -> PromQL, or a list of `{title, expr}`."
        " Empty: refused, an alert needs one.",
    )
    causes: list[Text] = Field(min_length=1, description="Likely causes, the most likely first.")
    mitigation: list[Text] = Field(
        min_length=1, description="Steps that reduce the impact, in the order to try them."
    )


class Step(Section):
    """Values of one series in a test: before the condition is true, and while it is.

    Counters and histogram series increase by the value at each `interval` of the test; gauges
    have the value. `absent`: the series has no samples.
    """

    quiet: float | Literal["absent"] = Field(
        description="Value while the alert must not fire, in the unit of the series: exactly at"
        " the threshold. 0: a counter that does not increase, a gauge at 0."
    )
    fires: float | Literal["absent"] = Field(
        description="Value while the alert must fire, in the unit of the series: just beyond the"
        " threshold. 0: a counter that does not increase, a gauge at 0."
    )
    rises: float = Field(
        0,
        description="How much a gauge increases at each interval while the alert must fire, in the"
        " unit of the series. 0: it stays at `fires`.",
    )


class AlertTest(Section):
    """A promtool test: at the threshold the alert does not fire, just beyond it does.

    It fires after its `for`, not one interval earlier, and resolves when the values are quiet.
    """

    limit: Text | None = Field(
        None,
        description="A limit of the stack of which `threshold` is a share: the series"
        " `NAMESPACE_series_limit`, `NAMESPACE_held_traces_limit` or"
        ' `NAMESPACE_process_series_limit{job="JOB"}`. The values of `series` then count from the'
        " largest whole number that does not fire, and `value` follows. null: they count from 0.",
    )
    series: dict[Text, Step] = Field(
        {},
        description="Input series: selector -> values. The labels of the service and its"
        " environment are added where they are left out. Default: none, which only an alert that"
        " fires `always` may have.",
    )
    labels: dict[LabelName, str] = Field(
        {},
        description="Labels that the expression gives the firing alert. Left out: those that"
        " `series` select by equality, as far as the alert carries them. Those of the service and"
        " its environment, `severity`, `team` and `area` are added.",
    )
    value: float | None = Field(
        None,
        description="Value of `expr` while it fires, in the unit of the alert, as notifications"
        " show it. 0 is a value like any other. null: it follows from `limit`.",
    )
    facts: Text | None = Field(
        None,
        description="What `facts` of the alert say in the test, as its notification shows it."
        " null: nothing, because their series have no values.",
    )
    interval: PositiveDuration = Field(
        "1m", description="Time between samples, and evaluation interval of the test."
    )
    true_after: PositiveDuration | None = Field(
        None,
        description="Time from the change of the series until the condition is true. null: one"
        " `interval`.",
    )
    settles_after: PositiveDuration | None = Field(
        None,
        description="Time from the change of the series until the expression has the value"
        " `value`. null: the longest range of the expression, and one interval.",
    )
    resolves_after: PositiveDuration | None = Field(
        None,
        description="Longest time from the return to quiet values until the alert has resolved."
        " null: the longest range of the expression, and two intervals.",
    )
    warmup: PositiveDuration | None = Field(
        None,
        description="Time with quiet values before the change. null: the longest range of the"
        " expression, at least 5m.",
    )
    always: bool = Field(
        False, description="Whether the alert fires always, as a watchdog does, and never resolves."
    )

    @property
    def shown(self) -> float:
        """``value`` of a completed test; 0 where a fault of the spec leaves it unknown."""
        return self.value or 0.0


def _or_below(schema: dict[str, Any]) -> None:
    schema["required"].remove("threshold")


class Alert(Section):
    """An alert. Its key is its name. It fires when `expr op threshold` is true for `for`."""

    model_config = ConfigDict(json_schema_extra=_or_below)

    summary: Text = Field(
        description="Annotation `summary`: one line. `{{ $labels.NAME }}` and `{{ $value }}` are"
        " replaced; `{{ $who }}` by the service and its environment, `{{ $amount }}` and"
        " `{{ $threshold }}` by value and threshold, written by `unit`: 20%, 10m 0s, $100."
    )
    description: Text = Field(
        "The value is {{ $amount }}; the limit is {{ $threshold }}.",
        description="Annotation `description`: what is wrong, with numbers. Takes the fields of"
        " `summary`. Default: value and threshold.",
    )
    severity: Severity = Field(
        description="Label `severity`. critical: wakes a person; warning: needs attention in"
        " working hours; info: is shown only; none: is part of the alerting itself, as a watchdog."
    )
    team: KebabName | None = Field(
        None,
        description="Team of `alerting.teams` that owns the alert. null: that of"
        " `alerting.groups`.",
    )
    group: KebabName = Field(
        description="Subject of the alert: its rule group, and the label `area`, by which a"
        " critical alert inhibits lesser ones."
    )
    expr: Text = Field(description="PromQL of the value, without the comparison.")
    op: Operator = Field(">", description="How the value is compared with `threshold`.")
    threshold: float = Field(
        description="Limit of the value, in the `unit` of the alert. 0: with `>`, every positive"
        " value is beyond it."
    )
    below: float | None = Field(
        None,
        description="In place of `threshold`: the limit, in the `unit` of the alert, below which"
        ' values are beyond it (`op: "<"`). 0: every negative value is. null: see `threshold`.',
    )
    unit: Literal["ratio", "seconds", "usd", "per_second", "count", "times", "bool"] = Field(
        "count",
        description="Unit of the value, for texts and dashboards. Default: what the expression"
        " gives: the metric's unit, `per_second` of a rate, `ratio` of a quotient; else `count`.",
    )
    guard: Text | None = Field(
        None,
        description="PromQL comparison that must be true as well, such as enough requests to"
        " compute a ratio of. null: none.",
    )
    # ``for`` is a Python keyword. Left out is a fault of its own (alert/missing-for).
    for_: Annotated[DurationText | None, Field(alias="for")] = Field(
        None,
        description="How long the condition must be true before the alert fires. 0s: it fires at"
        " the first evaluation. null is refused: say 0s.",
    )
    keep_firing_for: DurationText | None = Field(
        None,
        description="How long the alert keeps firing after the condition became false. null or 0s:"
        " it resolves at once.",
    )
    enabled: bool = Field(
        True,
        description="Whether Prometheus loads the alert. false: it is rendered and tested, not"
        " loaded.",
    )
    facts: list[KebabName] = Field(
        [],
        description="Entries of `alerting.facts` that the description ends with, in this order."
        " Default: none.",
    )
    labels: dict[LabelName, PlainValue] = Field(
        {}, description="Labels that are added to those of the expression. Default: none."
    )
    dashboard: KebabName | None = Field(
        None,
        description="Key of the dashboard that notifications link to. null: that of"
        " `alerting.groups`.",
    )
    runbook: Runbook | None = Field(
        None,
        description="What the person on call needs to know and do. null: a skeleton is rendered,"
        " with the queries that follow from `expr`, and `imsobs validate` notes it.",
    )
    test: AlertTest | None = Field(
        None,
        description="Test of the alert at its threshold. null: it is derived, which is possible"
        " when `expr` is one series, its `rate` or `increase`, aggregated or not, without `guard`.",
    )
    drill: Drill = Field(
        Drill(),
        description="How `imsobs drill` makes the alert fire in a running stack. Default: derived"
        " for the health of a component and for counters of events.",
    )
    allow: dict[str, Text] = Field(
        {},
        description=(
            "Checks that this alert fails on purpose: id of the check -> reason. Default: none."
        ),
    )


Alerts = dict[AlertName, Alert]
