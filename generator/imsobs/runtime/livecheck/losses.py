"""What was refused, dropped or lost on its way in the window: with any, no count is complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imsobs.runtime.livecheck.window import Window

_SIGNALS = {"spans": "spans", "log_records": "log records", "metric_points": "metric points"}
# What the Collector counts per signal -> what it means.
_COLLECTOR = {
    "receiver_refused": "not taken in: the Collector was short of memory or stopped",
    "receiver_failed": "not taken in: the Collector failed on them",
    "processor_memory_limiter_refused": "refused by the memory limiter",
    "exporter_enqueue_failed": "lost: the queue before a backend was full",
    "exporter_send_failed": "given up: a backend did not take them",
}
# Further counters, with matchers -> what it means.
_OTHERS = {
    ("otelcol_deltatocumulative_datapoints_total", 'error!=""'): "points that were not added up",
    ("otelcol_processor_tail_sampling_traces_dropped_too_large_total", ""): (
        "traces dropped for their size"
    ),
    ("prometheus_target_scrapes_exceeded_sample_limit_total", ""): "scrapes with too many series",
    ("prometheus_target_scrapes_exceeded_body_size_limit_total", ""): "scrapes that were too long",
    ("prometheus_target_scrapes_sample_duplicate_timestamp_total", ""): "samples given twice",
    ("prometheus_target_scrapes_sample_out_of_order_total", ""): "samples out of order",
    ("prometheus_target_scrapes_sample_out_of_bounds_total", ""): "samples too old to be stored",
}
_BY = ("receiver", "processor", "exporter", "error")


@dataclass(frozen=True)
class Loss:
    """Something that was lost. series: what counted it; where: its component or reason."""

    series: str
    where: str
    count: float
    meaning: str


def losses(window: Window, service_jobs: str) -> Iterator[Loss]:
    """Yield every loss of the window.

    service_jobs: pattern of the jobs whose series are those of the service.
    """
    for name, where, meaning in counters():
        # The name begins with the component that exposes it.
        job = f'job="{name.partition("_")[0]}"'
        for one in window.counted(name, _BY, f"{job}, {where}" if where else job):
            place = ", ".join(value for value in one.labels.values() if value)
            yield Loss(name, place, round(one.count), meaning)
    yield from _gaps(window, service_jobs)


def counters() -> Iterator[tuple[str, str, str]]:
    """Yield the counters of losses: name, matchers, what it means."""
    for what, meaning in _COLLECTOR.items():
        for signal, shown in _SIGNALS.items():
            yield f"otelcol_{what}_{signal}_total", "", f"{shown} {meaning}"
    for (name, where), meaning in _OTHERS.items():
        yield name, where, meaning


def _gaps(window: Window, service_jobs: str) -> Iterator[Loss]:
    """Yield restarts of the Collector, and scrapes of it that failed."""
    span = f"[{window.seconds}s]"
    uptime = "otelcol_process_uptime_seconds_total"
    query = f'sum by (instance) (resets({uptime}{{job="otelcol"}}{span}))'
    for one in window.above_zero(query):
        meaning = "restarts of the Collector: counts begin anew, and what it held is gone"
        yield Loss(uptime, one.labels.get("instance", ""), round(one.count), meaning)
    jobs = f'job=~"otelcol|{service_jobs}"'
    # Counted by the samples that are 0.
    failed = f"count_over_time(up{{{jobs}}}{span}) - sum_over_time(up{{{jobs}}}{span})"
    for one in window.above_zero(f"sum by (job) ({failed})"):
        yield Loss("up", one.labels.get("job", ""), round(one.count), "scrapes that failed")
