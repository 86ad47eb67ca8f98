"""The spec's sections, in the order of the file."""

from typing import Annotated, Literal

from pydantic import Field

from imsobs.spec import packs
from imsobs.spec.schema.alerting import Alerting
from imsobs.spec.schema.alerts import Alerts
from imsobs.spec.schema.base import Section
from imsobs.spec.schema.dashboards import Dashboards
from imsobs.spec.schema.metrics import Buckets, Metrics
from imsobs.spec.schema.pipeline import Collector, Redaction, Sampling
from imsobs.spec.schema.prices import Prices, PriceSources
from imsobs.spec.schema.routing import Inhibitions, Mutes, Receivers, Routing
from imsobs.spec.schema.rules import Anomalies, Budget, Rules
from imsobs.spec.schema.service import Service
from imsobs.spec.schema.signals import Events, Labels, Records, Sources
from imsobs.spec.schema.slos import Slos
from imsobs.spec.schema.stack import Retention, Scrape, Stack

PackName = Annotated[str, Field(json_schema_extra={"enum": list(packs.names())})]


class Spec(Section):
    """The one input of the generator."""

    version: Literal[1]
    use: list[PackName] = Field(
        default=[],
        description=(
            "Packs of entries that ship with the tool (docs/guide/packs.md). An entry of the"
            " spec with the name of one of a pack overrides its keys, and null removes it."
        ),
    )
    service: Service
    labels: Labels
    sources: Sources
    records: Records = {}
    events: Events
    price_sources: PriceSources = {}
    prices: Prices
    buckets: Buckets
    metrics: Metrics
    redaction: Redaction
    sampling: Sampling
    collector: Collector
    scrape: Scrape = Scrape()
    retention: Retention = Retention()
    stack: Stack = Stack()
    dashboards: Dashboards = {}
    alerting: Alerting
    budget: Budget
    rules: Rules = {}
    alerts: Alerts = {}
    slos: Slos = {}
    anomalies: Anomalies = {}
    receivers: Receivers
    routing: Routing
    inhibitions: Inhibitions = {}
    mutes: Mutes = {}
