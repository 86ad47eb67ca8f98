"""The probe: it is asked often enough to be believed, and is not taken for users' requests."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.checks.rules import reads
from imsobs.model import Model, conventions
from imsobs.model.kinds import probe
from imsobs.model.labels import ROUTE, apart_values, probed_routes, value_of
from imsobs.model.uses import uses_by_metric
from imsobs.problems import KeyPath, Problem, available
from imsobs.promql.matchers import is_one_of
from imsobs.spec.schema.base import seconds


def check(model: Model) -> Iterator[Problem]:
    """Yield the probe/* problems, and those of the times that health series depend on."""
    metrics = [metric.name for metric in probe.KIND.metrics(model)]
    yield from _kept(model, probed=bool(metrics))
    if not metrics:
        return
    if model.spec.service.health is None:
        uses = uses_by_metric(model)
        for name in metrics:
            message = "service.health is null, so nothing is probed; leave this metric out"
            if users := uses.get(name):
                message += f", and what uses it: {', '.join(users)}"
            yield Problem(("metrics", name), message, "probe/off")
        return
    yield from _components(model)
    yield from _apart(model)
    yield from _alerts(model)


def _kept(model: Model, *, probed: bool) -> Iterator[Problem]:
    """Yield what would let series vanish between two values, or be scraped never."""
    settings, scrape = model.spec.collector, model.spec.scrape
    gone, idle = seconds(settings.keep_gone), seconds(settings.keep_idle)
    interval, timeout = seconds(settings.probe_interval), seconds(settings.timeout_of_probe)
    sdk = conventions.SDK_INTERVAL_MS // 1000
    if probed and interval < 1:
        message = "the probe cannot be asked all the time; give at least 1s"
        yield Problem(("collector", "probe_interval"), message, "probe/interval")
    elif probed and interval + timeout >= gone:
        message = (
            f"a series of the probe is renewed after up to {interval + timeout} s (interval and"
            f" timeout), and dropped after {settings.keep_gone} (keep_gone), so it would come and"
            " go; ask more often or keep it longer"
        )
        yield Problem(("collector", "probe_interval"), message, "probe/interval")
    if probed and interval and not 0 < timeout <= interval:
        message = (
            f'"{settings.timeout_of_probe}" is not within 1s and the probe\'s interval,'
            f" {settings.probe_interval}"
        )
        yield Problem(("collector", "probe_timeout"), message, "probe/timeout")
    if gone < 2 * sdk:
        message = (
            f"the SDK sends every {sdk} s, so a series that is dropped after"
            f" {settings.keep_gone} would come and go; keep it for {2 * sdk}s at least"
        )
        yield Problem(("collector", "keep_gone"), message, "collector/keep-gone")
    if idle < max(2 * seconds(scrape.interval), gone):
        message = (
            f"a counter that is dropped after {settings.keep_idle} may never be scraped, and"
            f" starts anew each time; keep it for two scrapes ({scrape.interval} each) and at"
            f" least as long as keep_gone, {settings.keep_gone}"
        )
        yield Problem(("collector", "keep_idle"), message, "collector/keep-idle")


def _components(model: Model) -> Iterator[Problem]:
    service = model.spec.service
    known = model.labels["component"].values if "component" in model.labels else None
    for index, component in enumerate(service.components):
        path: KeyPath = ("service", "components", index)
        if known is not None and component not in known:
            message = f'the label component never is "{component}"; {available(component, known)}'
            yield Problem(path, message, "probe/unknown-component")
        if component == conventions.SERVICE_COMPONENT:
            message = f'"{component}" is the service itself, which service.health tells of'
            yield Problem(path, message, "probe/unknown-component")
    if service.components and service.health_detailed is None:
        message = "service.health_detailed is null, so no component is probed; leave them out"
        yield Problem(("service", "components"), message, "probe/unasked-components")


def _apart(model: Model) -> Iterator[Problem]:
    """Yield the probed routes that count among others, which may be those of users."""
    counted = {
        label
        for metric in model.metrics.values()
        if metric.kind.counts_requests
        for label in metric.labels
    }
    for name, label in model.labels.items():
        if name not in counted or ROUTE not in label.attributes:
            continue
        for path in probed_routes(model.spec):
            value = value_of(path, label.matches)
            if value is None or not is_one_of(value, apart_values(name, model.spec)):
                message = (
                    f'the probe asks {path}, which counts as {name}="{value}" among the requests'
                    " of users; give it a value of its own, before, or list this one under apart"
                )
                yield Problem(("labels", name), message, "probe/not-apart")


def _alerts(model: Model) -> Iterator[Problem]:
    """Yield alerts on health that a single failed probe would fire."""
    interval = seconds(model.spec.collector.probe_interval)
    probed = {metric.name for metric in probe.KIND.metrics(model)}
    for name, alert in model.spec.alerts.items():
        if alert.for_ is None or "probe/one-failure" in alert.allow:
            continue
        metrics = {model.series[s].metric for s in reads(alert.expr) if s in model.series}
        if probed & metrics and seconds(alert.for_) < interval:
            message = (
                f"{alert.for_} is shorter than the probe's interval,"
                f" {model.spec.collector.probe_interval}: a single failed probe would fire"
            )
            yield Problem(("alerts", name, "for"), message, "probe/one-failure")
