"""A metric from signal to panel."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.explain.explanation import Explanation, Row, placed
from imsobs.explain.readers import users
from imsobs.model import Model
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.reporters import named
from imsobs.problems import KeyPath, listed
from imsobs.spec.load import Document

# Kind of source -> the section of the spec that declares it.
_DECLARED = {"span": "sources", "event": "events"}


def series_of(metric: ResolvedMetric, model: Model) -> set[str]:
    """Return the names of a metric's series in Prometheus."""
    return {series.name for series in model.series.values() if series.metric == metric.name}


def explained(metric: ResolvedMetric, model: Model, document: Document) -> Explanation:
    """Return where a metric comes from, what its series look like and who reads them."""
    path: KeyPath = ("metrics", metric.name)
    series = series_of(metric, model)
    budget = f"at most {metric.series_budget} of one service in one environment"
    kind = f"{metric.type}, in {metric.unit}" if metric.unit not in ("", "1") else metric.type
    return Explanation(
        "metric",
        metric.name,
        placed(f"{kind}: {metric.description}", document, path),
        {
            "source": list(_source(metric, model, document)),
            "conditions": list(_conditions(metric, document, path)),
            "labels": list(_labels(metric, model, document)),
            "expected from": list(_expected_from(metric, model, document, path)),
            "series": [*(Row(name) for name in sorted(series)), Row(budget)],
            "used by": users(series, model, document),
        },
    )


def _source(metric: ResolvedMetric, model: Model, document: Document) -> Iterator[Row]:
    section = _DECLARED.get(metric.source_kind, "")
    for source in metric.sources:
        path: KeyPath = (section, source) if section else ("metrics", metric.name)
        text = f"{metric.source_kind} {source}".strip()
        entry = getattr(model.spec, section).get(source) if section else None
        told = f"{text}: {entry.description}" if entry is not None else text
        yield placed(told, document, path)
        if where := getattr(entry, "where", None):
            yield placed(f"where {where}", document, (*path, "where"))


def _conditions(metric: ResolvedMetric, document: Document, path: KeyPath) -> Iterator[Row]:
    for label, values in metric.when.items():
        yield placed(f"{label} is {' or '.join(values)}", document, (*path, "when", label))
    if metric.value:
        value = metric.value if isinstance(metric.value, str) else " or ".join(metric.value)
        yield placed(f"value: {value}", document, (*path, "value"))
    if metric.buckets:
        bounds = ", ".join(f"{bound:g}" for bound in metric.buckets)
        yield placed(f"buckets: {bounds}", document, (*path, "buckets"))
    if metric.fold is not None:
        yield placed(f"over processes: {metric.fold}", document, (*path, "fold"))


def _expected_from(
    metric: ResolvedMetric, model: Model, document: Document, path: KeyPath
) -> Iterator[Row]:
    for index, service in enumerate(named(model.spec, metric.name)):
        yield placed(service, document, (*path, "services", index))


def _labels(metric: ResolvedMetric, model: Model, document: Document) -> Iterator[Row]:
    for label, values in metric.labels.items():
        given = "any value" if values is None else listed(values, most=12)
        resolved = model.labels.get(label)
        read = metric.sdk_attributes.get(label) or (
            " or ".join(resolved.attributes) if resolved else ""
        )
        from_ = f", from {read}" if read else ""
        yield placed(f"{label}: {given}{from_}", document, ("labels", label))
