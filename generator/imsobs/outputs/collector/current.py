"""SDK metrics: selected, renamed and cut down to the catalogue's labels."""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.numbers import LARGEST_SUM
from imsobs.model.signals import exact
from imsobs.outputs.collector.identity import Group, process_group, resource_group
from imsobs.outputs.collector.ottl import (
    attribute,
    decimal,
    matches,
    normalize_label,
    set_to,
    text,
)


def resource_to_labels(labels: dict[str, str]) -> list[Group]:
    """Return the groups that make labels of these resource attributes, and of no other.

    labels: resource attribute -> label. The exporter could do that too, but it adds ``job``
    and ``instance`` from the service's name and id, which Prometheus sets itself.
    """
    copied = [
        set_to(attribute("datapoint", label), f"resource.attributes[{text(key)}]")
        for key, label in labels.items()
    ]
    return [
        {"context": "datapoint", "statements": copied},
        {"context": "resource", "statements": ["keep_keys(resource.attributes, [])"]},
    ]


def process_labels(metrics: list[ResolvedMetric]) -> list[Group]:
    """Return the groups that make labels of the process, for those metrics that keep it."""
    groups = resource_to_labels(conventions.PROCESS_LABELS)
    last = [metric.exposed for metric in metrics if metric.fold == "last"]
    if last:
        forget = [
            f"delete_key(datapoint.attributes, {text(label)})"
            for label in (conventions.INSTANCE_ID, conventions.PROCESS_ROLE)
        ]
        groups.append(
            {
                "context": "datapoint",
                "conditions": [matches("metric.name", exact(last))],
                "statements": forget,
            }
        )
    return groups


def sdk_filter(model: Model) -> dict[str, Any]:
    """Return the filter that drops every SDK metric that the spec does not name."""
    names = [metric.sources[0] for metric in _of_kind(model, "sdk")]
    return {
        "error_mode": "ignore",
        "metrics": {"metric": [f"not {matches('name', exact(names))}"]},
    }


def sdk_numbers(model: Model) -> dict[str, Any]:
    """Return the filter that drops the SDK's points that are no measurement.

    Apart from the choice by name, so that what it drops is counted apart. A NaN or an
    infinity would stay in what is summed over the labels that are left out.
    """
    largest = decimal(LARGEST_SUM)
    counters = [m.sources[0] for m in _of_kind(model, "sdk") if m.type == "counter"]
    negative = "(value_double < 0 or value_int < 0)"
    falls = [f"{negative} and {matches('metric.name', exact(counters))}"] if counters else []
    return {
        "error_mode": "ignore",
        "metrics": {
            "datapoint": [
                f"value_double != nil and not (value_double >= -{largest}"
                f" and value_double <= {largest})",
                f"value_int != nil and (value_int < -{largest} or value_int > {largest})",
                *falls,
                # Of a histogram, nothing that is observed is negative.
                f"sum != nil and not (sum >= 0 and sum <= {largest})",
                f"count != nil and not (count >= 0 and count <= {largest})",
            ]
        },
    }


def sdk_groups(model: Model) -> list[Group]:
    """Return the transform that renames SDK metrics and sums over the labels left out."""
    groups = [resource_group(model), process_group()]
    for metric in _of_kind(model, "sdk"):
        is_it = f"metric.name == {text(metric.sources[0])}"
        statements = []
        for label, key in metric.sdk_attributes.items():
            statements += normalize_label(model.labels[label], "datapoint", (key,))
        if statements:
            groups.append({"context": "datapoint", "conditions": [is_it], "statements": statements})
        kept = ", ".join(text(label) for label in metric.labels)
        groups.append(
            {
                "context": "metric",
                "conditions": [is_it],
                "statements": [
                    f'aggregate_on_attributes("sum", [{kept}])',
                    *_renamed(metric),
                ],
            }
        )
    return [*groups, *process_labels(_of_kind(model, "sdk"))]


def _renamed(metric: ResolvedMetric) -> list[str]:
    return [
        set_to("metric.name", text(metric.exposed)),
        set_to("metric.description", text(metric.description)),
        set_to("metric.unit", text("")),
    ]


def _of_kind(model: Model, kind: str) -> list[ResolvedMetric]:
    return [metric for metric in model.metrics.values() if metric.source_kind == kind]
