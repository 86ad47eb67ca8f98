"""Ports of the components, all on the loopback interface."""

from typing import Annotated

from pydantic import Field

from imsobs.spec.schema.base import Section

Port = Annotated[int, Field(ge=1, le=65535)]


class OtelcolPorts(Section):
    """Where the Collector takes telemetry, and where Prometheus scrapes it.

    metrics: derived series; current: probed ones; processes: those of the SDK, one set for
    each process; state: gauges of events and spans, likewise; telemetry: its own.
    """

    otlp_grpc: Port = Field(
        default=4317,
        description="Takes OTLP over gRPC.",
    )
    otlp_http: Port = Field(
        default=4318,
        description="Takes OTLP over HTTP.",
    )
    health: Port = Field(
        default=13133,
        description="Health check.",
    )
    metrics: Port = Field(
        default=8889,
        description="Scraped: derived series.",
    )
    current: Port = Field(
        default=8890,
        description="Scraped: what the probe finds.",
    )
    processes: Port = Field(
        default=8891,
        description="Scraped: metrics of the SDK, one set for each process.",
    )
    state: Port = Field(
        default=8892,
        description="Scraped: gauges of events and spans, one set for each process.",
    )
    telemetry: Port = Field(
        default=8888,
        description="Scraped: the Collector's own metrics.",
    )


class PrometheusPorts(Section):
    """http: API."""

    http: Port = Field(
        default=9090,
        description="API and page.",
    )


class AlertmanagerPorts(Section):
    """http: API."""

    http: Port = Field(
        default=9093,
        description="API and page.",
    )


class JaegerPorts(Section):
    """http: UI and API; otlp_grpc: traces in, from the Collector only; query_grpc: API."""

    http: Port = Field(
        default=16686,
        description="API and page.",
    )
    query_grpc: Port = Field(
        default=16685,
        description="API over gRPC.",
    )
    otlp_grpc: Port = Field(
        default=14317,
        description="Takes traces, from the Collector only.",
    )
    health: Port = Field(
        default=13134,
        description="Health check.",
    )
    telemetry: Port = Field(
        default=8887,
        description="Scraped: Jaeger's own metrics.",
    )


class LokiPorts(Section):
    """http: API and OTLP; grpc: between Loki's own parts."""

    http: Port = Field(
        default=3100,
        description="API, and OTLP in.",
    )
    grpc: Port = Field(
        default=9096,
        description="Between Loki's own parts.",
    )


class PromtailPorts(Section):
    """http: readiness and its own metrics."""

    http: Port = Field(
        default=9080,
        description="Readiness and Promtail's own metrics.",
    )


class GrafanaPorts(Section):
    """http: UI and API."""

    http: Port = Field(
        default=3000,
        description="Page and API.",
    )


class GatewayPorts(Section):
    """http: the demo service's API."""

    http: Port = Field(
        default=8080,
        description="API of the demo service.",
    )
