"""Histograms with exemplars: measured from the traces that are kept, and pointing at them.

signal_to_metrics has no exemplars, and an exemplar of a trace that was not kept would lead
nowhere. So these metrics are counted by span_metrics, from what tail sampling lets through.
"""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.numbers import DURATION, fault_mark
from imsobs.outputs.collector import ordered
from imsobs.outputs.collector.duplicates import has_ranks
from imsobs.outputs.collector.identity import resource_to_labels
from imsobs.outputs.collector.ottl import renamed, text, transform

FORWARD = "forward/kept"
# Most exemplars of one series between two scrapes.
_EXEMPLARS = 5


def exemplar_metrics(model: Model) -> list[ResolvedMetric]:
    """Return the metrics that carry exemplars."""
    return [metric for metric in model.metrics.values() if metric.exemplars]


def connectors(model: Model) -> dict[str, Any]:
    """Return a span_metrics per metric, and the way from the trace store to them."""
    metrics = exemplar_metrics(model)
    found: dict[str, Any] = {FORWARD: {}} if metrics else {}
    for metric in metrics:
        found[f"span_metrics/{metric.name}"] = {
            "namespace": metric.name,
            "histogram": {
                "unit": "s",
                "explicit": {"buckets": [_duration(bound) for bound in metric.buckets]},
            },
            "dimensions": [{"name": label} for label in metric.labels],
            "exclude_dimensions": ["service.name", "span.name", "span.kind", "status.code"],
            "resource_metrics_key_attributes": list(conventions.RESOURCE_LABELS),
            "exemplars": {"enabled": True, "max_per_data_point": _EXEMPLARS},
            # Exemplars are kept until the next flush: flushed at the interval of the scrapes,
            # each is scraped once.
            "metrics_flush_interval": model.spec.scrape.interval,
            "metrics_expiration": model.spec.collector.keep_idle,
        }
    return found


def _duration(seconds: float) -> str:
    """Return a duration in Go's notation, to the nanosecond."""
    milliseconds, rest = divmod(round(seconds * 1e9), 1_000_000)
    return f"{milliseconds * 1_000_000 + rest}ns" if rest else f"{milliseconds}ms"


def processors(model: Model) -> dict[str, Any]:
    """Return, per metric, the choice of its spans and the renaming of what was counted."""
    found: dict[str, Any] = {}
    for metric in exemplar_metrics(model):
        mark = f'attributes["{conventions.SOURCE_MARK}"]'
        others = " and ".join(f"{mark} != {text(source)}" for source in metric.sources)
        faulty = f'attributes["{fault_mark(DURATION)}"] != nil'
        found[f"filter/{metric.name}"] = {
            "error_mode": "ignore",
            "traces": {"span": [f"{mark} == nil or ({others}) or {faulty}"]},
            # The connector counts calls too.
            "metrics": {"metric": [f"name != {text(metric.name + '.duration')}"]},
        }
        if kinds := _kinds(metric, model):
            other = " and ".join(f"kind != SPAN_KIND_{kind.upper()}" for kind in kinds)
            found[_of_kind(metric)] = {"error_mode": "ignore", "traces": {"span": [other]}}
        labels = ", ".join(text(label) for label in metric.labels)
        found[f"transform/{metric.name}"] = transform(
            metric_statements=[
                {"context": "metric", "statements": renamed(metric)},
                {
                    "context": "datapoint",
                    "statements": [
                        f"keep_keys(datapoint.attributes, [{labels}])",
                        *ordered.times(),
                    ],
                },
                *resource_to_labels(conventions.RESOURCE_LABELS),
            ]
        )
    return found


def _of_kind(metric: ResolvedMetric) -> str:
    return f"filter/{metric.name}/kind"


def _kinds(metric: ResolvedMetric, model: Model) -> list[str]:
    """Return the kinds of span that a metric is measured from; none where others matter too.

    Other spans need not be labelled a second time, unless they tell which of several that report
    one operation is counted.
    """
    sources = [model.spec.sources[name] for name in metric.sources]
    if any(source.kind is None or has_ranks(source) for source in sources):
        return []
    return sorted({source.kind for source in sources if source.kind is not None})


def pipelines(model: Model) -> dict[str, Any]:
    """Return, per metric, the pipeline that counts and the one that exposes."""
    found: dict[str, Any] = {}
    for metric in exemplar_metrics(model):
        found[f"traces/{metric.name}"] = {
            "receivers": [FORWARD],
            "processors": [
                *([_of_kind(metric)] if _kinds(metric, model) else []),
                "transform/derive_traces",
                f"filter/{metric.name}",
            ],
            "exporters": [f"span_metrics/{metric.name}"],
        }
        found[f"metrics/{metric.name}"] = {
            "receivers": [f"span_metrics/{metric.name}"],
            "processors": [f"filter/{metric.name}", f"transform/{metric.name}"],
            "exporters": ["prometheus/derived"],
        }
    return found
