"""Spans that came in, by the scope that they came from and the source that took them.

Whoever sends spans chooses the names of scopes. span_metrics bounds how many it counts apart, per
service and environment, which are closed sets: the rest is one series. signal_to_metrics has no
such bound, and one of its own would take series away from other metrics.
"""

from __future__ import annotations

from imsobs.model import Model, conventions
from imsobs.model.kinds import pipeline
from imsobs.model.labels import ResolvedLabel
from imsobs.outputs.collector import ordered
from imsobs.outputs.collector.identity import Group, resource_to_labels
from imsobs.outputs.collector.ottl import attribute, matches, renamed, set_to, text, transform
from imsobs.outputs.collector.parts import Parts

COUNTED = "span_metrics/scopes"
_RENAMED = "transform/scopes"
_TAKEN = f"{conventions.MARKS}taken"
# What span_metrics sets on the series that holds what is beyond the limit.
_BEYOND = "otel.metric.overflow"


def is_on(model: Model) -> bool:
    """Return whether the spec has a metric of the spans that came in."""
    return bool(pipeline.KIND.received(model)) and _labels(model) is not None


def _labels(model: Model) -> tuple[ResolvedLabel, ResolvedLabel] | None:
    names = (conventions.SCOPE, conventions.TAKEN_BY)
    if not all(name in model.labels for name in names):
        return None
    scope, source = (model.labels[name] for name in names)
    return scope, source


def scope_statements(model: Model) -> list[str]:
    """Return the statements that bound a scope's name, once per scope of an export."""
    if not is_on(model) or (labels := _labels(model)) is None:
        return []
    scope = labels[0]
    mark = attribute("scope", conventions.SCOPE_MARK)
    fits = " or ".join(matches("scope.name", pattern) for pattern in scope.matches.values())
    return [
        set_to(mark, text(scope.overflow)),
        set_to(mark, "scope.name", fits),
        set_to(mark, text(scope.missing), 'scope.name == ""'),
    ]


def taken_statements(model: Model) -> list[str]:
    """Return the statements that note scope and source, before duplicates lose their source."""
    if not is_on(model):
        return []
    of_scope = attribute("instrumentation_scope", conventions.SCOPE_MARK)
    mark, source = attribute("span", conventions.SOURCE_MARK), attribute("span", _TAKEN)
    return [
        set_to(attribute("span", conventions.SCOPE_MARK), of_scope),
        set_to(source, mark, f"{mark} != nil"),
    ]


def untaken_group(model: Model) -> list[Group]:
    """Return the group that leaves nothing else of spans that no metric is derived from.

    Each definition of what is counted looks for its mark among a span's attributes.
    """
    if not is_on(model):
        return []
    kept = f"[{text(conventions.SCOPE_MARK)}, {text(_TAKEN)}]"
    free = f"{attribute('span', conventions.SOURCE_MARK)} == nil"
    statement = f"keep_keys(span.attributes, {kept}) where {free}"
    return [{"context": "span", "statements": [statement]}]


def parts(model: Model) -> Parts:
    """Return what counts these spans, and the pipeline that exposes the counts."""
    if not is_on(model) or (labels := _labels(model)) is None:
        return Parts()
    scope, source = labels
    (metric,) = pipeline.KIND.received(model)
    connector = {
        "namespace": metric.name,
        "histogram": {"disable": True},
        "dimensions": [
            {"name": conventions.SCOPE_MARK},
            {"name": _TAKEN, "default": source.missing},
        ],
        "exclude_dimensions": ["service.name", "span.name", "span.kind", "status.code"],
        "resource_metrics_key_attributes": list(conventions.RESOURCE_LABELS),
        "aggregation_cardinality_limit": scope.limit,
        "metrics_flush_interval": model.spec.scrape.interval,
        "metrics_expiration": model.spec.collector.keep_idle,
    }
    beyond = f"{attribute('datapoint', _BEYOND)} != nil"
    of_scope, of_source = (attribute("datapoint", label.name) for label in labels)
    kept = ", ".join(text(label.name) for label in labels)
    exposing = transform(
        metric_statements=[
            {"context": "metric", "statements": renamed(metric)},
            {
                "context": "datapoint",
                "statements": [
                    set_to(of_scope, attribute("datapoint", conventions.SCOPE_MARK)),
                    set_to(of_source, attribute("datapoint", _TAKEN)),
                    set_to(of_scope, text(scope.overflow), beyond),
                    set_to(of_source, text(source.overflow), beyond),
                    f"keep_keys(datapoint.attributes, [{kept}])",
                    *ordered.times(),
                ],
            },
            *resource_to_labels(conventions.RESOURCE_LABELS),
        ]
    )
    exposed = {
        "receivers": [COUNTED],
        "processors": [_RENAMED],
        "exporters": ["prometheus/derived"],
    }
    return Parts(
        connectors={COUNTED: connector},
        processors={_RENAMED: exposing},
        pipelines={"metrics/scopes": exposed},
    )
