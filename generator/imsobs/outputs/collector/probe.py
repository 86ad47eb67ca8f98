"""Health: one value per component, from the HTTP check of a route.

The check reports status code, validation of the body and duration as separate metrics, and a
metric that is missing would leave its last value exposed. So each data point of a probe becomes
a weight, and a connector adds up the weights of a component: the sum shows which data points
there were, in one step (ADR 14).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from imsobs.model import Model, conventions
from imsobs.model.kinds import probe
from imsobs.outputs.collector import ordered
from imsobs.outputs.collector.identity import Group, resource_group, resource_to_labels
from imsobs.outputs.collector.ottl import attribute, quoted, set_to, text, transform
from imsobs.outputs.collector.parts import Parts
from imsobs.outputs.references import Reference, Value, join
from imsobs.spec.schema.base import seconds

RECEIVER = "http_check"
CONNECTOR = "signal_to_metrics/probe"
HEALTHY = "healthy"
# Weights of a probe's data points. A status code of class 2xx counts 1 by the check itself.
_VOUCHED, _DENIED, _LATE = 10, 100, 1000
_LATENESS = "httpcheck.lateness"
_VERDICTS = {"httpcheck.validation.passed": _VOUCHED, "httpcheck.validation.failed": _DENIED}
# Characters that mean nothing in a path of the check's JSON library (gjson, EscapeComponent).
_PLAIN = frozenset("_-:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Asked:
    """A service that is asked for its health. paths: component -> path below its address."""

    service: str
    receiver: str
    url: Reference
    paths: dict[str, str]


def asked(model: Model) -> list[Asked]:
    """Return the services that are asked; empty when nothing is probed."""
    service = model.spec.service
    first = service.names[0]
    url = Reference("IMSOBS_SERVICE_URL", service.url)
    found = [Asked(first, RECEIVER, url, paths)] if (paths := targets(model)) else []
    for name, one in model.spec.services.items():
        if name != first and one.url is not None and one.health is not None:
            own = Reference(variable_of(name), one.url)
            paths = {conventions.SERVICE_COMPONENT: one.health}
            found.append(Asked(name, f"{RECEIVER}/{name}", own, paths))
    return found


def variable_of(service: str) -> str:
    """Return the variable with the address of a service that is not the first."""
    return f"IMSOBS_SERVICE_URL_{service.upper().replace('-', '_')}"


def targets(model: Model) -> dict[str, str]:
    """Return component -> path of the first service; empty when it is not probed."""
    service = model.spec.service
    if service.health is None:
        return {}
    found = {conventions.SERVICE_COMPONENT: service.health}
    if service.health_detailed is not None:
        sign = "&" if "?" in service.health_detailed else "?"
        for component in service.components:
            name = quote(component, safe="")
            found[component] = f"{service.health_detailed}{sign}component={name}"
    return found


def parts(model: Model) -> Parts:
    """Return the HTTP check, what weighs and sums its data points, and their pipelines."""
    if not is_on(model):
        return Parts()
    return Parts(_receivers(model), _processors(model), _connectors(model), _pipelines(model))


def is_on(model: Model) -> bool:
    """Return whether the Collector probes the service: there is a route, and a metric of it."""
    return bool(asked(model) and probe.KIND.metrics(model))


def variables(model: Model) -> list[str]:
    """Return the environment variables that the probe's headers are read from."""
    headers = model.spec.service.probe.headers.values()
    return [value.env for value in headers if not isinstance(value, str)]


def _receivers(model: Model) -> dict[str, Any]:
    """Return the HTTP check of every component, one receiver per service."""
    return {one.receiver: _checks(one, model) for one in asked(model)}


def _checks(one: Asked, model: Model) -> dict[str, Any]:
    given = model.spec.service.probe
    headers: dict[str, Value] = {
        name: value if isinstance(value, str) else Reference(value.env, "")
        for name, value in given.headers.items()
    }
    checks = []
    for component, path in one.paths.items():
        check: dict[str, Any] = {
            "endpoint": join(one.url, path),
            "method": given.method,
            "timeout": model.spec.collector.timeout_of_probe,
        }
        if headers:
            check["headers"] = headers
        if component != conventions.SERVICE_COMPONENT and given.answer == "body":
            check["validations"] = [{"json_path": _status_path(component), "equals": HEALTHY}]
        checks.append(check)
    return {
        "collection_interval": model.spec.collector.probe_interval,
        "metrics": {name: {"enabled": True} for name in _VERDICTS},
        "targets": checks,
    }


def _status_path(component: str) -> str:
    """Return the path of a component's status in the documented body, which must be sound JSON."""
    name = "".join(c if c in _PLAIN else f"\\{c}" for c in component)
    return f"@valid|components.{name}.status"


def _processors(model: Model) -> dict[str, Any]:
    """Return what weighs the data points of probes, and what reads their sum."""
    known = "|".join(name.removeprefix("httpcheck.") for name in _VERDICTS).replace(".", "\\.")
    return {
        "filter/probe": {
            "error_mode": "ignore",
            "metrics": {
                "metric": [f"not IsMatch(name, {text(f'^httpcheck.(status|duration|{known})$')})"],
                "datapoint": [
                    'metric.name == "httpcheck.status" and attributes["http.status_class"] != "2xx"'
                ],
            },
        },
        "transform/probe": transform(metric_statements=_weighing(model)),
        "transform/health": transform(metric_statements=_reading(model)),
    }


def _weighing(model: Model) -> list[Group]:
    """Return the transform that names the component of each data point and weighs it."""
    component, url = attribute("datapoint", "component"), attribute("datapoint", "http.url")
    services = asked(model)
    identify = [
        join(set_to(component, text(name)), f" where {url} == ", quoted(one.url, path))
        for one in services
        for name, path in one.paths.items()
    ]
    # What one receiver found is of one service.
    own = 'resource.attributes["service.name"]'
    identify += [
        join(set_to(own, text(one.service)), f" where {url} == ", quoted(one.url, path))
        for one in services
        if one.receiver != RECEIVER
        for path in one.paths.values()
    ]
    environment = quoted(Reference("IMSOBS_ENVIRONMENT", model.spec.service.environments[0]))
    # A response whose body is not complete in time has a status code, but is late.
    late = seconds(model.spec.collector.timeout_of_probe) * 1000
    is_lateness = f"metric.name == {text(_LATENESS)}"
    weigh = [
        set_to("datapoint.value_int", str(weight), f"metric.name == {text(name)}")
        for name, weight in _VERDICTS.items()
    ]
    weigh += [
        set_to("datapoint.value_int", "0", f"{is_lateness} and datapoint.value_int < {late}"),
        set_to("datapoint.value_int", str(_LATE), f"{is_lateness} and datapoint.value_int > 0"),
    ]
    return [
        {
            "context": "resource",
            "statements": [
                set_to('resource.attributes["service.name"]', text(model.spec.service.names[0])),
                join('set(resource.attributes["deployment.environment.name"], ', environment, ")"),
            ],
        },
        resource_group(model),
        {
            "context": "metric",
            "conditions": ['metric.name == "httpcheck.duration"'],
            "statements": [f"copy_metric(name={text(_LATENESS)})"],
        },
        {"context": "datapoint", "statements": [*identify, *weigh]},
    ]


def _connectors(model: Model) -> dict[str, Any]:
    """Return the connector that makes one value of the data points of a component."""
    definitions = []
    for metric in probe.KIND.metrics(model):
        definition: dict[str, Any] = {
            "name": metric.name,
            "description": metric.description,
            "include_resource_attributes": [{"key": key} for key in conventions.RESOURCE_LABELS],
            "attributes": [{"key": "component"}],
        }
        is_duration = 'metric.name == "httpcheck.duration"'
        if metric.sources[0] == "duration":
            # The check reports whole milliseconds.
            definition["conditions"] = [is_duration]
            definition["gauge"] = {"value": "Double(datapoint.value_int) / 1000.0"}
        else:
            definition["conditions"] = [f"not ({is_duration})"]
            definition["sum"] = {"value": "Double(datapoint.value_int)", "monotonic": False}
        definitions.append(definition)
    return {CONNECTOR: {"error_mode": "ignore", "datapoints": definitions}}


def _reading(model: Model) -> list[Group]:
    """Return the transform that makes 1 or 0 of the sum of weights.

    A body that fails validation, or a late response, is unhealthy whatever the status code;
    else a body that passes is healthy; without validation, the status code decides.
    """
    groups: list[Group] = []
    for metric in probe.KIND.metrics(model):
        if metric.sources[0] == "status":
            is_it = [f"metric.name == {text(metric.name)}"]
            value = "datapoint.value_double"
            read = [
                set_to(value, "0.0", f"{value} >= {_DENIED}.0"),
                set_to(value, "1.0", f"{value} >= {_VOUCHED}.0"),
            ]
            groups += [
                {
                    "context": "metric",
                    "conditions": is_it,
                    "statements": ["convert_sum_to_gauge()"],
                },
                {"context": "datapoint", "conditions": is_it, "statements": read},
            ]
    return [*groups, *resource_to_labels(conventions.RESOURCE_LABELS), ordered.arrival()]


def _pipelines(model: Model) -> dict[str, Any]:
    """Return the pipelines of the probe: from the check to the weights, from their sum on."""
    return {
        "metrics/probe": {
            "receivers": [one.receiver for one in asked(model)],
            "processors": ["filter/probe", "transform/probe"],
            "exporters": [CONNECTOR],
        },
        "metrics/health": {
            "receivers": [CONNECTOR],
            "processors": ["transform/health"],
            "exporters": ["prometheus/current"],
        },
    }
