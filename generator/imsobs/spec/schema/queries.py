"""Queries that the generator writes, so that nobody has to write them right."""

from typing import Annotated

from pydantic import Field

from imsobs.spec.schema.base import DurationText, LabelName, LabelValue, MetricName, Section


class RatioOf(Section):
    """A share of what was counted over a window, 0 to 1.

    No value while nothing was counted; 0 when only ``part`` was not, though its series may
    never have existed.
    """

    part: MetricName = Field(description="The counter of which a part is taken.")
    where: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={}, description="Only the part with these label values; empty takes all of it."
    )
    among: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={},
        description="Part and whole only of events with these label values; empty takes all.",
    )
    of: MetricName | Annotated[list[MetricName], Field(min_length=1, max_length=2)] | None = Field(
        default=None,
        description=(
            "The whole: a counter, or the sum of two. Left out: ``part`` without ``where``."
        ),
    )
    over: DurationText = Field(default="5m", description="The window that is counted over.")
