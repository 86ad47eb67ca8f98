"""Objectives: which share of events must be good, and the alerts on missing it."""

from typing import Annotated

from pydantic import Field

from imsobs.spec.schema.alerts import Drill, Runbook, Severity, SnakeName
from imsobs.spec.schema.base import (
    AlertName,
    DurationText,
    KebabName,
    LabelName,
    LabelValue,
    MetricName,
    Section,
    Text,
)


class BurnAlert(Section):
    """Alert on the speed at which the error budget is used up (Google SRE workbook, ch. 5).

    Fires while the budget burns ``factor`` times too fast over both windows.
    """

    name: AlertName
    factor: Annotated[float, Field(gt=0)]
    long: DurationText
    short: DurationText
    severity: Severity
    for_: Annotated[DurationText, Field(alias="for")]


class Breach(Section):
    """Alert on the objective being missed over its whole window."""

    name: AlertName
    severity: Severity
    for_: Annotated[DurationText, Field(alias="for")]


class Slo(Section):
    """A service level objective over ``window``: this share of events must be good.

    total: a counter, or a histogram for ``below``. bad: label values of bad events.
    below: seconds that a good event takes at most, a bound of the histogram's buckets.
    """

    description: Text
    objective: Annotated[float, Field(gt=0, lt=1)]
    window: DurationText = "30d"
    total: MetricName
    bad: dict[LabelName, LabelValue | list[LabelValue]] = {}
    below: float | None = None
    min_failures: Annotated[int, Field(ge=1)] = Field(
        default=5,
        description=(
            "Bad events that an alert needs in its long window, besides the share of them. With"
            " little traffic one bad event is a large share; at least 2."
        ),
    )
    team: KebabName
    dashboard: KebabName
    burn: list[BurnAlert] = Field(min_length=1)
    breach: Breach
    runbook: Runbook
    drill: Drill = Drill()


Slos = dict[SnakeName, Slo]
