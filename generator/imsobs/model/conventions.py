"""Names that are derived, never typed: one place for each, shared by every output."""

from __future__ import annotations

import math
from decimal import Decimal

# Resource attributes that every derived series carries, and their Prometheus names.
SERVICE_NAME = "service_name"
ENVIRONMENT = "deployment_environment_name"
INSTANCE_ID = "service_instance_id"
RESOURCE_LABELS = {
    "service.name": SERVICE_NAME,
    "deployment.environment.name": ENVIRONMENT,
}
# Labels that also identify the process. imsobs-instrumentation sets its role (ADR 13).
PROCESS_ROLE = "process_role"
ROLE_ATTRIBUTE = "imsobs.process.role"
PROCESS_ROLES = ("main", "worker", "helper")
PROCESS_LABELS = {
    **RESOURCE_LABELS,
    "service.instance.id": INSTANCE_ID,
    ROLE_ATTRIBUTE: PROCESS_ROLE,
}
# Labels that identify the service. Every aggregation, alert, group and inhibition keeps them.
IDENTITY_LABELS = tuple(RESOURCE_LABELS.values())
BY_IDENTITY = ", ".join(IDENTITY_LABELS)
# The component that the plain health route stands for.
SERVICE_COMPONENT = "service"
# Values for a service or environment that the spec does not name, and for a missing one.
OTHER = "other"
UNKNOWN = "unknown"
# Variable of a dashboard -> the label that it narrows.
VARIABLE_LABELS = {
    "service": SERVICE_NAME,
    "environment": ENVIRONMENT,
    "vendor": "vendor",
    "model": "model",
}
# How often a service's SDK sends what it measures, ms.
SDK_INTERVAL_MS = 10_000
# Labels that a scrape adds to every series.
SCRAPE_LABELS = ("job", "instance")
# Labels that Prometheus itself gives, and what it gives them.
PROMETHEUS_LABELS = {
    "le": "the buckets of histograms",
    "quantile": "the quantiles of summaries",
    "alertname": "every alert",
    "alertstate": "every alert",
}
# What a scrape renames labels of these names to; they are dropped.
RENAMED_LABELS = tuple(f"exported_{label}" for label in SCRAPE_LABELS)

# Labels of log streams in Loki; everything else about a record is structured metadata.
LOG_STREAM_LABELS = (SERVICE_NAME, ENVIRONMENT)
# Data sources of Grafana: uids that provisioning sets and dashboards name.
DATASOURCES = {"prometheus": "prometheus", "loki": "loki", "jaeger": "jaeger"}
# Services of compose that run on request -> their profile.
PROFILES = {"promtail": "promtail", "gateway": "demo"}
# Container label with the digest of the files that are only read at start.
CONFIG_LABEL = "imsobs.config"

# Attributes that the derivation sets on its own copy of a signal; a sender's own are dropped.
MARKS = "imsobs."
SOURCE_MARK = f"{MARKS}source"
COST = f"{MARKS}cost_usd"
COST_DRIFT = f"{MARKS}cost_drift_percent"
INVALID_EVENT = f"{MARKS}invalid"
SCOPE_MARK = f"{MARKS}scope"
EXCEPTION = f"{MARKS}exception"
OUTCOME = "outcome"
UNPRICED_REASON = "unpriced_reason"
EVENT_FAULT = "event_fault"
# Labels of the spans that came in: who made them, and which source took them.
SCOPE, TAKEN_BY = "instrumentation_scope", "span_source"
EVENT_ATTRIBUTE = "event"
# What a metric of log records names when it counts all of them.
EVERY_RECORD = "all"

# Unit of a metric by the last word of its name (``_total`` left out), as UCUM writes it.
UNIT_SUFFIXES = {
    "seconds": "s",
    "bytes": "By",
    "usd": "USD",
    "ratio": "1",
    "info": "1",
    "celsius": "Cel",
}
# Last words that name a unit which is not a base unit, and what to use instead.
FOREIGN_UNITS = {
    "milliseconds": "seconds",
    "ms": "seconds",
    "microseconds": "seconds",
    "minutes": "seconds",
    "hours": "seconds",
    "kilobytes": "bytes",
    "megabytes": "bytes",
    "kb": "bytes",
    "mb": "bytes",
    "cents": "usd",
    "dollars": "usd",
    "percent": "ratio",
    "percentage": "ratio",
    "rate": "ratio",
}


def per_process(metric: str) -> str:
    """Return the series of a gauge as each process reports it, before it is folded."""
    return f"{metric}_per_process"


def last_reported(metric: str) -> str:
    """Return the series of a gauge as any process reported it last."""
    return f"{metric}_last_reported"


def process_alive(namespace: str) -> str:
    """Return the series that is there for each process that reports."""
    return f"{namespace.replace('-', '_')}_process_alive"


def process_series_limit(namespace: str) -> str:
    """Return the series that says how many samples a scrape of processes may have."""
    return f"{namespace.replace('-', '_')}_process_series_limit"


def expected_causes(namespace: str) -> str:
    """Return the series that counts what causes the signals of a metric."""
    return f"{namespace.replace('-', '_')}_expected_causes"


def expected_seen(namespace: str) -> str:
    """Return the series that counts how many of these signals were seen."""
    return f"{namespace.replace('-', '_')}_expected_seen"


def series_limit(namespace: str) -> str:
    """Return the series that says how many derived series are planned for."""
    return f"{namespace.replace('-', '_')}_series_limit"


def held_traces_limit(namespace: str) -> str:
    """Return the series that says how many undecided traces a Collector holds at most."""
    return f"{namespace.replace('-', '_')}_held_traces_limit"


def stack_name(namespace: str) -> str:
    """Return the name of the stack: compose's project, and the namespace on Kubernetes."""
    return f"{namespace}-observability"


def scrape_job(namespace: str, what: str) -> str:
    """Return the job of the service's series: ``metrics``, ``processes`` or ``state``."""
    return f"{namespace}-{what}"


def overflow_mark(label: str) -> str:
    """Return the attribute that marks a signal whose ``label`` overflowed."""
    return f"{MARKS}overflow.{label}"


def presence_mark(*signals: str) -> str:
    """Return the attribute that only signals of these sources, events or records have."""
    return f"{MARKS}is.{'.'.join(signals)}"


def constant_mark(label: str) -> str:
    """Return the attribute whose default value is a label's constant value.

    No signal has it, so the default always applies. A transform of the data points renames it
    to the label. Under the label's own name, a sender's attribute would override the default.
    """
    return f"{MARKS}constant.{label}"


def unit_of(metric: str) -> str:
    """Return the unit in a metric's name, ``1`` when it counts things."""
    word = metric.removesuffix("_total").rsplit("_", 1)[-1]
    return UNIT_SUFFIXES.get(word, "1")


def histogram_series(metric: str) -> tuple[str, str, str]:
    """Return the names of the three series of a classic histogram."""
    return f"{metric}_bucket", f"{metric}_sum", f"{metric}_count"


def bucket_bound(bound: float) -> str:
    """Return a bucket's bound as Prometheus writes the label ``le``.

    The shortest digits that identify the number; with an exponent below 0.0001 and from a million
    on (1e-05, 1e+06); ``.0`` after a whole number (1.0). Source: FormatOpenMetricsFloat in
    Prometheus' model/labels, which is Go's strconv.FormatFloat(bound, 'g', -1, 64).
    """
    if math.isinf(bound):
        return "+Inf" if bound > 0 else "-Inf"
    # Both Python's repr and Go's shortest format give the same digits.
    number = Decimal(repr(float(bound)))
    if number == 0:
        return "0.0"
    exponent = number.adjusted()
    if -4 <= exponent < 6:
        text = format(number.normalize(), "f")
        return text if "." in text else f"{text}.0"
    digits = format(number.scaleb(-exponent).normalize(), "f")
    return f"{digits}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def alert_file_stem(alert: str) -> str:
    """Return the kebab-case file name of an alert's runbook: HighAPILatency -> high-api-latency."""
    stem = ""
    for index, character in enumerate(alert):
        after = alert[index + 1 : index + 2]
        starts_word = character.isupper() and (
            not alert[index - 1 : index].isupper() or after.islower()
        )
        stem += ("-" if index and starts_word else "") + character.lower()
    return stem
