"""The spec's sections, in the order of the file."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec import packs
from imsobs.spec.schema.alerting import Alerting
from imsobs.spec.schema.alerts import Alerts
from imsobs.spec.schema.base import Section
from imsobs.spec.schema.dashboards import Dashboards
from imsobs.spec.schema.events import Events
from imsobs.spec.schema.metrics import Buckets, Metrics
from imsobs.spec.schema.pipeline import Collector, Redaction, Sampling, Sdk
from imsobs.spec.schema.prices import Prices, PriceSources
from imsobs.spec.schema.routing import Inhibitions, Mutes, Receivers, Routing
from imsobs.spec.schema.rules import Anomalies, Budget, Rules
from imsobs.spec.schema.service import Service
from imsobs.spec.schema.signals import Attributes, Labels, Records, Sources
from imsobs.spec.schema.slos import Slos
from imsobs.spec.schema.stack import Retention, Scrape, Stack

PackName = Annotated[str, Field(json_schema_extra={"enum": list(packs.names())})]


class Spec(Section):
    """The one input of the generator."""

    version: Literal[1] = Field(description="Version of this format: 1.")
    use: list[PackName] = Field(
        default=[],
        description=(
            "Packs of entries that ship with the tool (docs/guide/packs.md). An entry of the spec"
            " with the name of one of a pack overrides its keys, and null removes it. Default: no"
            " pack."
        ),
    )
    service: Service = Field(
        description="The service: names, environments, address, health routes."
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
        description="Name -> a label of metrics: where it is read and which values it may have."
    )
    sources: Sources = Field(description="Name -> which spans metrics are derived from.")
    records: Records = Field(
        default={},
        description=(
            "Name -> log records that metrics count although they are no events. Default: none."
        ),
    )
    events: Events = Field(description="Name -> an event that the service logs, with its fields.")
    price_sources: PriceSources = Field(
        default={},
        description=(
            "Vendor -> where and when its prices were read, for those that do not say it"
            " themselves. Default: each price says it."
        ),
    )
    prices: Prices = Field(description="Vendor -> model -> its prices, each from a day on.")
    buckets: Buckets = Field(
        description=(
            "Name -> upper bounds of the buckets of histograms, in the metric's unit. 0: a bucket"
            " of what is 0 or less."
        )
    )
    metrics: Metrics = Field(description="Name, as in Prometheus -> a metric.")
    redaction: Redaction = Field(description="What never reaches storage.")
    sampling: Sampling = Field(description="Which traces are kept.")
    sdk: Sdk = Field(default=Sdk(), description="How the service's SDK is configured.")
    collector: Collector = Field(description="Limits of the Collector.")
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
    dashboards: Dashboards = Field(
        default={},
        description="Name -> a dashboard; the name is its uid and that of its file. Default: none.",
    )
    alerting: Alerting = Field(
        description="What all alerts share: teams, groups, addresses of pages."
    )
    budget: Budget = Field(description="What may be spent, and how many series there may be.")
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
    receivers: Receivers = Field(description="Name -> where notifications go.")
    routing: Routing = Field(description="Which receiver is notified of what.")
    inhibitions: Inhibitions = Field(
        default={},
        description="Name -> alerts that hold others back. Default: none.",
    )
    mutes: Mutes = Field(
        default={},
        description="Name -> times during which routes that name it send nothing. Default: none.",
    )
