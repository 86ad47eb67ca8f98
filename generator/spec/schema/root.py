"""The spec's sections, in the order of the file."""

from typing import Literal

from generator.spec.schema.alerts import Alerting, Alerts, Anomalies, Budget, Rules, Slos
from generator.spec.schema.base import Section
from generator.spec.schema.dashboards import Dashboards
from generator.spec.schema.metrics import Buckets, Metrics
from generator.spec.schema.pipeline import Collector, Redaction, Sampling
from generator.spec.schema.routing import Inhibitions, Mutes, Receivers, Routing
from generator.spec.schema.signals import Events, Labels, Prices, Service, Sources
from generator.spec.schema.stack import Retention, Scrape, Stack


class Spec(Section):
    """The one input of the generator."""

    version: Literal[1]
    service: Service
    labels: Labels
    sources: Sources
    events: Events
    prices: Prices
    buckets: Buckets
    metrics: Metrics
    redaction: Redaction
    sampling: Sampling
    collector: Collector
    scrape: Scrape = Scrape.defaults()
    retention: Retention = Retention.defaults()
    stack: Stack
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
