"""The stack: ports that do not clash, versions that fit, data kept long enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.model import Model
from imsobs.problems import Problem
from imsobs.shipped import shipped
from imsobs.spec.schema.base import seconds

_DAY = 86_400
_LOWEST_PORT = 1024


def check(model: Model) -> Iterator[Problem]:
    """Yield every stack/* problem."""
    yield from _ports(model)
    yield from _scrape(model)
    yield from _retention(model)
    yield from _versions(model)
    yield from _memory(model)
    if model.spec.stack.promtail and not model.spec.stack.loki:
        message = "Promtail sends to Loki, and stack.loki is null; leave it out as well"
        yield Problem(("stack", "promtail"), message, "stack/left-out")


def _ports(model: Model) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    for component, entry in model.spec.stack.components().items():
        ports: dict[str, int] = entry.ports.model_dump()
        for name, port in ports.items():
            path = ("stack", component, "ports", name)
            if port < _LOWEST_PORT:
                message = f"port {port} needs root; use {_LOWEST_PORT} or above"
                yield Problem(path, message, "stack/privileged-port")
            if port in taken:
                message = f"port {port} is taken by {taken[port]}; natively all share loopback"
                yield Problem(path, message, "stack/port-clash")
            taken.setdefault(port, f"stack.{component}.ports.{name}")


def _scrape(model: Model) -> Iterator[Problem]:
    scrape = model.spec.scrape
    interval, timeout = seconds(scrape.interval), seconds(scrape.timeout)
    if not 0 < interval <= 120:
        message = f'"{scrape.interval}" is not within 1s and 2m; a series fades after 5 minutes'
        yield Problem(("scrape", "interval"), message, "stack/scrape-interval")
    if not 0 < timeout <= interval:
        message = f'"{scrape.timeout}" is not within 1s and the interval, {scrape.interval}'
        yield Problem(("scrape", "timeout"), message, "stack/scrape-timeout")


def _retention(model: Model) -> Iterator[Problem]:
    retention = model.spec.retention
    if seconds(retention.logs) < _DAY or seconds(retention.logs) % _DAY:
        message = f'"{retention.logs}" is not whole days, one at least; Loki deletes by day'
        yield Problem(("retention", "logs"), message, "stack/retention-logs")
    if seconds(retention.traces) < 3600 or seconds(retention.traces) % 3600:
        message = f'"{retention.traces}" is not whole hours, one at least'
        yield Problem(("retention", "traces"), message, "stack/retention-traces")
    kept = seconds(retention.metrics)
    if kept < 2 * 3600:
        message = f'"{retention.metrics}" is shorter than the block that Prometheus writes, 2h'
        yield Problem(("retention", "metrics"), message, "stack/retention-metrics")
        return
    slos: dict[str, Any] = getattr(model.spec, "slos", {})
    windows = {name: str(slo.window) for name, slo in slos.items() if hasattr(slo, "window")}
    for name, window in windows.items():
        if seconds(window) > kept:
            message = (
                f"metrics are kept for {retention.metrics}, but the SLO {name} looks back "
                f"{window}; keep them at least as long"
            )
            yield Problem(("retention", "metrics"), message, "stack/retention-slo")


def _versions(model: Model) -> Iterator[Problem]:
    stack = model.spec.stack
    if stack.jaeger and stack.jaeger.version.split(".")[0] != "2":
        message = f"{stack.jaeger.version} is not a Jaeger v2; only its configuration is rendered"
        yield Problem(("stack", "jaeger", "version"), message, "stack/jaeger-major")
        return
    # Names and settings of components change with the version.
    rendered = shipped().components["otelcol"].version
    if stack.otelcol.version != rendered:
        message = f"the Collector is rendered and built for {rendered}"
        yield Problem(("stack", "otelcol", "version"), message, "stack/collector-version")


def _memory(model: Model) -> Iterator[Problem]:
    limit = model.spec.collector.memory_limit_mib
    whole = model.spec.stack.otelcol.memory_mib
    if limit * 100 > whole * 80:
        message = (
            f"{whole} MiB leave no room above collector.memory_limit_mib ({limit}); give at "
            f"least {-(-limit * 100 // 80)}, or the kernel kills it before it refuses data"
        )
        yield Problem(("stack", "otelcol", "memory_mib"), message, "stack/collector-memory")
