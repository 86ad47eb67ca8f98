"""Constants and formulas of the estimate of a cluster, and where each number comes from.

Measured: by a command of this repository, which is named. Carried over: measured on one machine, or
said by the component's documentation. Assumed: neither.
"""

from __future__ import annotations

from imsobs.model.estimate import CONSTANTS, MIB, Constant, constants

CLUSTER_CONSTANTS = {
    "derive_span": Constant(
        20.0,
        "us",
        "CPU per span that is taken in and counted",
        "measured: 15 to 20 (bench.collector)",
    ),
    "hop_span": Constant(
        10.0,
        "us",
        "CPU of `derive` per span that it hands on",
        "measured: 0 to 0.4 of what counting costs (bench.scale.hop); half is planned with",
    ),
    "sample_span": Constant(
        22.0,
        "us",
        "CPU per span that is taken in from `derive`, held, decided on, redacted and sent",
        "measured: 0.8 to 1.1 of what counting costs (bench.scale.hop)",
    ),
    "derive_record": Constant(
        27.0,
        "us",
        "CPU per log record that is taken in, counted, redacted and sent",
        "measured: 25 to 28 (bench.collector)",
    ),
    "derive_series": Constant(
        2.3 * 1024,
        "B",
        "memory of `derive` per series that it exposes",
        "measured: 32 MiB for 14 628 series (bench.collector, label cardinality)",
    ),
    "derive_value": Constant(
        15.0,
        "us",
        "CPU of `derive` per value of a series that a process reports and it hands on",
        "measured: about 0.7 of what counting a span costs (bench.scale.hop)",
    ),
    "current_value": Constant(
        1.0,
        "us",
        "CPU of `current` per such value",
        "measured: 0.04 of what counting a span costs (bench.scale.hop)",
    ),
    "current_series": Constant(
        2_000.0,
        "B",
        "memory of `current` per series that it exposes",
        "measured: 1.4 kB of 39 200 series (bench.scale.hop)",
    ),
    "scrape_series": Constant(
        11.0, "B", "a series in a scrape, compressed", "measured: 11, of `derive` (bench.scale.hop)"
    ),
    "span_bytes": Constant(330.0, "B", "a span in OTLP", "measured: 330 (bench.collector)"),
    "record_bytes": Constant(337.0, "B", "a log record in OTLP", "measured: 337 (bench.collector)"),
    "value_bytes": Constant(40.0, "B", "such a value in OTLP", "measured: 38 (bench.scale.hop)"),
    "sample_bytes": Constant(
        5.0, "B", "a sample by remote write, compressed", "assumed: 3 to 5, with its labels"
    ),
    "pod_series": Constant(
        152.0,
        "",
        "series that a Collector exposes about itself",
        "measured: at most, by role (bench.scale.hop)",
    ),
    "ring_samples": Constant(
        600.0,
        "",
        "pods of `sample` among which traces are still spread evenly",
        "simulated (bench.scale.growth)",
    ),
    "prometheus_series": Constant(
        10e6, "", "series that one Prometheus is run with at most", "assumed"
    ),
    "loki_pod": Constant(
        20e9,
        "B",
        "log records a day that one pod of Loki with all its parts takes",
        "carried over: Loki's documentation, of its monolithic mode",
    ),
    "requests_process": Constant(
        20.0, "", "requests per second that a process of the service serves at its peak", "assumed"
    ),
    "node_cpus": Constant(16.0, "", "cores of a node", "assumed"),
    "node_memory": Constant(64 * 1024 * MIB, "B", "memory of a node", "assumed"),
    "node_share": Constant(
        0.85, "", "share of a node that these pods may have", "assumed: the rest is the node's own"
    ),
    "zones": Constant(3.0, "", "zones that pods are spread over evenly", "assumed"),
}
# Those of one machine that hold for a pod as well.
_CARRIED = (
    "otelcol_base",
    "span_memory",
    "prometheus_base",
    "series_memory",
    "sample_disk",
    "wal_sample",
    "alertmanager_base",
    "jaeger_base",
    "loki_base",
    "span_disk",
    "record_disk",
)
EVERY = {**CLUSTER_CONSTANTS, **{name: CONSTANTS[name] for name in _CARRIED}}
VALUES = {name: constant.value for name, constant in EVERY.items()}
CLUSTER_FORMULAS = (
    "derive cores = spans/s x (derive_span + hop_span) + records/s x derive_record, at the peak,"
    " + series of processes / 10 s x derive_value",
    "derive memory = otelcol_base + counted series x derive_series",
    "sample cores = spans/s x sample_span, at the peak",
    "spans held = spans/s at the peak x the seconds that a trace is held",
    "sample memory = otelcol_base + spans held x span_memory / pods",
    "pods = cores / (cpus x busy); those of sample also so that traces held fit into their memory,"
    " half of what the limiter allows",
    "current cores = series of processes / 10 s x current_value; memory = otelcol_base + series of"
    " processes x current_series",
    "series = counted series x pods of derive + recorded series + those of processes + pods of"
    " Collectors x pod_series",
    "prometheus memory = prometheus_base + series x series_memory, in each of its pods",
    "prometheus disk = samples/s x (retention x sample_disk + 10800 s x wal_sample), in each",
    "loki pods = records a day x record_bytes / loki_pod",
    "traces = requests x spans x share kept x span_disk x retention x copies",
    "log records = requests x records x record_disk x retention",
    "network between zones = all of the network x (1 - 1 / zones)",
    "nodes = the larger of cpus / (node_cpus x node_share) and memory / (node_memory x node_share)",
)


def cluster_explanation() -> list[str]:
    """Return the formulas and constants as lines of text."""
    return [*CLUSTER_FORMULAS, "", *constants(EVERY)]
