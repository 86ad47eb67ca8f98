"""Drills: how an alert is made to fire in a stack of its own, and how that ends."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec.schema.base import LabelValue, MetricName, Section, SnakeName, Text

# A value that is sent as a number that increases with each request.
RISING = "$rising"


class Send(Section):
    """Telemetry that a drill sends: spans of a source, records of an event or others, or a gauge.

    Exactly one of `span`, `event`, `body` and `metric` is given.
    """

    span: SnakeName | None = Field(
        None, description="Entry of `sources` whose spans are sent. null: no spans."
    )
    event: SnakeName | None = Field(
        None, description="Entry of `events` whose records are sent. null: no events."
    )
    body: Text | None = Field(
        None, description="Text of ERROR records that are no events. null: none are sent."
    )
    metric: MetricName | None = Field(
        None,
        description="Gauge of `metrics` with the source `sdk`, as a process of the service reports"
        " it. null: none is sent.",
    )
    value: float = Field(
        1, description="Value of `metric`, in its unit. 0: the gauge is sent with the value 0."
    )
    count: Annotated[int, Field(ge=1, le=100_000)] = Field(
        20, description="Number of spans or records in each request; of `metric` one point is sent."
    )
    seconds: Annotated[float, Field(ge=0)] = Field(
        0.1,
        description="Duration of each span, in seconds. 0: it ends when it starts.",
    )
    attributes: dict[str, str | int | float | bool] = Field(
        {},
        description="Attributes of the spans, the records or the point. The value `$rising` is a"
        " number that increases with each request. Default: none.",
    )


class Drill(Section):
    """How `imsobs drill` makes the condition of an alert true, and how it ends it."""

    send: list[Send] = Field(
        [],
        description=(
            "Telemetry that is sent repeatedly until the notification has arrived. Default: none."
        ),
    )
    health: dict[LabelValue, Literal["healthy", "unhealthy", "down"]] = Field(
        {},
        description="What the health routes answer meanwhile: component -> state. `service` is the"
        " service itself. Default: each is healthy.",
    )
    stop: str | None = Field(
        None, description="Component of the stack that is stopped meanwhile. null: none."
    )
    corrupt_config: Literal["prometheus", "alertmanager"] | None = Field(
        None,
        description="Component that is made to reload an invalid configuration file. null: none.",
    )
    end: list[Send] = Field(
        [],
        description="Telemetry that ends the condition. Empty: it ends when `send` stops.",
    )
    skip: Text | None = Field(None, description="Why the alert has no drill. null: it has one.")
