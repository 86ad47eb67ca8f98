"""The stack that runs: versions, images, ports, memory."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from imsobs.shipped import shipped
from imsobs.spec.schema.base import PositiveDuration, Section
from imsobs.spec.schema.ports import (
    AlertmanagerPorts,
    GatewayPorts,
    GrafanaPorts,
    JaegerPorts,
    LokiPorts,
    OtelcolPorts,
    PrometheusPorts,
    PromtailPorts,
)

_SHIPPED = shipped().components
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
MemoryMib = Annotated[int, Field(ge=32, le=1_048_576)]
Cpus = Annotated[float, Field(gt=0, le=256)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
# A colon is that of a registry's port: behind it comes a path. The tag is the version.
Image = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][a-z0-9._-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)+$"
        r"|^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
    ),
]


class Component(Section):
    """One component of the stack; what is left out is as this program ships it.

    The Go runtime is limited to 80 % of ``memory_mib`` (GOMEMLIMIT). How a component is built
    natively is no part of a spec (guide/security.md of imsobs).
    """

    version: Version
    image: Image
    digest: Digest | None = Field(
        default=None,
        description="Digest of the image, which then decides what is pulled. null: that of the"
        " version as it ships with the tool, where it is known, else the tag decides.",
    )
    memory_mib: MemoryMib
    cpus: Cpus
    ports: Section


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
        description=(
            "Memory limit of the container, in MiB; a component that exceeds it is restarted."
        ),
    )


def _cpus(name: str) -> Any:
    return Field(
        default=_SHIPPED[name].cpus,
        description="Most cores of the machine that the container may use; fractions are allowed.",
    )


class Otelcol(Component):
    """The Collector."""

    version: Version = _version("otelcol")
    image: Image = _image("otelcol")
    memory_mib: MemoryMib = _memory("otelcol")
    cpus: Cpus = _cpus("otelcol")
    ports: OtelcolPorts = Field(
        default=OtelcolPorts(),
        description="Ports on the loopback interface; each must be free.",
    )


class Prometheus(Component):
    """Prometheus. size_limit_mib: oldest blocks go when they outgrow it; 0 is no limit."""

    version: Version = _version("prometheus")
    image: Image = _image("prometheus")
    memory_mib: MemoryMib = _memory("prometheus")
    cpus: Cpus = _cpus("prometheus")
    ports: PrometheusPorts = Field(
        default=PrometheusPorts(),
        description="Ports on the loopback interface; each must be free.",
    )
    size_limit_mib: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(
        default=0,
        description=(
            "Size of the blocks on disk, in MiB, beyond which the oldest are deleted. 0: no limit."
        ),
    )


class Alertmanager(Component):
    """Alertmanager."""

    version: Version = _version("alertmanager")
    image: Image = _image("alertmanager")
    memory_mib: MemoryMib = _memory("alertmanager")
    cpus: Cpus = _cpus("alertmanager")
    ports: AlertmanagerPorts = Field(
        default=AlertmanagerPorts(),
        description="Ports on the loopback interface; each must be free.",
    )


class Jaeger(Component):
    """Jaeger v2; its module counts 1.x, its binary and image 2.x."""

    version: Version = _version("jaeger")
    image: Image = _image("jaeger")
    memory_mib: MemoryMib = _memory("jaeger")
    cpus: Cpus = _cpus("jaeger")
    ports: JaegerPorts = Field(
        default=JaegerPorts(),
        description="Ports on the loopback interface; each must be free.",
    )


class Loki(Component):
    """Loki. max_line_kib: a longer line is cut; max_age: older records are refused."""

    version: Version = _version("loki")
    image: Image = _image("loki")
    memory_mib: MemoryMib = _memory("loki")
    cpus: Cpus = _cpus("loki")
    ports: LokiPorts = Field(
        default=LokiPorts(),
        description="Ports on the loopback interface; each must be free.",
    )
    max_line_kib: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=256,
        description="Longest log line, in KiB; a longer one is cut.",
    )
    max_age: PositiveDuration = Field(
        default="2d",
        description="Records that are older when they arrive are refused. Default: 2 days.",
    )


class Promtail(Component):
    """Promtail, end of life since 2026-03-02: only for services whose log file is all there is."""

    version: Version = _version("promtail")
    image: Image = _image("promtail")
    memory_mib: MemoryMib = _memory("promtail")
    cpus: Cpus = _cpus("promtail")
    ports: PromtailPorts = Field(
        default=PromtailPorts(),
        description="Ports on the loopback interface; each must be free.",
    )


class Grafana(Component):
    """Grafana."""

    version: Version = _version("grafana")
    image: Image = _image("grafana")
    memory_mib: MemoryMib = _memory("grafana")
    cpus: Cpus = _cpus("grafana")
    ports: GrafanaPorts = Field(
        default=GrafanaPorts(),
        description="Ports on the loopback interface; each must be free.",
    )


class Gateway(Component):
    """The demo service (profile demo); its image is built from examples/gateway."""

    version: Version = _version("gateway")
    image: Image = _image("gateway")
    memory_mib: MemoryMib = _memory("gateway")
    cpus: Cpus = _cpus("gateway")
    ports: GatewayPorts = Field(
        default=GatewayPorts(),
        description="Ports on the loopback interface; each must be free.",
    )


class Ingest(Section):
    """Who may send telemetry.

    auth ``bearer``: every OTLP request carries the token of secrets/otlp_token. tls: OTLP is
    served with secrets/otlp_cert.pem and secrets/otlp_key.pem.
    """

    auth: Literal["none", "bearer"] = Field(
        default="none",
        description=(
            "`bearer`: every OTLP request carries the token of secrets/otlp_token. Default: none"
            " is asked for."
        ),
    )
    tls: bool = Field(
        default=False,
        description=(
            "Whether OTLP is served with secrets/otlp_cert.pem and secrets/otlp_key.pem. Default:"
            " in the clear, on loopback."
        ),
    )


class Stack(Section):
    """Every component: version, image, limits and ports. Each has a default; null leaves it out."""

    ingest: Ingest = Field(
        default=Ingest(),
        description="Who may send telemetry. Default: any process that reaches the ports.",
    )
    otelcol: Otelcol = Field(
        default=Otelcol(),
        description="Version, limits and ports of the Collector.",
    )
    prometheus: Prometheus = Field(
        default=Prometheus(),
        description="Version, limits and ports of Prometheus.",
    )
    alertmanager: Alertmanager = Field(
        default=Alertmanager(),
        description="Version, limits and ports of Alertmanager.",
    )
    jaeger: Jaeger | None = Field(
        default=Jaeger(),
        description="Version, limits and ports of Jaeger. null: no traces are stored.",
    )
    loki: Loki | None = Field(
        default=Loki(),
        description=(
            "Version, limits and ports of Loki. null: log records are kept in a file of the"
            " Collector."
        ),
    )
    promtail: Promtail | None = Field(
        default=None,
        description=(
            "Version, limits and ports of Promtail, which runs on request; `{}` is as shipped."
            " null, as the default: there is none."
        ),
    )
    grafana: Grafana | None = Field(
        default=Grafana(),
        description=(
            "Version, limits and ports of Grafana. null: there is none; dashboards are rendered"
            " all the same, for `imsobs preview` and for a Grafana elsewhere."
        ),
    )
    gateway: Gateway | None = Field(
        default=None,
        description=(
            "Version, limits and ports of a demo service, built from examples/gateway; `{}` is as"
            " shipped. null, as the default: there is none."
        ),
    )

    def components(self) -> dict[str, Component]:
        """Return name -> component of those that the stack has, in the order of the fields."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: part for name, part in found.items() if isinstance(part, Component)}
