"""Recording rules: PromQL that the spec gives, or a ratio whose PromQL is written here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from imsobs.model import conventions
from imsobs.model.kinds.kind import Kind
from imsobs.model.labels import apart_in
from imsobs.model.ratios import expression
from imsobs.promql.series import Allowed
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model.metrics import ResolvedMetric


class Rule(Kind):
    """``rule``: PromQL. ``ratio``: a part of what was counted."""

    name = "rule"
    keys = ("rule", "ratio")
    exposed = False
    recorded = True
    labels_declared = False

    def given(self, metric: Metric, spec: Spec) -> list[tuple[str, ...]]:
        """Return the PromQL of each key that gives some."""
        found: list[tuple[str, ...]] = [] if metric.rule is None else [(metric.rule,)]
        if metric.ratio is not None:
            apart = partial(apart_in, spec=spec)
            found.append((expression(metric.ratio, list(metric.labels), apart),))
        return found

    def own_labels(
        self, labels: dict[str, Allowed], metric: Metric, spec: Spec
    ) -> dict[str, Allowed]:
        """Return the labels; a ratio also keeps service and environment."""
        if metric.ratio is None:
            return labels
        return dict.fromkeys(conventions.IDENTITY_LABELS) | labels

    def common_labels(self, metric: ResolvedMetric) -> dict[str, Allowed]:
        """Return none: the result of an expression has the labels that it says."""
        return {}

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return that it is recorded; the expression stands below."""
        return "recording rule"


KIND = Rule()
