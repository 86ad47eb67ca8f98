"""The Collector's probe of the service's health routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsobs.model import conventions
from imsobs.model.kinds.kind import Kind
from imsobs.promql.series import Allowed
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model.metrics import ResolvedMetric


class Probe(Kind):
    """``probe``: what an answer says."""

    name = "probe"
    probed = True

    def own_labels(
        self, labels: dict[str, Allowed], metric: Metric, spec: Spec
    ) -> dict[str, Allowed]:
        """Return the labels; a component is one of those that are asked."""
        if "component" not in labels:
            return labels
        asked = (conventions.SERVICE_COMPONENT, *spec.service.components)
        return {**labels, "component": asked}

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return who asks."""
        return "the Collector's probe of the health routes"


KIND = Probe()
