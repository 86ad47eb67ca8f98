"""What happens to signals on their way to storage: redaction, sampling, queues."""

from typing import Annotated

from pydantic import Field

from imsobs.spec.schema.base import DurationText, Ratio, Section, Text


class Redaction(Section):
    """What never reaches storage.

    keys: names whose values are masked, as attribute keys and as ``key: value`` or
    ``key=value`` inside texts. values: name -> RE2 pattern of texts that are masked
    wherever they stand. drop: attribute key patterns removed altogether (prompts and
    completions). statements: span attributes with database statements, whose literals
    become ``?``. keep: attribute key patterns that are never touched.
    """

    keys: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]] = Field(min_length=1)
    values: dict[str, Text] = {}
    drop: list[Text] = []
    statements: list[Text] = ["db.query.text", "db.statement"]
    keep: list[Text] = []


class Sampling(Section):
    """Which traces are kept, decided in the Collector after the metrics are derived.

    rate: share of ordinary traces, 0 to 1, overridden by TRACE_SAMPLING_RATE; slow: traces
    at least this long are all kept, as are those with an error; decision_wait: how long a
    trace may take to arrive; max_traces: traces held while waiting.
    """

    rate: Ratio = 0.1
    slow: DurationText = "5s"
    decision_wait: DurationText = "10s"
    max_traces: Annotated[int, Field(ge=100)] = 50_000
    sdk_sampler: Annotated[str, Field(pattern=r"^[a-z_]+$")] = "always_on"


class Collector(Section):
    """Limits of the Collector.

    memory_limit_mib: memory_limiter's hard limit; max_series: the most series
    that the labels may allow, all services and environments together; at run time new ones
    beyond are refused and counted; keep_idle: how long a
    series that no longer changes stays visible; queue_mib: most that waits on disk for each
    backend while it is away, beyond which telemetry is refused and counted;
    probe_interval: how often the health routes are asked.
    """

    memory_limit_mib: Annotated[int, Field(ge=64)] = 512
    max_series: Annotated[int, Field(ge=100)] = 50_000
    keep_idle: DurationText = "24h"
    keep_gone: DurationText = "5m"
    queue_mib: Annotated[int, Field(ge=2, le=1_048_576)] = 512
    probe_interval: DurationText = "15s"
