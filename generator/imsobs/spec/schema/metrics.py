"""The metric catalogue: every name that a rule, an alert or a panel may use."""

from typing import Annotated, Any, Literal

from pydantic import Field

from imsobs.spec.schema.base import (
    EventName,
    LabelName,
    LabelValue,
    MetricName,
    Section,
    ServiceName,
    Text,
)
from imsobs.spec.schema.queries import ExpectedWith, RatioOf

MetricType = Literal["counter", "gauge", "histogram"]
Fold = Literal["sum", "max", "min", "last"]


class AttributeValue(Section):
    """A number read from a span attribute, first present one wins."""

    attributes: list[str] = Field(
        min_length=1, description="Span attributes; the first that is there is read."
    )
    max: float | None = Field(
        None,
        gt=0,
        description="Largest number that is a measurement, in the metric's unit. A larger one,"
        " like a negative or infinite one, is not used and counted as an invalid value."
        " null: by the last word of the metric's name seconds 31 536 000, tokens 1e8, usd 1e6,"
        " bytes 1e15, others 1e9.",
    )


def _source(what: str) -> Any:
    """Return the field of one of the sources, of which a metric gives exactly one."""
    return Field(default=None, description=f"{what} null: the source is another.")


class Metric(Section):
    """One metric; its key in the spec is, letter for letter, its name in Prometheus.

    Exactly one source is given:
      span   name or names of entries of ``sources``
      event  name or names of ``events``
      log    name of an entry of ``records``, or ``all`` for every log record
      pipeline  what the pipeline itself does to signals on their way
      sdk    name of the metric that the OpenTelemetry SDK emits, which is renamed
      probe  what the Collector's HTTP check of the health routes gives
      rule   PromQL of a recording rule
      ratio  a share of what was counted, which becomes a recording rule
      stack  the component of the stack that exposes it under this very name
    value: what is summed or observed: ``count`` (1 each), ``duration`` (of a span, s),
    ``cost`` (USD), ``cost_drift`` (percent), an event's field, or a span attribute.
    when: only signals whose labels have one of these values. buckets: name of a bucket
    list. exemplars: a duration histogram of the kept traces alone, which points at them.
    allow: check id -> reason, for a rule that this metric breaks on purpose.
    """

    type: MetricType = Field(
        default="gauge",
        description=(
            "Default: `counter` when the name ends in `_total`, `histogram` when `buckets` are"
            " given, else `gauge`."
        ),
    )
    description: Text = Field(
        description="What is counted or measured, as the reference and the panels say it."
    )
    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,40}$")] = Field(
        default="other",
        description="Heading of the reference under which it stands. Default: `other`.",
    )
    unit: str | None = Field(
        default=None,
        description=(
            "Unit of the values (UCUM, as OpenTelemetry writes them, or `ratio`, `percent`)."
            " null: what the name ends in."
        ),
    )
    span: EventName | Annotated[list[EventName], Field(min_length=1)] | None = _source(
        "Source: an entry of `sources`, or several."
    )
    event: EventName | Annotated[list[EventName], Field(min_length=1)] | None = _source(
        "Source: an entry of `events`, or several."
    )
    log: EventName | None = _source("Source: an entry of `records`, or `all` for every log record.")
    pipeline: (
        Literal[
            "label_overflow",
            "redacted",
            "invalid_event",
            "invalid_value",
            "process_alive",
            "received_spans",
        ]
        | None
    ) = _source("Source: what the pipeline itself does to signals on their way.")
    sdk: str | None = _source("Source: the metric of this name that the OpenTelemetry SDK sends.")
    probe: Literal["status", "duration"] | None = _source(
        "Source: whether the Collector's probe finds the service healthy, or how long"
        " the answer took."
    )
    rule: Text | None = _source("Source: PromQL of a recording rule.")
    ratio: RatioOf | None = _source(
        "Source: a share of what was counted, 0 to 1, for each of `labels`, service and"
        " environment. It has no value while nothing is counted."
    )
    stack: str | None = _source(
        "Source: the component of the stack that exposes a series of this name."
    )
    value: str | AttributeValue = Field(
        default="count",
        description=(
            "What is summed or observed. Default of a gauge or histogram: of spans, `duration`"
            " when the name ends in `_duration_seconds`; of an event, the longest numeric field"
            " that the name ends with. Else `count`."
        ),
    )
    when: dict[LabelName, LabelValue | list[LabelValue]] = Field(
        default={},
        description="Only signals whose labels have these values. Default: all.",
    )
    labels: list[LabelName] | dict[LabelName, str] = Field(
        default=[],
        description=(
            "Labels of the series; of a metric from `sdk`, label -> attribute. Default: none"
            " besides service and environment."
        ),
    )
    buckets: str | None = Field(
        default=None,
        description="Name of a list of `buckets`; a histogram needs it. null: no histogram.",
    )
    fold: Fold | None = Field(
        None,
        description="How the values of a service's processes become one; a gauge from `event`,"
        " `span` or `sdk` needs it. `sum`: each process has its own part (agents running in it,"
        " its memory). `max` or `min`: all report the same thing, and the largest or smallest"
        " counts (the depth of a shared queue). `last`: the value that any of them reported last."
        " Processes that ended do not count. null: the metric is none of these gauges.",
    )
    exemplars: bool = Field(
        default=False,
        description=(
            "Whether it is a histogram of the kept traces alone, each bucket pointing at one of"
            " them. Default: no."
        ),
    )
    interval: Literal["fast", "slow"] = Field(
        default="fast",
        description=(
            "How often a rule of it is evaluated: `alerting.fast` or `alerting.slow`. Default:"
            " fast."
        ),
    )
    services: list[ServiceName] = Field(
        default=[],
        description=(
            "Services that it is expected from, of `services`; `imsobs live-check` misses it from"
            " no other. Default: of a pack's metric, those that use the pack; else all."
        ),
    )
    expected_with: ExpectedWith | None = Field(
        default=None,
        description=(
            "What causes the signals of this metric's source. Where it was seen and they never"
            " were, `imsobs status` says so, and so does an alert on the metrics"
            " `NAMESPACE_expected_causes` and `NAMESPACE_expected_seen`. Of a metric from `span`,"
            " `event`, `log` or `sdk`. null: nothing is expected."
        ),
    )
    allow: dict[str, Text] = Field(
        default={},
        description=(
            "Check id -> reason, for a rule that this metric breaks on purpose. Default: none."
        ),
    )


Metrics = dict[MetricName, Metric]
Buckets = dict[
    Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")],
    Annotated[list[float], Field(min_length=1, max_length=40)],
]
