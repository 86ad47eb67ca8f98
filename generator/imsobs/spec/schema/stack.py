"""The stack that runs: versions, images, ports, memory, how long data is kept."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from imsobs.shipped import shipped
from imsobs.spec.schema.base import DurationText, Section

_SHIPPED = shipped().components
Port = Annotated[int, Field(ge=1, le=65535)]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
MemoryMib = Annotated[int, Field(ge=32, le=1_048_576)]
Cpus = Annotated[float, Field(gt=0, le=256)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/:-]*[a-z0-9]$")]


class Retention(Section):
    """How long each kind of data is kept; older data is deleted by its store."""

    metrics: DurationText = "30d"
    logs: DurationText = "7d"
    traces: DurationText = "2d"


class Scrape(Section):
    """How often Prometheus asks every target and evaluates rules, and for how long it waits."""

    interval: DurationText = "15s"
    timeout: DurationText = "10s"


class Component(Section):
    """One component of the stack; what is left out is as this program ships it.

    The Go runtime is told to stay below 80 % of ``memory_mib``. How a component is built
    natively is no part of a spec (docs/guide/security.md).
    """

    version: Version
    image: Image
    digest: Digest | None = Field(
        default=None,
        description="Digest of the image, which then decides what is pulled; without one, that "
        "of the version as shipped where it is known, else the tag.",
    )
    memory_mib: MemoryMib
    cpus: Cpus


def _version(name: str) -> Any:
    return Field(
        default=_SHIPPED[name].version,
        description="Release that is pulled, or built natively from its Go module.",
    )


def _image(name: str) -> Any:
    return Field(
        default=_SHIPPED[name].image,
        description="Image without tag, also one of a mirror.",
    )


def _memory(name: str) -> Any:
    return Field(
        default=_SHIPPED[name].memory_mib,
        description="Hard limit of the container, MiB; it is restarted beyond.",
    )


def _cpus(name: str) -> Any:
    return Field(
        default=_SHIPPED[name].cpus,
        description="Most of the machine's cores that it may take; fractions are allowed.",
    )


class OtelcolPorts(Section):
    """Where the Collector takes telemetry, and where Prometheus scrapes it.

    metrics: derived series; current: probed ones; processes: those of the SDK, one set for
    each process; state: gauges of events and spans, likewise; telemetry: its own.
    """

    otlp_grpc: Port = 4317
    otlp_http: Port = 4318
    health: Port = 13133
    metrics: Port = 8889
    current: Port = 8890
    processes: Port = 8891
    state: Port = 8892
    telemetry: Port = 8888


class PrometheusPorts(Section):
    """http: API."""

    http: Port = 9090


class AlertmanagerPorts(Section):
    """http: API."""

    http: Port = 9093


class JaegerPorts(Section):
    """http: UI and API; otlp_grpc: traces in, from the Collector only; query_grpc: API."""

    http: Port = 16686
    query_grpc: Port = 16685
    otlp_grpc: Port = 14317
    health: Port = 13134
    telemetry: Port = 8887


class LokiPorts(Section):
    """http: API and OTLP; grpc: between Loki's own parts."""

    http: Port = 3100
    grpc: Port = 9096


class PromtailPorts(Section):
    """http: readiness and its own metrics."""

    http: Port = 9080


class GrafanaPorts(Section):
    """http: UI and API."""

    http: Port = 3000


class GatewayPorts(Section):
    """http: the demo service's API."""

    http: Port = 8080


class Otelcol(Component):
    """The Collector."""

    version: Version = _version("otelcol")
    image: Image = _image("otelcol")
    memory_mib: MemoryMib = _memory("otelcol")
    cpus: Cpus = _cpus("otelcol")
    ports: OtelcolPorts = OtelcolPorts()


class Prometheus(Component):
    """Prometheus. size_limit_mib: oldest blocks go when they outgrow it; 0 is no limit."""

    version: Version = _version("prometheus")
    image: Image = _image("prometheus")
    memory_mib: MemoryMib = _memory("prometheus")
    cpus: Cpus = _cpus("prometheus")
    ports: PrometheusPorts = PrometheusPorts()
    size_limit_mib: Annotated[int, Field(ge=0)] = 0


class Alertmanager(Component):
    """Alertmanager."""

    version: Version = _version("alertmanager")
    image: Image = _image("alertmanager")
    memory_mib: MemoryMib = _memory("alertmanager")
    cpus: Cpus = _cpus("alertmanager")
    ports: AlertmanagerPorts = AlertmanagerPorts()


class Jaeger(Component):
    """Jaeger v2; its module counts 1.x, its binary and image 2.x."""

    version: Version = _version("jaeger")
    image: Image = _image("jaeger")
    memory_mib: MemoryMib = _memory("jaeger")
    cpus: Cpus = _cpus("jaeger")
    ports: JaegerPorts = JaegerPorts()


class Loki(Component):
    """Loki. max_line_kib: a longer line is cut; max_age: older records are refused."""

    version: Version = _version("loki")
    image: Image = _image("loki")
    memory_mib: MemoryMib = _memory("loki")
    cpus: Cpus = _cpus("loki")
    ports: LokiPorts = LokiPorts()
    max_line_kib: Annotated[int, Field(ge=1, le=4096)] = 256
    max_age: DurationText = "2d"


class Promtail(Component):
    """Promtail, end of life since 2026-03-02: only for services whose log file is all there is."""

    version: Version = _version("promtail")
    image: Image = _image("promtail")
    memory_mib: MemoryMib = _memory("promtail")
    cpus: Cpus = _cpus("promtail")
    ports: PromtailPorts = PromtailPorts()


class Grafana(Component):
    """Grafana."""

    version: Version = _version("grafana")
    image: Image = _image("grafana")
    memory_mib: MemoryMib = _memory("grafana")
    cpus: Cpus = _cpus("grafana")
    ports: GrafanaPorts = GrafanaPorts()


class Gateway(Component):
    """The demo service (profile demo); its image is built from examples/gateway."""

    version: Version = _version("gateway")
    image: Image = _image("gateway")
    memory_mib: MemoryMib = _memory("gateway")
    cpus: Cpus = _cpus("gateway")
    ports: GatewayPorts = GatewayPorts()


class Ingest(Section):
    """Who may send telemetry.

    auth ``bearer``: every OTLP request carries the token of secrets/otlp_token. tls: OTLP is
    served with secrets/otlp_cert.pem and secrets/otlp_key.pem.
    """

    auth: Literal["none", "bearer"] = "none"
    tls: bool = False


class Stack(Section):
    """Every component: version, image, limits and ports. Each has a default."""

    ingest: Ingest = Ingest()
    otelcol: Otelcol = Otelcol()
    prometheus: Prometheus = Prometheus()
    alertmanager: Alertmanager = Alertmanager()
    jaeger: Jaeger = Jaeger()
    loki: Loki = Loki()
    promtail: Promtail = Promtail()
    grafana: Grafana = Grafana()
    gateway: Gateway = Gateway()
