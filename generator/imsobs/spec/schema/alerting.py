"""What alerts share: the teams that own them, links of notifications, intervals of evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec.schema.base import (
    DurationText,
    HttpUrl,
    KebabName,
    LabelName,
    PositiveDuration,
    Section,
    Text,
)


class Team(Section):
    """A team that owns alerts."""

    description: Text = Field(description="What the team is responsible for.")
    escalation: Text = Field(
        description="Whom to contact when a runbook does not solve the problem; in runbooks."
    )


class AlertGroup(Section):
    """Defaults of the alerts of one group. An alert's own keys take precedence."""

    team: KebabName | None = Field(
        None,
        description="Team of `alerting.teams` that owns the alerts of the group. null: each alert"
        " of the group names its own.",
    )
    dashboard: KebabName | None = Field(
        None,
        description="Key of the dashboard that notifications of the group link to. null: each"
        " alert of the group names its own.",
    )


class Fact(Section):
    """A sentence that descriptions of alerts end with: values of a recorded series.

    The series is asked with the alert's own labels when the alert is sent. Example: `By version:
    1.0.0 0%, 2.0.0 30%.` Without a value there is no sentence.
    """

    title: Text = Field(description="What the values are; the sentence begins with it.")
    series: Text = Field(description="Recorded series of `rules`.")
    label: LabelName = Field(
        description="Label of the series by which its values are listed, in alphabetic order."
    )
    unit: Literal["ratio", "seconds", "usd", "per_second", "count"] = Field(
        description="Unit of the values, as of an alert: 20%, 10m 0s, $100."
    )
    least: Annotated[float, Field(ge=0)] | None = Field(
        None,
        description="Values that are not above it are left out; in the unit of the query's values."
        " 0: what is 0 or negative is left out. null: every value is listed.",
    )


class Alerting(Section):
    """Settings that all rules and alerts share."""

    runbooks: HttpUrl | None = Field(
        None,
        description="Base URL of the rendered runbooks, without a final slash. The annotation"
        " `runbook_url` is this URL and the runbook's file name. null: it is the file of the"
        " project, and notifications link to nothing.",
    )
    dashboards: HttpUrl | None = Field(
        None,
        description="Base URL of Grafana, without a final slash. The annotation `dashboard_url` is"
        " this URL and the path of the alert's dashboard. null: that of `stack.grafana`; without"
        " one, it is the file of the project.",
    )
    fast: DurationText = Field(
        "30s",
        description="Evaluation interval of alerts, and of rules whose `interval` is `fast`. Must"
        " divide 5m, because objectives add up counts of 5 minutes; 0s is refused.",
    )
    slow: PositiveDuration = Field(
        "2m",
        description="Evaluation interval of rules whose `interval` is `slow`, and of the long"
        " windows of objectives. At most 4m, because Prometheus finds a recorded sample for 5"
        " minutes.",
    )
    measured: Text | None = Field(
        None,
        description="File in which `imsobs drill --real-time` keeps its measurements, relative to"
        " the file that names it. Runbooks show what is in it. null: they show none.",
    )
    teams: dict[KebabName, Team] = Field(
        {},
        description="Teams by name. The name is the label `team` of alerts, by which `routing`"
        " chooses a receiver. A single team owns every alert that names none. Default: one team"
        " with the name of `service.namespace`.",
    )
    facts: dict[KebabName, Fact] = Field(
        {}, description="Sentences by name, for `facts` of alerts. Default: none."
    )
    groups: dict[KebabName, AlertGroup] = Field(
        {}, description="Defaults of alerts, by the alert's `group`. Default: none."
    )
