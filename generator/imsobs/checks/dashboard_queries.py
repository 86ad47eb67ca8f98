"""Queries of panels: they parse, select what exists, and follow the dashboard's variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from promql_parser import Call

from imsobs import logql, promql
from imsobs.checks.rules import located, mixing_apart, shown
from imsobs.checks.thresholds import beyond_retention
from imsobs.model import Model, conventions
from imsobs.model.dashboards import ResolvedDashboard, ResolvedPanel
from imsobs.model.dashboards.queries import Query
from imsobs.problems import KeyPath, Problem, available, part
from imsobs.promql import labels as promql_labels
from imsobs.promql.places import place_of_word

# Set by Grafana itself, in every dashboard.
_BUILT_IN = {"__rate_interval", "__interval", "__interval_ms", "__range", "__range_s", "__auto"}
# Seconds that stand for Grafana's windows in the syntax tree, to distinguish them from fixed ones.
_GRAFANA_WINDOW = 7_777_777
_WINDOW_VARIABLE = re.compile(r"\$(?:__rate_interval|__range)\b|\$\{__(?:rate_interval|range)\}")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
# Where in a panel the fault of a derived query lies, by what the fault is about.
_FAULT_KEYS = {
    "promql/unknown-grouping-label": "by",
    "promql/unknown-label": "where",
    "promql/unknown-label-value": "where",
}


def promql_problems(
    panel: ResolvedPanel, query: Query, dashboard: ResolvedDashboard, model: Model
) -> Iterator[Problem]:
    """Yield the faults of one PromQL query, each at the key that it comes from."""
    written = panel.purpose == "promql"
    found = promql_labels.findings(query.text, model.series)
    for finding in found:
        if finding.check == "promql/unknown-metric" and not written:
            continue  # reported by name, at the purpose
        key = query.key if written else (_FAULT_KEYS.get(finding.check, panel.purpose),)
        yield located(finding, query.text, (*panel.path, *key))
    if found:
        return
    path = (*panel.path, *query.key)
    if written:
        yield from _variables(path, query.text, dashboard)
        yield from _windows(path, query.text)
        yield from shown(query.text, path)
        if not _WINDOW_VARIABLE.search(query.text):
            yield from beyond_retention(query.text, path, model)
        yield from mixing_apart(query.text, path, "dashboard/values-apart", model)
    yield from _follows_variables(path, query.text, dashboard, model)


def _follows_variables(
    path: KeyPath, text: str, dashboard: ResolvedDashboard, model: Model
) -> Iterator[Problem]:
    """Yield the series that a query takes of every service or environment alike.

    Several services of one dashboard may be meant, environments never are.
    """
    for selector in promql.selectors(promql.parse(text)):
        name = promql.selector_name(selector)
        series = model.series.get(name)
        if series is None:
            continue
        lacking = series.labels.keys() - {matcher.name for matcher in selector.matchers.matchers}
        if "service" in dashboard.variables and conventions.SERVICE_NAME in lacking:
            message = f'"{name}" is of every service; add {conventions.SERVICE_NAME}=~"$service"'
            at = part(text, place_of_word(text, name))
            yield Problem(path, message, "dashboard/service-filter", part=at)
        if conventions.ENVIRONMENT in lacking:
            at = part(text, place_of_word(text, name))
            yield replace(_every_environment(path, f'"{name}" is', dashboard), part=at)


def _every_environment(path: KeyPath, what: str, dashboard: ResolvedDashboard) -> Problem:
    remedy = f'add {conventions.ENVIRONMENT}=~"$environment"'
    if "environment" not in dashboard.variables:
        remedy = "add environment to the variables of the dashboard"
    return Problem(path, f"{what} of every environment; {remedy}", "dashboard/environment-filter")


def _windows(path: KeyPath, text: str) -> Iterator[Problem]:
    marked = _WINDOW_VARIABLE.sub(f"{_GRAFANA_WINDOW}s", text)
    for node in promql.walk(promql.parse(marked)):
        if isinstance(node, Call) and node.func.name in ("rate", "irate"):
            window = getattr(node.args[0], "range", None)
            if window is not None and window.total_seconds() != _GRAFANA_WINDOW:
                message = (
                    f"{node.func.name} over a fixed window misses data when the time shown changes"
                )
                message += "; use $__rate_interval"
                at = part(text, place_of_word(text, node.func.name))
                yield Problem(path, message, "dashboard/hard-coded-interval", part=at)


def _variables(path: KeyPath, text: str, dashboard: ResolvedDashboard) -> Iterator[Problem]:
    known = {*dashboard.variables, *_BUILT_IN}
    for match in _VARIABLE.finditer(text):
        name = match.group(1) or match.group(2)
        if name not in known:
            hint = available(name, dashboard.variables)
            message = f'variable "${name}" is not one of this dashboard; {hint}'
            at = part(text, match.start())
            yield Problem(path, message, "dashboard/unknown-variable", part=at)


def logql_problems(
    panel: ResolvedPanel, query: Query, dashboard: ResolvedDashboard
) -> Iterator[Problem]:
    """Yield the faults of one LogQL query."""
    path = (*panel.path, *query.key)
    try:
        parsed = logql.parse(query.text)
    except logql.LogQLError as error:
        message = f"LogQL does not parse: {error}"
        yield Problem(path, message, "dashboard/logql", part=part(query.text, error.at))
        return
    yield from _variables(path, query.text, dashboard)
    if parsed.metric != (query.language == "logql"):
        message = "logs shows lines, logql numbers; this query gives the other"
        yield Problem(path, message, "dashboard/logql")
    for label in parsed.labels:
        if label not in conventions.LOG_STREAM_LABELS:
            hint = available(label, conventions.LOG_STREAM_LABELS)
            message = f'log streams have no label "{label}" (filter after the selector); {hint}'
            at = part(query.text, parsed.places.get(label))
            yield Problem(path, message, "dashboard/log-label", part=at)
    if "service" in dashboard.variables and conventions.SERVICE_NAME not in parsed.labels:
        message = f'these are logs of every service; add {conventions.SERVICE_NAME}=~"$service"'
        yield Problem(path, message, "dashboard/service-filter")
    if conventions.ENVIRONMENT not in parsed.labels:
        yield _every_environment(path, "these are logs", dashboard)
