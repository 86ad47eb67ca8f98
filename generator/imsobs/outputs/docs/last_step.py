"""The end of a runbook: how one failed request is found, and how soon somebody is told."""

from __future__ import annotations

from urllib.parse import quote

from imsobs.model import Model, conventions
from imsobs.model.receivers import situations, taken
from imsobs.model.rules import ResolvedAlert, example_labels
from imsobs.promql.matchers import selector
from imsobs.spec.schema.base import seconds

_ROUTE = "route"
# What Jaeger looks back, and what the commands do.
_SINCE = "10m"


def last_step(alert: ResolvedAlert, model: Model) -> dict[str, str]:
    """Return the commands, the search link and the LogQL; empty when the alert has no service."""
    if conventions.SERVICE_NAME not in (alert.carried or ()):
        return {}
    labels = {**example_labels(model.spec), **(alert.test.labels if alert.test else {})}
    service = labels[conventions.SERVICE_NAME]
    route = f" --route {labels[_ROUTE]}" if labels.get(_ROUTE) else ""
    tags = '{"error":"true"' + (f',"http.route":"{labels[_ROUTE]}"' if route else "") + "}"
    stack = model.spec.stack
    traces: dict[str, str] = {}
    if stack.jaeger:
        traces = {
            "jaeger": f"http://127.0.0.1:{stack.jaeger.ports.http}/search?service={quote(service)}"
            f"&lookback=1h&limit=20&tags={quote(tags)}",
            "traces": f"imsobs traces --error{route} --since {_SINCE}",
        }
    streams = selector("", {key: labels[key] for key in conventions.IDENTITY_LABELS})
    return {
        **traces,
        "records": f"imsobs records --level error --since {_SINCE}\n"
        "imsobs records --trace TRACE_ID",
        **({"logql": f"{streams} | severity_number >= 17"} if stack.loki else {}),
    }


def told_within(alert: ResolvedAlert, model: Model) -> int:
    """Return the seconds within which somebody is told once the condition is true.

    One scrape, one evaluation, ``for``, one more evaluation that ends it, and the wait of the
    alert's group, of whatever service it is. What comes before, until enough has failed, depends
    on what fails.
    """
    spec = model.spec
    environment = example_labels(spec)[conventions.ENVIRONMENT]
    each = list(situations(alert, model))
    there = [labels for labels in each if labels[conventions.ENVIRONMENT] == environment]
    wait = max(_group_wait(labels, model) for labels in there or each)
    held = seconds(alert.for_ or "0s")
    every = seconds(alert.interval)
    return seconds(spec.scrape.interval) + every + -(-held // every) * every + wait


def _group_wait(labels: dict[str, str], model: Model) -> int:
    """Return how long the first route that is taken waits for more of a group, s."""
    first = next(iter(taken(labels, model).values()), None)
    return seconds((first and first.group_wait) or model.spec.routing.group_wait)
