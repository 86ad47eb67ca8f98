"""Events: log records that the service writes by contract."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec.schema.base import EventName, LabelName, LabelValue, Section, Text
from imsobs.spec.schema.prices import Usage


class EventField(Section):
    """A field of an event: its type, or the label whose values it takes.

    An integer or number that is no label measures something: it is never negative, and an
    event in which it is larger than ``max`` is invalid.
    """

    label: LabelName | None = Field(
        default=None,
        description="Label whose values the field takes. null: the field is no label.",
    )
    type: Literal["string", "integer", "number", "boolean"] | None = Field(
        default=None,
        description="Type of the field. null: string.",
    )
    values: list[LabelValue] = Field(
        default=[],
        description="Texts that a field without label may have. Default: any.",
    )
    optional: bool = Field(
        default=False,
        description="Whether an event without the field is valid. Default: it is not.",
    )
    description: Text | None = Field(
        default=None,
        description="What the field says. null: what its label says.",
    )
    max: float | None = Field(
        None,
        gt=0,
        description="Largest number that is a measurement, in the field's unit; only of an integer"
        " or number that is no label. null: by the last word of the field's name seconds"
        " 31 536 000, tokens 1e8, usd 1e6, bytes 1e15, others 1e9.",
    )


class Event(Section):
    """A log record that the service writes with ``extra={"event": NAME, ...}``."""

    description: Text = Field(description="When the service writes it.")
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        default="INFO",
        description="Level that it is logged with. Default: INFO.",
    )
    labels: list[LabelName] = Field(
        default=[],
        description=(
            "Labels that are fields of the event under their own names; each short for a field"
            " `NAME: {label: NAME}`. An entry of the same name in `fields` adds to it. Default:"
            " none."
        ),
    )
    fields: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], EventField] = Field(
        default={}, description="Fields besides `labels`: name -> what it holds. Default: none."
    )
    usage: Usage | None = Field(
        default=None,
        description=(
            "Fields that say what a call of a model used, to compute its cost. null: the event"
            " is not priced."
        ),
    )


Events = dict[EventName, Event]
