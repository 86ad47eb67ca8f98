"""Metrics that the OpenTelemetry SDK emits, under another name and with fewer labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imsobs.model.kinds.kind import Kind, quoted
from imsobs.problems import KeyPath, Problem
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model.metrics import ResolvedMetric


class Sdk(Kind):
    """``sdk``: the name that the SDK gives a metric."""

    name = "sdk"
    sent = True
    folded = True
    repeated = True
    counts_requests = True

    def by_process(self, metric: ResolvedMetric) -> bool:
        """Return True: each process has an SDK of its own."""
        return True

    def problems(self, path: KeyPath, metric: Metric) -> Iterator[Problem]:
        """Yield labels of which it is not said what the SDK calls them."""
        if isinstance(metric.labels, list) and metric.labels:
            message = "an SDK metric's labels are a mapping: label -> attribute that the SDK sets"
            yield Problem((*path, "labels"), message, "metric/sdk-labels")

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return the SDK's name."""
        return f"the SDK's metric {quoted(metric)}, renamed"


KIND = Sdk()
