"""What happens to signals on their way to storage: redaction, sampling, queues."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.redaction.defaults import default
from imsobs.spec.schema.base import DurationText, PositiveDuration, Ratio, Section, Text, seconds


class Redaction(Section):
    """What never reaches storage.

    keys: names whose values are masked, as attribute keys and as ``key: value`` or
    ``key=value`` inside texts. values: name -> RE2 pattern of texts that are masked
    wherever they stand. drop: attribute key patterns removed altogether (prompts and
    completions). statements: span attributes with database statements, whose literals
    become ``?``. keep: attribute key patterns that are never touched.
    """

    keys: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]] = Field(
        default_factory=lambda: default("keys"),
        min_length=1,
        description=(
            "Names whose values are masked: attribute keys, and `key: value` or `key=value` inside"
            " texts. Default: names of secrets and of what identifies a person"
            " (docs/reference/redaction.md)."
        ),
    )
    values: dict[str, Text] = Field(
        default_factory=lambda: default("values"),
        description=(
            "Name -> regular expression (RE2) of texts that are masked wherever they stand."
            " Known secrets are masked besides. Default: tokens of HTTP headers, keys of vendors,"
            " addresses and numbers of persons (docs/reference/redaction.md)."
        ),
    )
    drop: list[Text] = Field(
        default_factory=lambda: default("drop"),
        description=(
            "Regular expressions of attribute keys that are removed altogether, such as prompts."
            " Those of the dialects are removed besides. Default: prompts, completions, and the"
            " arguments of tools and statements."
        ),
    )
    statements: list[Text] = Field(
        default=["db.query.text", "db.statement"],
        description=(
            "Span attributes with database statements, whose literals become `?`. Default:"
            " db.query.text and db.statement."
        ),
    )
    keep: list[Text] = Field(
        default_factory=lambda: default("keep"),
        description=(
            "Regular expressions of attribute keys whose values are never touched. Default: numbers"
            " of tokens."
        ),
    )


class Sampling(Section):
    """Which traces are kept, decided in the Collector after the metrics are derived.

    A trace is kept from the moment that a span of it has an error or is slow, or that it has
    many spans, or at once when it is of the share; until then it is held.
    """

    rate: Ratio = Field(
        0.1,
        description="Share of ordinary traces that is kept, 0 to 1. 0: none of them is."
        " TRACE_SAMPLING_RATE overrides it.",
    )
    slow: DurationText = Field(
        "5s",
        description="Traces that take at least this long are all kept. 0s: every trace is; then"
        " `rate` is 1.",
    )
    large: int = Field(
        1000,
        ge=2,
        le=2**31 - 1,
        description="Number of spans from which a trace is kept, whatever it is: an endless loop is"
        " seen, and does not fill the memory of the Collector.",
    )
    longest_request: PositiveDuration = Field(
        "10m",
        description="The longest that a request may take for its trace to be kept whole when it"
        " fails: how long a trace is held whose request has not ended. Of a request that fails"
        " later the spans from then on are kept. Memory grows with it (`imsobs estimate`).",
    )
    decision_wait: DurationText = Field(
        "10s",
        description="How long a trace is held after the span of its request has arrived, for spans"
        " that arrive later. 0s: it is decided on at once.",
    )
    ends_with: Literal["request", "trace"] = Field(
        "request",
        description="What ends a trace. request: the first span of a request (kind SERVER or"
        " CONSUMER), whoever called. trace: that without a parent, for services that call one"
        " another and all report here; a request whose caller reports elsewhere is then held for"
        " longest_request.",
    )
    max_traces: Annotated[int, Field(ge=100, le=1_000_000_000)] | None = Field(
        None,
        description="Largest number of traces that are held; beyond it the oldest is dropped"
        " undecided and the alert TraceMemoryFull fires. null: as many traces of six spans as"
        " fit into half of collector.memory_limit_mib.",
    )
    sdk_sampler: Annotated[str, Field(pattern=r"^[a-z_]+$")] = Field(
        default="always_on",
        description=(
            "Sampler of the SDK (OTEL_TRACES_SAMPLER). Metrics are derived from spans, so any but"
            " `always_on`, the default, loses counts."
        ),
    )


class Sdk(Section):
    """How the service's own part of OpenTelemetry, the SDK, is configured."""

    exporter: Literal["fast", "standard"] = Field(
        "fast",
        description="What encodes spans and log records. fast: imsobs-exporter, a package that is"
        " installed beside the instrumentation (guide/integration.md of imsobs) and takes about a"
        " quarter of the time; it sends by the official exporter. standard: the official exporter"
        " alone.",
    )


class Collector(Section):
    """Limits of the Collector.

    memory_limit_mib: memory_limiter's hard limit; max_series: the most series
    that the labels may allow, all services and environments together; at run time new ones
    beyond are refused and counted; keep_idle: how long a
    series that no longer changes stays visible; keep_gone: how long what a process or a probe
    reported stays when it reports no more; queue_mib: most that waits on disk for each
    backend while it is away, beyond which telemetry is refused and counted.
    """

    memory_limit_mib: Annotated[int, Field(ge=128, le=1_048_576)] = Field(
        default=512,
        description=(
            "Hard limit of the memory_limiter, in MiB; beyond it telemetry is refused, and the SDK"
            " sends it again."
        ),
    )
    max_series: Annotated[int, Field(ge=100, le=1_000_000_000)] = Field(
        default=200_000,
        description=(
            "Largest number of derived series that labels may allow, all services and environments"
            " together; at run time new ones beyond it are refused and counted."
        ),
    )
    keep_idle: DurationText = Field(
        default="24h",
        description=(
            "How long a derived series that no longer changes stays visible; 0s is refused."
            " Default: 24 hours."
        ),
    )
    # With one scrape and one evaluation, gone within five minutes.
    keep_gone: DurationText = Field(
        default="4m",
        description=(
            "How long a series stays visible after the process or the probe that reported it no"
            " longer does; 0s is refused. Default: 4 minutes."
        ),
    )
    max_processes: Annotated[int, Field(ge=1, le=100_000)] = Field(
        20,
        description=(
            "Number of processes (values of service.instance.id) that may report at one time, all"
            " services and environments together; of each, gauges of up to ten starts within"
            " keep_idle are held besides. Bounds the series of processes in Prometheus, which"
            " refuses a scrape with more: then these series are missing until there are fewer,"
            " counters of the service are not."
        ),
    )
    queue_mib: Annotated[int, Field(ge=2, le=1_048_576)] = Field(
        default=512,
        description=(
            "Size of the queue on disk for each backend while it is unreachable, in MiB; beyond it"
            " telemetry is refused and counted."
        ),
    )
    probe_interval: DurationText = Field(
        default="15s",
        description=(
            "How often each health route is asked; 0s is refused. Default: every 15 seconds."
        ),
    )
    probe_timeout: DurationText | None = Field(
        default=None,
        description=(
            "How long the probe waits for an answer and its body; a later answer is unhealthy."
            " 0s is refused."
            " null: 5s, or the probe's interval when that is shorter."
        ),
    )

    @property
    def timeout_of_probe(self) -> str:
        """Return how long the probe waits: as given, else the default."""
        return self.probe_timeout or min("5s", self.probe_interval, key=seconds)
