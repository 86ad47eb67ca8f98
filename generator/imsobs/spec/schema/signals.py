"""What telemetry comes in: labels, span sources, log records and events."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.dialects import SERVICE_TIER, USAGE
from imsobs.spec.schema.base import (
    EventName,
    LabelName,
    LabelValue,
    Section,
    Text,
)
from imsobs.spec.schema.prices import Usage

# Attributes of one's own: name, or the beginning of names and .*, -> type of the values.
AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_./-]*(\.\*)?$")]
AttributeType = Literal[
    "string", "int", "double", "bool", "string[]", "int[]", "double[]", "bool[]"
]
Attributes = dict[AttributeName, AttributeType]


class Label(Section):
    """A label: a closed set of values, so that series can be counted before they exist.

    attributes: span attributes it is read from, the first that is there and has one of the
    values wins (an event field of the label's own name needs none). paths: the values are URL
    templates; see the key. intrinsic: read from the first word of the span's name, or the
    record's severity number, when no attribute is there. word, case: how the text is brought
    into shape before it is compared. values: allowed values, or
    value -> spellings that mean it. patterns: value -> regular expression (RE2), first match
    wins; the value ``*`` keeps the text itself, then ``limit`` bounds how many may be seen.
    values_of: same set as another label. missing/overflow: what absent and unlisted values
    become.
    """

    description: Text = Field(description="What the label says.")
    attributes: list[str] = Field(
        default=[],
        description=(
            "Span attributes that it is read from; the first that is there and has one of the"
            " values wins. Default: none."
        ),
    )
    resource_attributes: list[str] = Field(
        default=[],
        description=(
            "Resource attributes that it is read from where `attributes` give nothing. Default:"
            " none."
        ),
    )
    paths: list[str] = Field(
        default=[],
        description=(
            "Span attributes with the path that was asked for (url.path), first present one wins. "
            "The label's values are then URL templates ({name} and <name> stand for one segment, "
            "{name:path} for the rest), which are tried on the path where `attributes` give no "
            "template at all, or only the place where an application is mounted. "
            "Empty: a template is taken from `attributes` alone."
        ),
    )
    intrinsic: Literal["span.name", "log.severity_number"] | None = Field(
        default=None,
        description=(
            "What it is read from where no attribute is there: the first word of the span's name,"
            " or the record's severity number. null: nothing."
        ),
    )
    word: Literal["first"] | None = Field(
        default=None,
        description=(
            "`first`: of a text such as `select jobs.db` only the word that it begins with "
            "(letters and underscores). null: the whole text."
        ),
    )
    case: Literal["upper", "lower"] | None = Field(
        default=None,
        description="The text is put into this case before it is compared. null: as it is.",
    )
    values: list[LabelValue] | dict[LabelValue, list[LabelValue]] | None = Field(
        default=None,
        description=(
            "Allowed values, or value -> texts that mean it. null: another key gives the values."
        ),
    )
    patterns: dict[LabelValue, Text] | None = Field(
        default=None,
        description=(
            "Value -> regular expression (RE2) of the texts that mean it, the first match wins."
            " The value `*` keeps the text itself; `limit` then bounds how many there may be."
            " null: none."
        ),
    )
    values_of: LabelName | None = Field(
        default=None,
        description="Name of the label whose values this one has. null: it has its own.",
    )
    values_of_labels: bool = Field(
        default=False,
        description="Whether the values are the names of all labels. Default: no.",
    )
    values_of_events: bool = Field(
        default=False,
        description="Whether the values are the names of all events. Default: no.",
    )
    values_of_measures: bool = Field(
        False,
        description="Whether the values are what is measured of spans: the attributes that numbers"
        " are read from, and duration. Default: no.",
    )
    values_of_sources: bool = Field(
        default=False,
        description="Whether the values are the names of all sources of spans. Default: no.",
    )
    limit: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description=(
            "How many values of the pattern `*` the budget of series plans for. null: 1; of a"
            " label with a closed set of values, the number of those."
        ),
    )
    apart: list[LabelValue] = Field(
        default=[],
        description=(
            "Values that are not what metrics with this label are about, such as health routes"
            " among the routes of users' requests; `*` at the end stands for any rest. Panels and"
            " objectives leave them out unless they select or keep the label; a written query that"
            " mixes them with other values is a fault. Default: the routes that the probe asks,"
            " which need not be listed."
        ),
    )
    missing: LabelValue = Field(
        default="unknown",
        description="Value of what has no text to read. Default: `unknown`.",
    )
    overflow: LabelValue = Field(
        default="other",
        description=(
            "Value of a text that is none of the allowed ones; it is counted as an overflow."
            " Default: `other`."
        ),
    )


# What every dialect is translated to; reasoning is part of the output, and priced with it.
_GENAI_USAGE = {kind: [key] for kind, key in USAGE.items() if kind != "reasoning"}
# Classes of exceptions, and texts of a span's status, that say that whoever asked went away.
# asyncio, concurrent.futures, trio and anyio raise the first three, a generator that is closed
# the next, Starlette and uvicorn the rest; the text is genai-openai's for a stream that nobody
# read to its end.
CANCELLED = (
    r"(?:^|[._])(?:CancelledError|Cancelled|CANCELLED)(?:$|: )",
    r"(?:^|[._])GeneratorExit(?:$|: )",
    r"(?:^|[._])(?:ClientDisconnect(?:ed)?|WebSocketDisconnect|ConnectionClosedOK)(?:$|: )",
    r"^abandoned stream$",
)
Cancelled = Annotated[
    list[Text],
    Field(
        description=(
            "Regular expressions (RE2) of exception classes, and of texts of a span's status, that "
            "mean that whoever asked went away. What ends so is no error: its outcome is "
            "`cancelled`. Default: what asyncio, concurrent.futures, trio, anyio, Starlette, "
            "uvicorn, websockets and the GenAI instrumentation say."
        ),
    ),
]


class SpanSource(Section):
    """Spans that metrics are derived from.

    kind: span kind; scopes: instrumentation scopes (``*`` matches the rest), empty is any;
    where: OTTL condition on the span; or, of calls of models, dialects alone; labels: labels
    set on its spans; outcome: also set the label ``outcome`` (success, error or cancelled);
    usage: where the usage is reported, to compute the cost from it.
    """

    description: Text = Field(description="Which spans these are.")
    kind: Literal["server", "client", "internal", "producer", "consumer"] | None = Field(
        default=None,
        description="Kind of the spans. null: of any kind.",
    )
    scopes: list[str] = Field(
        default=[],
        description=(
            "Instrumentation scopes; `*` at the end of a name stands for any rest. Default: any"
            " scope."
        ),
    )
    where: Text | None = Field(
        default=None,
        description="OTTL condition on the span. null: none.",
    )
    dialects: list[str] = Field(
        default=[],
        description=(
            "The dialects of calls of models that are accepted, best first: the program knows "
            "their scopes, kinds and names, and gives every call those of the GenAI conventions of "
            "OpenTelemetry. A call that several report is counted once, as the first of them "
            "reports it. Empty: `kind`, `scopes` and `where` say which spans these are."
        ),
    )
    set: dict[str, str | int | None] = Field(
        default={},
        description=(
            "Attributes that its spans have for the derivation whatever they came with; null takes "
            "one away. Default: none."
        ),
    )
    labels: list[LabelName] = Field(
        default=[],
        description=(
            "Labels set on its spans. Default: those that metrics of its spans have or select by,"
            " as far as `labels` says where a span has them."
        ),
    )
    outcome: bool = Field(
        default=False,
        description=(
            "Whether its spans get the label `outcome` too: success, error or cancelled."
            " Default: true when a metric of its spans has it or selects by it."
        ),
    )
    status: list[str] = Field(
        default=[],
        description=(
            "Attributes with the HTTP status code, first present one wins. A span that failed "
            "although a good code had left (status ERROR, an exception event or error.type, and a "
            "code below 400 or none) counts as 500. Empty: the code is taken as it came."
        ),
    )
    cancelled: Cancelled = list(CANCELLED)
    cancelled_where: Text | None = Field(
        default=None,
        description=(
            "OTTL condition on the span that says the same, where no class of exception does. "
            "null: none."
        ),
    )
    prefer: list[str] = Field(
        default=[],
        description=(
            "Instrumentation scopes, best first (`*` matches the rest): where several report the "
            "same thing, the span of the best is counted and the others' are not. The same thing "
            "is what has the same parent span in the same export, or is the parent. Empty: every "
            "span counts."
        ),
    )
    same: list[str] = Field(
        default=[],
        description=(
            "With `prefer`: attributes in which spans that report the same thing agree, too. "
            "Default: none."
        ),
    )
    usage: Usage | None = Field(
        default=None,
        description=(
            "Where its spans carry what was used, to compute the cost from. With `dialects`, which "
            "say that themselves, only what is to be read otherwise, such as `reported_cost`. "
            "null: what the dialects say, else the spans are not priced."
        ),
    )

    def priced(self) -> Usage | None:
        """Return where the usage is: as the spec says, else as every dialect is translated."""
        if not self.dialects:
            return self.usage
        own = {} if self.usage is None else self.usage.model_dump(exclude_unset=True)
        return Usage.model_validate({**_GENAI_USAGE, "tier": [SERVICE_TIER], **own})


class LogSource(Section):
    """Log records that a metric counts although they are no events of the contract."""

    description: Text = Field(description="Which records these are.")
    where: Text = Field(description="OTTL condition on the record.")
    cancelled: Cancelled = list(CANCELLED)


Labels = dict[LabelName, Label]
Sources = dict[EventName, SpanSource]
Records = dict[EventName, LogSource]
