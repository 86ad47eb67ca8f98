"""Objectives: which share of events must be good, and the alerts on missing it."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from imsobs.burn_windows import DEFAULT, burn_windows
from imsobs.problems import available
from imsobs.spec.schema.alerts import Runbook, Severity
from imsobs.spec.schema.base import (
    AlertName,
    DurationText,
    KebabName,
    LabelName,
    LabelValue,
    MetricName,
    PositiveDuration,
    Section,
    ServiceName,
    SnakeName,
    Text,
)
from imsobs.spec.schema.drills import Drill


class BurnAlert(Section):
    """An alert on the burn rate of the error budget (Google SRE workbook, chapter 5)."""

    name: AlertName = Field(description="Name of the alert.")
    factor: Annotated[float, Field(gt=0)] = Field(
        description="Burn rate that must be exceeded over both windows, as times the rate that"
        " uses up the error budget in exactly the objective's `window`."
    )
    long: PositiveDuration = Field(description="Long window of the burn rate.")
    short: PositiveDuration = Field(
        description="Short window of the burn rate, shorter than `long`; the alert resolves when"
        " it recovers."
    )
    severity: Severity = Field(description="Label `severity` of the alert.")
    for_: Annotated[DurationText, Field(alias="for")] = Field(
        description="How long both burn rates must be exceeded before the alert fires. 0s: it fires"
        " at the first evaluation."
    )


def _unnamed(given: Any) -> Any:
    """Refuse a name: those of the catalogue are replaced by its alerts before this (expand)."""
    if isinstance(given, str):
        raise ValueError(f"no such burn windows; {available(given, burn_windows())}")
    return given


Burn = Annotated[
    list[BurnAlert],
    Field(min_length=1),
    BeforeValidator(
        _unnamed,
        json_schema_input_type=list[BurnAlert] | Literal[tuple(burn_windows())],
    ),
]


class Breach(Section):
    """An alert on missing the objective over its whole window."""

    name: AlertName = Field("", description="Name of the alert. Default: `SLO<Name>Breach`.")
    severity: Severity = Field(
        "critical", description="Label `severity` of the alert. Default: that of the objective."
    )
    for_: Annotated[DurationText, Field(alias="for")] = Field(
        "5m",
        description="How long the objective must be missed before the alert fires. 0s: it fires at"
        " the first evaluation.",
    )


class Slo(Section):
    """A service level objective: over `window`, the share `objective` of events is good.

    Exactly one of `bad` and `below` says which events are good.
    """

    description: Text = Field(description="What is promised, as one sentence for the reference.")
    objective: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="Share of good events, above 0 and below 1; 0.999 is 99.9 %."
    )
    window: PositiveDuration = Field(
        "30d", description="Window of the objective; at most `retention.metrics`."
    )
    service: ServiceName | None = Field(
        None,
        description="The service that it is promised for. null: every service that reports"
        " `total`, each by itself.",
    )
    total: MetricName = Field(
        description="Counter of all events; with `below`, the histogram of their durations."
    )
    bad: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        {}, description="Label values of bad events. Empty: `below` says which are bad."
    )
    below: float | None = Field(
        None,
        description="Longest duration of a good event, in seconds: one of the histogram's bucket"
        " bounds. 0 is no bound and is refused. null: `bad` says which events are bad.",
    )
    min_failures: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        5,
        description=(
            "Number of bad events that an alert needs in its long window, besides their share;"
            " at least 2. With little traffic one bad event is a large share."
        ),
    )
    told_by: list[AlertName] = Field(
        [],
        description="Alerts that fire sooner on the same failures. A burn alert does not fire while"
        " one of them fires for the same service and environment, nor until its `short` window has"
        " passed since. Default: none.",
    )
    team: KebabName = Field(description="Team of `alerting.teams` that owns the alerts.")
    dashboard: KebabName = Field(description="Key of the dashboard that notifications link to.")
    severity: Severity = Field(
        "critical",
        description="Severity of the alerts on the burn rate and on missing the objective; of the"
        " slowest burn-rate alert one less.",
    )
    burn: Burn = Field(
        [],
        description="Alerts on the burn rate: a name of the catalogue of windows, or each alert."
        f" Default: `{DEFAULT}`, the windows of the SRE workbook for 30 days, whose alerts are"
        " `SLO<Name>BurnFast`, `...Medium` and `...Slow`.",
    )
    breach: Breach = Field(Breach(), description="Alert on missing the objective.")
    runbook: Runbook = Field(description="Runbook of all alerts of the objective.")
    drill: Drill = Field(Drill(), description="How `imsobs drill` makes the alerts fire.")


Slos = dict[SnakeName, Slo]
