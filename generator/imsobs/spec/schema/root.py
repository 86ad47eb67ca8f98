"""The spec's sections, in the order of the file."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from imsobs.spec.schema.alerting import Alerting
from imsobs.spec.schema.alerts import Alerts
from imsobs.spec.schema.base import Section
from imsobs.spec.schema.dashboards import Dashboards
from imsobs.spec.schema.events import Events
from imsobs.spec.schema.kubernetes import Kubernetes
from imsobs.spec.schema.metrics import Buckets, Metrics
from imsobs.spec.schema.pipeline import Collector, Redaction, Sampling, Sdk
from imsobs.spec.schema.prices import Prices, PriceSources
from imsobs.spec.schema.routing import Inhibitions, Mutes, Receivers, Routing
from imsobs.spec.schema.rules import Anomalies, Budget, Rules
from imsobs.spec.schema.samples import Retention, Scrape
from imsobs.spec.schema.service import Service
from imsobs.spec.schema.services import PackName, Services
from imsobs.spec.schema.signals import Attributes, Labels, Records, Sources
from imsobs.spec.schema.slos import Slos
from imsobs.spec.schema.stack import Stack


def _empty(given: Any) -> Any:
    """Return an empty section for null."""
    return {} if given is None else given


def _no_truth(given: Any) -> Any:
    """Python takes true for 1."""
    return str(given).lower() if isinstance(given, bool) else given


class Spec(Section):
    """The one input of the generator."""

    version: Annotated[Literal[1], BeforeValidator(_no_truth)] = Field(
        description="Version of this format: 1."
    )
    use: list[PackName] = Field(
        default=[],
        description=(
            "Packs of entries that ship with the tool (guide/packs.md of imsobs). An entry of the"
            " spec with the name of one of a pack overrides its keys, and null removes it. Default:"
            " no pack."
        ),
    )
    service: Service = Field(
        description="The service: names, environments, address, health routes."
    )
    services: Services = Field(
        default={},
        description=(
            "Name, as in service.name -> what one of several services has of its own: address,"
            " routes, packs, owner. Default: `service` is the only one."
        ),
    )
    attributes: Attributes = Field(
        default={},
        description=(
            "Attribute of one's own -> type of its values: string, int, double or bool, or a list"
            " of them (string[]). A name that ends in `.*` stands for any rest. Those of the"
            " OpenTelemetry conventions and of known instrumentations need no entry. Default: none."
        ),
    )
    labels: Labels = Field(
        default={},
        description=(
            "Name -> a label of metrics: where it is read and which values it may have. Default:"
            " none."
        ),
    )
    sources: Sources = Field(
        default={}, description="Name -> which spans metrics are derived from. Default: none."
    )
    records: Records = Field(
        default={},
        description=(
            "Name -> log records that metrics count although they are no events. Default: none."
        ),
    )
    events: Events = Field(
        default={},
        description="Name -> an event that the service logs, with its fields. Default: none.",
    )
    price_sources: PriceSources = Field(
        default={},
        description=(
            "Vendor -> where and when its prices were read, for those that do not say it"
            " themselves. Default: each price says it."
        ),
    )
    prices: Annotated[Prices, BeforeValidator(_empty, json_schema_input_type=Prices | None)] = (
        Field(
            default={},
            description=(
                "Vendor -> model -> its prices, each from a day on. null: none, and packs bring"
                " nothing about cost. Default: none."
            ),
        )
    )
    buckets: Buckets = Field(
        default={},
        description=(
            "Name -> upper bounds of the buckets of histograms, in the metric's unit. 0: a bucket"
            " of what is 0 or less. Default: none."
        ),
    )
    metrics: Metrics = Field(
        default={}, description="Name, as in Prometheus -> a metric. Default: none."
    )
    redaction: Redaction = Field(
        default_factory=Redaction,
        description="What never reaches storage. Default: what identifies or unlocks somebody.",
    )
    sampling: Sampling = Field(
        default=Sampling(),
        description="Which traces are kept. Default: errors, slow ones and one in ten others.",
    )
    sdk: Sdk = Field(default=Sdk(), description="How the service's SDK is configured.")
    collector: Collector = Field(default=Collector(), description="Limits of the Collector.")
    scrape: Scrape = Field(
        default=Scrape(),
        description="How often Prometheus asks its targets.",
    )
    retention: Retention = Field(
        default=Retention(),
        description="How long each kind of data is kept.",
    )
    stack: Stack = Field(
        default=Stack(),
        description="Versions, images, limits and ports of the components.",
    )
    kubernetes: Kubernetes | None = Field(
        default=None,
        description=(
            "The same stack on Kubernetes, rendered to stack/kubernetes/ beside the one machine"
            " (guide/kubernetes.md of imsobs). null, as the default: one machine alone."
        ),
    )
    dashboards: Dashboards = Field(
        default={},
        description="Name -> a dashboard; the name is its uid and that of its file. Default: none.",
    )
    alerting: Alerting = Field(
        default=Alerting(), description="What all alerts share: teams, groups, addresses of pages."
    )
    budget: Annotated[Budget, BeforeValidator(_empty, json_schema_input_type=Budget | None)] = (
        Field(
            default=Budget(),
            description=(
                "What may be spent, and how many series there may be. null, as the default:"
                " spending has no limit."
            ),
        )
    )
    rules: Rules = Field(
        default={},
        description="Name -> a recording rule. Default: none.",
    )
    alerts: Alerts = Field(
        default={},
        description="Name -> an alert with its runbook, test and drill. Default: none.",
    )
    slos: Slos = Field(
        default={},
        description="Name -> an objective, with its burn-rate alerts. Default: none.",
    )
    anomalies: Anomalies = Field(
        default={},
        description="Name -> a band in which a series is expected. Default: none.",
    )
    receivers: Receivers = Field(
        default={},
        description=(
            "Name -> where notifications go. Default: `nobody`, which keeps them on Alertmanager's"
            " page."
        ),
    )
    routing: Routing = Field(
        default=Routing(),
        description="Which receiver is notified of what. Default: one is notified of everything.",
    )
    inhibitions: Inhibitions = Field(
        default={},
        description="Name -> alerts that hold others back. Default: none.",
    )
    mutes: Mutes = Field(
        default={},
        description="Name -> times during which routes that name it send nothing. Default: none.",
    )
