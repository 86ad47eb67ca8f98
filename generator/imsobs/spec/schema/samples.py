"""How often Prometheus takes samples, and how long each kind of data is kept."""

from pydantic import Field

from imsobs.spec.schema.base import DurationText, Section


class Retention(Section):
    """How long each kind of data is kept; older data is deleted by its store."""

    metrics: DurationText = Field(
        default="30d",
        description=(
            "How long Prometheus keeps samples, 2h at least; 0s is refused. Default: 30 days."
        ),
    )
    logs: DurationText = Field(
        default="7d",
        description="How long Loki keeps records, in whole days; 0s is refused. Default: 7 days.",
    )
    traces: DurationText = Field(
        default="2d",
        description="How long Jaeger keeps traces, in whole hours; 0s is refused. Default: 2 days.",
    )


class Scrape(Section):
    """How often Prometheus asks every target and evaluates rules, and for how long it waits."""

    interval: DurationText = Field(
        default="15s",
        description=(
            "How often Prometheus scrapes each target and evaluates rules, 1s to 2m; 0s is"
            " refused. Default: 15 seconds."
        ),
    )
    timeout: DurationText = Field(
        default="10s",
        description=(
            "How long it waits for an answer, 1s to the interval; 0s is refused. Default: 10"
            " seconds."
        ),
    )
