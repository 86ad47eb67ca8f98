"""Metrics that the OpenTelemetry SDK emits, under another name and with fewer labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imsobs import outside
from imsobs.model import conventions
from imsobs.model.kinds.kind import Kind, quoted
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model.metrics import ResolvedMetric

# Units of which another one is a fault: things are counted under many names.
_MEASURES = {"s", "ms", "us", "ns", "By", "KiBy", "MiBy"}


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
            return
        yield from _held(path, metric)

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return the SDK's name."""
        return f"the SDK's metric {quoted(metric)}, renamed"


def _held(path: KeyPath, metric: Metric) -> Iterator[Problem]:
    """Yield how a metric differs from the instrument of the SDK that it names."""
    name = metric.sdk or ""
    instrument = outside.instrument(name)
    if instrument is None:
        message = (
            f'"{name}" is no instrument of the conventions or of an instrumentation known here;'
            f" {available(name, outside.instruments())}; of your own, say why:"
            " allow: {metric/unknown-instrument: who sends it}"
        )
        yield Problem((*path, "sdk"), message, "metric/unknown-instrument")
        return
    if instrument.type != metric.type:
        message = f"{name} is a {instrument.type}, not a {metric.type}"
        yield Problem((*path, "type"), message, "metric/instrument-type")
        return
    unit = metric.unit or conventions.unit_of(str(path[-1]))
    if instrument.unit in _MEASURES and unit != instrument.unit:
        message = f'{name} is measured in "{instrument.unit}", but the name tells "{unit}"'
        yield Problem((*path, "sdk"), message, "metric/instrument-unit")
        return
    for label, attribute in metric.labels.items() if isinstance(metric.labels, dict) else ():
        if instrument.attributes is not None and attribute not in instrument.attributes:
            message = f'{name} has no attribute "{attribute}"; '
            message += available(attribute, instrument.attributes)
            yield Problem((*path, "labels", label), message, "metric/instrument-attribute")


KIND = Sdk()
