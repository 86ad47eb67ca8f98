"""SDK metrics: selected, renamed and cut down to the catalogue's labels."""

from __future__ import annotations

from typing import Any

from imsobs.model import Model
from imsobs.model.kinds import sdk
from imsobs.model.labels import exact
from imsobs.model.numbers import LARGEST_SUM
from imsobs.outputs.collector import ordered
from imsobs.outputs.collector.identity import (
    Group,
    process_group,
    process_labels,
    resource_group,
)
from imsobs.outputs.collector.ottl import (
    decimal,
    matches,
    normalize_label,
    renamed,
    text,
    transform,
)
from imsobs.outputs.collector.parts import ACCEPTED, Parts


def parts(model: Model) -> Parts:
    """Return the processors that select and rename the SDK's metrics, and their pipeline."""
    processors = {
        "filter/sdk": _chosen(model),
        "filter/sdk_numbers": _measurements(model),
        "transform/sdk": transform(metric_statements=[*_groups(model), ordered.arrival()]),
    }
    pipeline = {
        "receivers": [ACCEPTED],
        # The last for SDKs that are set to send deltas.
        "processors": [*processors, "delta_to_cumulative"],
        "exporters": ["prometheus/processes"],
    }
    return Parts(processors=processors, pipelines={"metrics/sdk": pipeline})


def _chosen(model: Model) -> dict[str, Any]:
    """Return the filter that drops every SDK metric that the spec does not name."""
    names = [metric.sources[0] for metric in sdk.KIND.metrics(model)]
    return {
        "error_mode": "ignore",
        "metrics": {"metric": [f"not {matches('name', exact(names))}"]},
    }


def _measurements(model: Model) -> dict[str, Any]:
    """Return the filter that drops the SDK's points that are no measurement.

    Apart from the choice by name, so that what it drops is counted apart. A NaN or an
    infinity would stay in what is summed over the labels that are left out.
    """
    largest = decimal(LARGEST_SUM)
    counters = [m.sources[0] for m in sdk.KIND.metrics(model) if m.type == "counter"]
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


def _groups(model: Model) -> list[Group]:
    """Return the transform that renames SDK metrics and sums over the labels left out."""
    groups = [resource_group(model), process_group()]
    for metric in sdk.KIND.metrics(model):
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
                    *renamed(metric),
                ],
            }
        )
    return [*groups, *process_labels(sdk.KIND.metrics(model))]
