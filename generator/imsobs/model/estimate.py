"""Estimate: disk and memory of every component at a request rate, from the spec.

Formulas and constants are in the open: ``explanation`` prints them, and the reference page
docs/reference/estimate.md is rendered from them. How far they were from a measured run is
written in docs/guide/deployment.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from imsobs.model import Model
from imsobs.model.sampling import SPAN_BYTES, held_seconds, most_held
from imsobs.model.series_budget import series_budget
from imsobs.spec.schema.base import seconds

DAY = 86_400
KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Constant:
    """A number that the formulas rest on, and where it comes from."""

    value: float
    unit: str
    meaning: str
    source: str


CONSTANTS = {
    "sample_disk": Constant(
        2.0, "B", "disk per sample in Prometheus' blocks", "Prometheus documentation: 1 to 2 bytes"
    ),
    "wal_sample": Constant(
        12.0,
        "B",
        "disk per sample in the write-ahead log, kept for about 3 h",
        "measured: 0.43 MB for 34 000 samples",
    ),
    "series_memory": Constant(
        8.0 * KIB,
        "B",
        "memory per active series in Prometheus",
        "measured: 19 MiB for 2 273 series",
    ),
    "self_series": Constant(
        1_600.0,
        "",
        "series that the stack exposes about itself",
        "measured: 2 273 series, of which 293 derived, without Loki and Grafana",
    ),
    "span_disk": Constant(
        650.0,
        "B",
        "disk per span in Jaeger's store, indices included",
        "measured: 551 and 654 B in two runs",
    ),
    "jaeger_buffer": Constant(
        64.0 * MIB, "B", "disk of Jaeger's table that is being written", "its store's default"
    ),
    "span_memory": Constant(
        SPAN_BYTES,
        "B",
        "memory per span that the Collector holds for the sampling decision",
        "measured: 2.9 to 3.8 KiB for 61 000 spans (bench.held), 4.3 for 9 000 in passing",
    ),
    "record_disk": Constant(
        200.0,
        "B",
        "disk per log record in Loki, compressed, fields included",
        "measured: 31 B for the demo's records, whose texts repeat; room for texts that do not",
    ),
    "otelcol_base": Constant(
        80.0 * MIB, "B", "memory of the Collector under light load", "measured: 56 to 63 MiB idle"
    ),
    "prometheus_base": Constant(58.0 * MIB, "B", "memory of the idle Prometheus", "measured"),
    "alertmanager_base": Constant(39.0 * MIB, "B", "memory of Alertmanager", "measured"),
    "jaeger_base": Constant(
        480.0 * MIB,
        "B",
        "memory of Jaeger: its store's tables and caches, filled",
        "measured: 472 MiB after 120 000 spans at 900/s",
    ),
    "loki_base": Constant(
        400.0 * MIB,
        "B",
        "memory of Loki: with few streams, chunks leave by size long before by age",
        "measured: 133 MiB idle, 197 MiB after 39 000 records at 500/s; its two caches of "
        "100 MiB fill with queries",
    ),
    "grafana_base": Constant(200.0 * MIB, "B", "memory of Grafana", "assumed"),
}

FORMULAS = (
    "series = stack's own + series budgets x services (in one environment)"
    " + those of a process x collector.max_processes",
    "prometheus disk a day = series x 86400 / scrape interval x sample_disk",
    "prometheus disk = a day x retention + series x 10800 / scrape interval x wal_sample",
    "prometheus memory = prometheus_base + series x series_memory",
    "spans kept a day = requests x spans x share kept",
    "jaeger disk = spans kept a day x span_disk x retention + jaeger_buffer; memory = jaeger_base",
    "traces held = requests/s at the peak x the seconds that one is held, at most max_traces",
    "seconds held = (1 - unended) x (duration + decision_wait + 1) + unended x longest_request",
    "otelcol memory = otelcol_base + traces held x spans x span_memory",
    "loki disk = requests x records x record_disk x retention; memory = loki_base",
)


@dataclass(frozen=True)
class Load:
    """What the stack is asked to carry.

    kept: share of traces that are stored, errors and slow ones included. series: most
    series that the spec allows, the stack's own not counted. peak: busiest second over
    the mean of the day. duration: mean time of a request, s. unended: share of traces in
    which no span of a request comes (work in the background).
    """

    requests_per_day: float
    spans: float
    records: float
    kept: float
    series: int
    peak: float
    duration: float
    unended: float

    @property
    def at_peak(self) -> float:
        """Return the requests per second at the peak."""
        return self.requests_per_day / DAY * self.peak

    @classmethod
    def of(
        cls,
        model: Model,
        requests_per_day: float,
        spans: float = 6.0,
        records: float = 8.0,
        kept: float | None = None,
        peak: float = 4.0,
        duration: float = 10.0,
        unended: float = 0.05,
    ) -> Self:
        """Return the load; without ``kept``, the spec's rate plus 2 % errors and slow traces."""
        rate = model.spec.sampling.rate
        share = kept if kept is not None else rate + 0.02 * (1 - rate)
        series = most_series(model)
        return cls(requests_per_day, spans, records, share, series, peak, duration, unended)


@dataclass(frozen=True)
class Need:
    """What one component needs. Bytes; kept: its retention, or "-"."""

    component: str
    kept: str
    disk_per_day: float
    disk: float
    memory: float
    memory_limit: float


def most_series(model: Model) -> int:
    """Return the most series that the catalogue's metrics may have in one environment."""
    budget = series_budget(model.spec, model.metrics)
    recorded = sum(
        metric.series_budget
        for metric in model.metrics.values()
        if metric.kind.recorded or metric.fold is not None
    )
    of_processes = budget.of_process * model.spec.collector.max_processes
    return len(model.spec.service.names) * (budget.own + recorded) + of_processes


def counted_series(model: Model) -> int:
    """Return the series that are counted from spans and log records, of all services."""
    return len(model.spec.service.names) * series_budget(model.spec, model.metrics).own


def estimate(model: Model, load: Load) -> list[Need]:
    """Return the need of every component, in the order of the pipeline."""
    value = {name: constant.value for name, constant in CONSTANTS.items()}
    stack, kept = model.spec.stack, model.spec.retention
    series = load.series + value["self_series"]
    interval = seconds(model.spec.scrape.interval)
    metrics = series * DAY / interval * value["sample_disk"]
    wal = series * 10_800 / interval * value["wal_sample"]
    traces = load.requests_per_day * load.spans * load.kept * value["span_disk"]
    logs = load.requests_per_day * load.records * value["record_disk"]
    held = held_traces(model, load) * load.spans * value["span_memory"]
    rows = (
        ("otelcol", "-", 0.0, 0.0, value["otelcol_base"] + held),
        (
            "prometheus",
            kept.metrics,
            metrics,
            metrics * days(kept.metrics) + wal,
            value["prometheus_base"] + series * value["series_memory"],
        ),
        ("alertmanager", "-", 0.0, 0.0, value["alertmanager_base"]),
        (
            "jaeger",
            kept.traces,
            traces,
            traces * days(kept.traces) + value["jaeger_buffer"],
            value["jaeger_base"],
        ),
        ("loki", kept.logs, logs, logs * days(kept.logs), value["loki_base"]),
        ("grafana", "-", 0.0, 0.0, value["grafana_base"]),
    )
    there = stack.components()
    return [
        Need(*row, memory_limit=there[row[0]].memory_mib * MIB) for row in rows if row[0] in there
    ]


def held_traces(model: Model, load: Load) -> float:
    """Return how many undecided traces the Collector holds at the peak."""
    held = load.at_peak * held_seconds(model.spec, load.duration, load.unended)
    return min(held, float(most_held(model.spec)))


def days(duration: str) -> float:
    """Return a duration in days."""
    return seconds(duration) / DAY


def human(size: float) -> str:
    """Return bytes as people read them: 1.5 GB (powers of 1000); "-" for nothing."""
    if size < 1:
        return "-"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def explanation(model: Model, load: Load) -> list[str]:
    """Return the load, the formulas and the constants as lines of text."""
    return [
        f"load: {load.requests_per_day:,.0f} requests a day "
        f"({load.requests_per_day / DAY:.1f}/s, {load.at_peak:.1f}/s at the peak), "
        f"{load.spans:g} spans and {load.records:g} log records each, "
        f"{load.kept:.1%} of traces kept, requests of {load.duration:g} s, {load.unended:.0%} of "
        f"traces without one ({held_traces(model, load):,.0f} traces held), {load.series:,} series "
        "at most",
        "",
        *FORMULAS,
        "",
        *constants(CONSTANTS),
    ]


def constants(given: Mapping[str, Constant]) -> Iterator[str]:
    """Yield a line of text for each constant."""
    for name, one in given.items():
        # A share or a few microseconds would be nothing, or one, without the digits behind.
        value = f"{one.value:,.0f}" if one.value >= 100 else f"{one.value:.4g}"
        yield f"{name} = {value} {one.unit}".rstrip() + f": {one.meaning} ({one.source})"
