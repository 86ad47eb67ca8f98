"""Metrics that components of the stack expose about themselves, scraped as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imsobs import outside
from imsobs.model import conventions
from imsobs.model.kinds.kind import Kind, quoted
from imsobs.problems import KeyPath, Problem, available
from imsobs.promql.series import Allowed
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model.metrics import ResolvedMetric


class Stack(Kind):
    """``stack``: the component that exposes it."""

    name = "stack"
    exposed = False
    named_here = False
    labels_declared = False

    def common_labels(self, metric: ResolvedMetric) -> dict[str, Allowed]:
        """Return the scrape's labels: a component is nobody's service."""
        return dict.fromkeys(conventions.SCRAPE_LABELS)

    def problems(self, path: KeyPath, metric: Metric) -> Iterator[Problem]:
        """Yield what the component, as this program runs it, exposes otherwise or not at all."""
        component, name = metric.stack or "", str(path[-1])
        known = {*outside.components(), *outside.NOT_READ}
        if component not in known:
            message = f'"{component}" is no component of the stack; {available(component, known)}'
            yield Problem((*path, "stack"), message, "metric/unknown-component")
        elif component not in outside.NOT_READ:
            yield from _held(path, name, component, metric)

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return the component."""
        return f"exposed by {quoted(metric)} itself"


def _held(path: KeyPath, name: str, component: str, metric: Metric) -> Iterator[Problem]:
    """Yield how a metric differs from the series of its name that the component exposes."""
    series = outside.series(component, name)
    if series is None:
        others = " and ".join(outside.exposing(name))
        hint = f"{others} does" if others else available(name, outside.exposed(component))
        message = f"{component} exposes no series of this name; {hint}"
        yield Problem(path, message, "metric/unknown-series")
        return
    # A summary has no name of its own among the types of a spec.
    if series.type not in (metric.type, "summary"):
        message = f"{component} exposes it as a {series.type}, not as a {metric.type}"
        yield Problem((*path, "type"), message, "metric/series-type")
    if series.labels is None:
        return
    for label in metric.labels:
        if label not in series.labels:
            message = f'{component} sets no label "{label}" on it; '
            message += available(label, series.labels)
            yield Problem((*path, "labels"), message, "metric/series-label")


KIND = Stack()
