"""Queries that the generator writes, so that nobody has to write them right."""

from typing import Annotated

from pydantic import Field

from imsobs.spec.schema.base import (
    DurationText,
    LabelName,
    LabelValue,
    MetricName,
    PositiveDuration,
    Section,
    Text,
)


class RatioOf(Section):
    """A share of what was counted over a window, 0 to 1.

    No value while nothing was counted; 0 when only ``part`` was not, though its series may
    never have existed.
    """

    part: MetricName = Field(description="The counter of which a part is taken.")
    where: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={}, description="Only the part with these label values. Empty: all of it."
    )
    among: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={},
        description="Part and whole only of events with these label values. Empty: all.",
    )
    of: MetricName | Annotated[list[MetricName], Field(min_length=1, max_length=2)] | None = Field(
        default=None,
        description=("The whole: a counter, or the sum of two. null: `part` without `where`."),
    )
    over: PositiveDuration = Field(default="5m", description="The window that is counted over.")


class CountedBy(Section):
    """What a counter or histogram counted, of all its labels or of some values."""

    metric: MetricName = Field(description="A counter, or a histogram (how much it observed).")
    where: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={}, description="Only what has these label values. Empty: all."
    )


class ExpectedWith(CountedBy):
    """What causes the signals that a metric counts: where it was seen, they are expected.

    One that never comes says that a library is not instrumented, or an event is not logged.
    """

    minus: CountedBy | None = Field(
        default=None,
        description=(
            "What is subtracted, because it causes no such signal: a request that a cache"
            " answered calls no model. null: nothing."
        ),
    )
    within: DurationText = Field(
        default="1h",
        description=(
            "Time in which both are looked for, at least 5m and longer than what causes it takes;"
            " 0s is refused."
        ),
    )
    hint: Text = Field(
        description="What to look at when it never came, as `imsobs status` says it."
    )
