"""Service, environment and process: resource attributes with bounded values, made labels."""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.labels import exact
from imsobs.model.metrics import ResolvedMetric
from imsobs.outputs.collector.ottl import attribute, forget_marks, matches, set_to, text

Group = dict[str, Any]
_PROCESS = list(conventions.PROCESS_LABELS)[len(conventions.RESOURCE_LABELS) :]
_INSTANCE_ID = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"


def resource_group(model: Model) -> Group:
    """Return the statements that bound the resource: service and environment, else other."""
    service = model.spec.service
    name, env = (
        'resource.attributes["service.name"]',
        'resource.attributes["deployment.environment.name"]',
    )
    old = 'resource.attributes["deployment.environment"]'
    return {
        "context": "resource",
        "statements": [
            set_to(
                name,
                text(conventions.OTHER),
                f"{name} == nil or not {matches(name, exact(service.names))}",
            ),
            set_to(env, old, f"{env} == nil and {old} != nil"),
            set_to(env, text(conventions.UNKNOWN), f"{env} == nil"),
            set_to(
                env,
                text(conventions.OTHER),
                f"not {matches(env, exact([*service.environments, conventions.UNKNOWN]))}",
            ),
        ],
    }


def forget_marks_of_resource() -> list[str]:
    """Return the statements that drop what only the derivation may set, but not the role.

    The role of a process has the same beginning, and comes with the resource.
    """
    role = f"resource.attributes[{text(conventions.ROLE_ATTRIBUTE)}]"
    kept = 'resource.cache["role"]'
    return [
        set_to(kept, role, f"{role} != nil"),
        forget_marks("resource"),
        set_to(role, kept, f"{kept} != nil"),
    ]


def process_group() -> Group:
    """Return the statements that bound the id and the role of the process.

    A value that is not shaped like an id becomes ``other``: no free text may become a label.
    """
    instance, role = (f"resource.attributes[{text(key)}]" for key in _PROCESS)
    odd = f"{instance} == nil or not {matches(instance, _INSTANCE_ID)}"
    strange = f"not {matches(role, exact([*conventions.PROCESS_ROLES, conventions.UNKNOWN]))}"
    return {
        "context": "resource",
        "statements": [
            set_to(instance, text(conventions.OTHER), odd),
            set_to(role, text(conventions.UNKNOWN), f"{role} == nil"),
            set_to(role, text(conventions.OTHER), strange),
        ],
    }


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
