"""Several services: names and teams that there are, and routes and metrics of the right service."""

from __future__ import annotations

from collections.abc import Iterator

from promql_parser import MatchOp

from imsobs import promql
from imsobs.model import Model, conventions
from imsobs.model.metrics import source_of
from imsobs.model.reporters import named
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.root import Spec


def check(model: Model) -> Iterator[Problem]:
    """Yield the service/* problems."""
    spec = model.spec
    yield from _unknown(spec)
    for name, metric in spec.metrics.items():
        source = source_of(metric, spec)
        if not metric.services or source is None:
            continue
        kind, _ = source
        if not (kind.labels_declared or kind.recorded):
            message = f"a metric of {kind.name} is no service's"
            yield Problem(("metrics", name, "services"), message, "service/nobodys")
    if not spec.services:
        return
    if missing := [name for name in spec.services if name not in spec.service.names]:
        message = f"{' and '.join(missing)} of services is not among the names; leave names out"
        yield Problem(("service", "names"), message, "service/names")
    for name, service in spec.services.items():
        path: KeyPath = ("services", name)
        teams = spec.alerting.teams
        if service.owner is not None and service.owner not in teams:
            message = f'team "{service.owner}" is not declared; {available(service.owner, teams)}'
            yield Problem((*path, "owner"), message, "service/unknown-team")
        for index, route in enumerate(service.routes):
            if route in service.routes[:index]:
                message = f"{route} is listed twice"
                yield Problem((*path, "routes", index), message, "service/route-twice")
    for path, expr in _queries(model):
        yield from _of_others(path, expr, model)


def _unknown(spec: Spec) -> Iterator[Problem]:
    known = list(spec.services) or spec.service.names
    named: list[tuple[KeyPath, str]] = [
        (("metrics", name, "services", index), service)
        for name, metric in spec.metrics.items()
        for index, service in enumerate(metric.services)
    ]
    named += [
        (("slos", name, "service"), slo.service)
        for name, slo in spec.slos.items()
        if slo.service is not None
    ]
    for path, service in named:
        if service not in known:
            message = f'the spec has no service "{service}"; {available(service, known)}'
            yield Problem(path, message, "service/unknown")


def _queries(model: Model) -> Iterator[tuple[KeyPath, str]]:
    """Yield the expressions of rules, objectives and alerts with their places."""
    yield from dict.fromkeys((record.path, record.expr) for record in model.records)
    for alert in model.alerts.values():
        yield alert.path, alert.expr


def _of_others(path: KeyPath, expr: str, model: Model) -> Iterator[Problem]:
    """Yield a problem for each selector of a service that has no such route or metric."""
    services = model.spec.services
    try:
        selectors = promql.selectors(promql.parse(expr))
    except ValueError:
        return  # told elsewhere
    told = set()
    for selector in selectors:
        wanted = {m.name: m.value for m in selector.matchers.matchers if m.op == MatchOp.Equal}
        name = wanted.get(conventions.SERVICE_NAME)
        if name not in services:
            continue
        route, routes = wanted.get("route"), services[name].routes
        others = [other for other, one in services.items() if route in one.routes]
        if others and route not in routes:
            message = f"{route} is a route of {' and '.join(others)}, not of {name}"
            told.add((message, "service/other-route"))
        series = model.series.get(promql.selector_name(selector))
        metric = series.metric if series is not None else ""
        own = named(model.spec, metric)
        if own and name not in own:
            message = f"{metric} is expected from {' and '.join(own)}, not from {name}"
            told.add((message, "service/other-metric"))
    for message, check_id in sorted(told):
        yield Problem(path, message, check_id)
